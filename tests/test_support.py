"""What the tests themselves stand on: namespaces, the command, the account of skips."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.testing.command import NotReadyError, Tracer
from tracer_core.testing.netns import FOLDER, TwoNamespaces, remove_leftovers, two_namespaces

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent

SCRIPT = """#!{python}
import pathlib, signal, sys
signal.signal(signal.SIGINT, lambda *_: sys.exit("interrupted"))
print(*sys.argv[1:], flush=True)
{middle}
signal.pause()
"""


@pytest.fixture
def fake(tmp_path: Path) -> Callable[[str], Tracer]:
    """A command in the place of ``tracer`` that does what it is told between its first line and waiting."""

    def make(middle: str) -> Tracer:
        path = tmp_path / "tracer"
        path.write_text(SCRIPT.format(python=sys.executable, middle=middle))
        path.chmod(0o755)
        return Tracer(path, tmp_path)

    return make


def test_a_collection_is_ready_in_the_block_and_has_ended_after_it(fake: Callable[[str], Tracer]) -> None:
    with fake("pathlib.Path(sys.argv[-1]).touch(); print('event', flush=True)").collect("-c", "hello") as collecting:
        collecting.wait_for("event")
        assert collecting.process.poll() is None
    assert collecting.exit_code == 1
    assert collecting.stdout.startswith("collect -c hello --ready-file ")
    assert collecting.stderr == "interrupted\n"


def test_a_collection_that_ends_early_is_an_error_with_its_words(fake: Callable[[str], Tracer]) -> None:
    with (
        pytest.raises(NotReadyError, match=r"(?s)ended with 1 before it was ready.*sorry"),
        fake("sys.exit('sorry')").collect(),
    ):
        pytest.fail("it is not ready")


def test_a_collection_that_never_gets_ready_is_an_error(fake: Callable[[str], Tracer]) -> None:
    with pytest.raises(NotReadyError, match=r"was not ready after 0[.]2 s"), fake("").collect(timeout=0.2):
        pytest.fail("it is not ready")


def test_a_collection_has_ended_after_a_failure_in_its_block(fake: Callable[[str], Tracer]) -> None:
    processes = []

    def fail() -> None:
        with fake("pathlib.Path(sys.argv[-1]).touch()").collect() as collecting:
            processes.append(collecting.process)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [process.returncode for process in processes] == [1]


def test_waiting_for_what_is_never_printed_shows_what_was(fake: Callable[[str], Tracer]) -> None:
    expected = pytest.raises(AssertionError, match=r"(?s)'event' was not printed 1 time.*collect --ready-file")
    with fake("pathlib.Path(sys.argv[-1]).touch()").collect() as collecting, expected:
        collecting.wait_for("event", timeout=0.1)


def test_two_namespaces_reach_each_other(two_netns: TwoNamespaces) -> None:
    two_netns.run(two_netns.a, ["ping", "-n", "-c", "1", "-W", "5", two_netns.b.ipv4])
    two_netns.run(two_netns.b, ["ping", "-n", "-c", "1", "-W", "5", two_netns.a.ipv6])
    assert len({*two_netns.inodes, Path("/proc/self/ns/net").stat().st_ino}) == 3


def test_sockets_made_inside_a_namespace_stay_there(two_netns: TwoNamespaces) -> None:
    before = Path("/proc/thread-self/ns/net").stat().st_ino
    with two_netns.b.entered():
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with two_netns.a.entered():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    assert Path("/proc/thread-self/ns/net").stat().st_ino == before
    with server, client:
        server.settimeout(5)
        server.bind((two_netns.b.ipv4, 4711))
        client.sendto(b"hello", (two_netns.b.ipv4, 4711))
        data, peer = server.recvfrom(16)
    assert (data, peer[0]) == (b"hello", two_netns.a.ipv4)


def test_namespaces_are_gone_after_a_failure(root: None) -> None:
    names: list[str] = []

    def fail() -> None:
        with two_namespaces("tracer-test") as both:
            names.extend(both.names)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert len(names) == 2
    assert [name for name in names if (FOLDER / name).exists()] == []


def test_only_what_dead_processes_left_behind_is_removed(two_netns: TwoNamespaces) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = f"tracer-test-{dead.pid}-a"
    subprocess.run(["ip", "netns", "add", left], check=True)
    try:
        assert remove_leftovers("tracer-test") == [left]
    finally:
        if (FOLDER / left).exists():
            subprocess.run(["ip", "netns", "delete", left], check=True)
    assert all((FOLDER / name).exists() for name in two_netns.names)


def pytest_run(tmp_path: Path, test: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on a file with the repository's conftest."""
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text())
    (tmp_path / "test_it.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", ".", "."]
    variables = {name: value for name, value in os.environ.items() if name != "TRACER_REQUIRE"}
    return subprocess.run(
        command, cwd=tmp_path, check=False, capture_output=True, text=True, env={**variables, **environment}
    )


UNAVAILABLE = """
from tracer_core.testing.pytest_plugin import unavailable

def test_it() -> None:
    unavailable("bpf", "this kernel has no BPF")
"""


def test_a_run_ends_with_what_was_not_run_and_the_closing_line(tmp_path: Path) -> None:
    result = pytest_run(tmp_path, UNAVAILABLE)
    assert result.returncode == 0, result.stdout
    *_, account, closing = result.stdout.splitlines()
    assert account == "not run here: 1 test(s) (this kernel has no BPF)"
    assert "1 skipped" in closing


def test_what_is_required_fails_instead_of_being_skipped(tmp_path: Path) -> None:
    result = pytest_run(tmp_path, UNAVAILABLE, TRACER_REQUIRE="root, bpf")
    assert result.returncode == 1
    assert "this kernel has no BPF (TRACER_REQUIRE names bpf)" in result.stdout
    assert "not run here: nothing" in result.stdout


def test_a_test_that_changes_the_environment_fails(tmp_path: Path) -> None:
    result = pytest_run(tmp_path, "import os\n\ndef test_it():\n    os.environ['LEFT'] = 'behind'\n")
    assert "the test changed the environment: ['LEFT']" in result.stdout
