"""Where root file systems of other releases come from, and what becomes of one that cannot be made."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from pathlib import Path

import pytest

from lab import apt, cache, chroot, fixtures, roots, tools
from lab.errors import LabError, UnavailableError

MAKE = """#!/bin/sh
while [ $# -gt 3 ]; do case $1 in --aptopt=*) settings=${1#*=};; esac; shift; done
grep -q proxy.example "$settings" || exit 1
mkdir -p "$2/etc" && echo 13.1 >"$2/etc/debian_version" && cp "$3" "$2/sources"
"""


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a mirror, and another program in mmdebstrap's place, whose path this is."""
    program = tmp_path / "mmdebstrap"
    program.write_text(MAKE)
    program.chmod(0o755)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(tools, "find", lambda _: str(program))
    monkeypatch.setattr(tools, "need", lambda *_: None)
    monkeypatch.setattr(apt, "mirror", lambda: "http://mirror.example/debian/")
    monkeypatch.setattr(apt, "transport", lambda: 'Acquire::http::Proxy "http://proxy.example/";\n')
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return program


@pytest.mark.usefixtures("mirror")
def test_a_root_is_made_from_the_mirror_of_the_machine_the_way_the_machine_reaches_it() -> None:
    made = roots.fetch("debian13")
    assert (made.name, made.version) == ("debian13", "13.1")
    line = (made.folder / "sources").read_text()
    assert line == f"deb [signed-by={apt.KEYRING}] http://mirror.example/debian/ trixie main\n"
    assert roots.find("debian12") is None


def test_a_root_is_made_once(mirror: Path) -> None:
    made = roots.fetch("debian13")
    mirror.write_text("#!/bin/sh\nexit 1\n")
    assert roots.fetch("debian13") == made


def test_a_root_with_other_packages_than_are_wanted_now_is_made_again(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots.fetch("debian13")
    more = dataclasses.replace(roots.RELEASES["debian13"], packages=("more",))
    monkeypatch.setitem(roots.RELEASES, "debian13", more)
    assert roots.find("debian13") is None
    assert "more" not in mirror.read_text()
    roots.fetch("debian13")
    assert roots.find("debian13")


def test_one_that_fails_is_a_reason_and_leaves_nothing(mirror: Path) -> None:
    mirror.write_text("#!/bin/sh\necho 'I: fetching' >&2; echo 'E: no route to the mirror' >&2; exit 2\n")
    with pytest.raises(UnavailableError, match=r"^debian13: E: no route to the mirror$"):
        roots.fetch("debian13")
    assert list(cache.shelf("roots").iterdir()) == []


@pytest.mark.usefixtures("mirror")
def test_only_root_makes_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UnavailableError, match="only root"):
        roots.fetch("debian13")


def test_an_unknown_release_is_refused_with_those_there_are() -> None:
    with pytest.raises(LabError, match="no root 'plan9' in the lab; there are: debian12, debian13"):
        roots.fetch("plan9")


@pytest.mark.usefixtures("root")
def test_a_program_in_a_root_sees_it_read_only_with_one_folder_and_leaves_no_mount(tmp_path: Path) -> None:
    """The machine's own folders make a root for a moment: what counts is what is mounted there."""
    root, data = tmp_path / "a root", tmp_path / "some data"
    for name in ("proc", "sys", "dev", "run", "tmp", "mnt", "usr"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    data.mkdir()
    shell = "touch /mnt/written /tmp/there; test -e /proc/self/stat; echo $A $HOME; touch /nothing"
    enter = chroot.command(root, ["sh", "-c", shell], shown={"/mnt": data}, environment={"A": "b c"})
    with_programs = f"mount --bind /usr '{root}/usr' && exec \"$@\""
    argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", with_programs, "sh", *enter]
    before = Path("/proc/self/mounts").read_text()
    result = subprocess.run(argv, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert result.stdout == "b c /tmp\n", result.stderr
    assert "Read-only file system" in result.stderr
    assert (data / "written").exists()
    assert not any((root / "tmp").iterdir())
    assert Path("/proc/self/mounts").read_text() == before


@pytest.mark.parametrize(("require", "outcome"), [("bpf", pytest.skip.Exception), ("roots", pytest.fail.Exception)])
def test_a_test_that_needs_a_root_is_skipped_without_or_failed_if_it_is_required(
    mirror: Path, monkeypatch: pytest.MonkeyPatch, require: str, outcome: type[BaseException]
) -> None:
    mirror.write_text("#!/bin/sh\necho 'E: no route to the mirror' >&2; exit 2\n")
    monkeypatch.setenv("TRACER_REQUIRE", require)
    with pytest.raises(outcome, match=r"root file system of debian13 cannot be had here: .*no route"):
        fixtures.release("debian13")
