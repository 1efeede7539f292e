"""Network namespaces as users name them: what is resolved, and which numbers are warned of."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tracer_core.errors import UsageError
from tracer_core.kernel.namespaces import mounted
from tracer_core.run import netns

OWN = Path("/proc/self/ns/net")
NOBODYS = (1 << 32) - 1


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where names of namespaces are looked for."""
    monkeypatch.setattr(netns, "_NAMED", (tmp_path,))
    return tmp_path


def test_a_namespace_that_somebody_has_is_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    number = OWN.stat().st_ino
    assert netns.inodes([str(number), str(OWN)], is_here=True) == (number, number)
    assert caplog.messages == []


def test_a_number_that_is_no_namespace_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    assert netns.inodes([str(NOBODYS)] * 2, is_here=True) == (NOBODYS, NOBODYS)
    assert caplog.messages == [
        f"--netns {NOBODYS}: no such network namespace is seen here, so there may be nothing to report; "
        "list them with: ip netns; lsns -t net"
    ]


def test_who_gives_a_pid_is_told_the_path_that_is_meant(caplog: pytest.LogCaptureFixture) -> None:
    pid = os.getpid()
    assert netns.inodes([str(pid)], is_here=True) == (pid,)
    (warning,) = caplog.messages
    assert warning.endswith(f"; for that of process {pid}: --netns /proc/{pid}/ns/net")
    caplog.clear()
    netns.inodes([f"/proc/{pid}/ns/net"], is_here=True)
    assert caplog.messages == []


def test_numbers_of_other_machines_are_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    assert netns.inodes([str(NOBODYS)], is_here=False) == (NOBODYS,)
    assert caplog.messages == []


def test_a_name_may_be_a_number_and_comes_before_the_number(named: Path, caplog: pytest.LogCaptureFixture) -> None:
    (named / "100").symlink_to(OWN)
    assert netns.inodes(["100"], is_here=True) == (OWN.stat().st_ino,)
    assert caplog.messages == []
    assert netns.inode("101") == 101


@pytest.mark.parametrize("text", [str(1 << 32), "9" * 200, "-1", "1e3", "\u0661"])
def test_what_is_no_number_of_an_inode_is_a_name(named: Path, text: str) -> None:
    with pytest.raises(UsageError, match="no such network namespace"):
        netns.inode(text)


def test_what_the_link_of_a_namespace_reads_is_answered_with_the_number(named: Path) -> None:
    with pytest.raises(UsageError, match="no such network namespace; give the number alone: --netns 4026531840"):
        netns.inode("net:[4026531840]")


def test_mounts_keep_namespaces_wherever_they_are(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text(
        "22 1 0:21 / /proc rw,nosuid shared:1 - proc proc rw\n"
        "23 22 0:4 net:[4026532177] /run/docker/netns/default rw shared:2 - nsfs nsfs rw\n"
        "24 22 0:4 mnt:[4026532178] /run/net:[4026532180] rw - nsfs nsfs rw\n"
        "25 22 0:4 net:[4026532179] /any/where rw - nsfs nsfs rw\n"
    )
    assert list(mounted("net", tmp_path)) == [4026532177, 4026532179]
    assert list(mounted("net", tmp_path / "nowhere")) == []
