"""Changes of the machine, here files, and what becomes of them whatever happens to who made them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tracer_core.changes.changes import Changes
from tracer_core.changes.process import Process, namespace
from tracer_core.changes.records import Record, Records
from tracer_core.errors import MachineError, RunError
from tracer_core.types import Change


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def records(folder: Path) -> Records:
    return Records(folder)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """What the change makes."""
    return tmp_path / "mark"


def making(mark: Path, *, do: str = "", undo: str = "") -> Change:
    make, remove = f"echo made >> {mark}", f"rm -f {mark}"
    return Change(f"mark {mark.name}", ("sh", "-c", do or make), ("sh", "-c", undo or remove))


def test_a_change_is_there_within_the_block_and_written_down(records: Records, mark: Path) -> None:
    change = making(mark)
    with Changes(records).made(change):
        assert mark.exists()
        [record] = records.all().values()
        assert (record.what, record.undo, record.process) == (change.what, change.undo, Process.current())
    assert not mark.exists()
    assert not records.all()


def test_a_change_is_undone_whatever_ends_the_block(records: Records, mark: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Changes(records).made(making(mark)):
        raise KeyboardInterrupt
    assert not mark.exists()


def test_a_change_that_cannot_be_made_is_an_error_that_says_why_and_leaves_nothing(
    records: Records, mark: Path
) -> None:
    refused = making(mark, do="echo no room >&2; exit 3")
    with pytest.raises(RunError, match="cannot make mark mark: sh: no room"), Changes(records).made(refused):
        pass
    missing = Change("something", ("no-such-program",), ("true",))
    with pytest.raises(RunError, match="no-such-program cannot be run"), Changes(records).made(missing):
        pass
    assert not records.all()


def test_the_same_change_is_made_once_and_undone_by_the_last(records: Records, mark: Path) -> None:
    first, second = Changes(records).made(making(mark)), Changes(records).made(making(mark))
    with second:
        with first:
            assert mark.read_text() == "made\n"
        assert mark.exists()
    assert not mark.exists()


def test_signals_wait_until_a_change_is_made_and_then_have_it_undone(records: Records, mark: Path) -> None:
    change = making(mark, do=f"kill -INT {os.getpid()}; echo made > {mark}; echo made > {mark}.too")
    with pytest.raises(KeyboardInterrupt), Changes(records).made(change):
        pytest.fail("it went on")
    assert not mark.exists()
    assert mark.with_suffix(".too").exists()
    assert not records.all()


def test_signals_wait_until_a_change_is_undone(records: Records, mark: Path) -> None:
    change = making(mark, undo=f"kill -INT {os.getpid()}; rm -f {mark}")
    with pytest.raises(KeyboardInterrupt), Changes(records).made(change):
        pass
    assert not mark.exists()
    assert not records.all()


_KILLED = """
import os, sys
from pathlib import Path
from tracer_core.changes.changes import Changes
from tracer_core.changes.records import Records
from tracer_core.types import Change
with Changes(Records(Path(sys.argv[1]))).made(Change("the mark", ("touch", sys.argv[2]), ("rm", "-f", sys.argv[2]))):
    os.kill(os.getpid(), 9)
"""


def test_what_a_killed_process_left_is_undone_by_the_next_and_told(records: Records, folder: Path, mark: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(folder), str(mark)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert mark.exists()
    assert Changes(records).clean() == ["the mark"]
    assert not mark.exists()
    assert Changes(records).clean() == []


def left(records: Records, undo: tuple[str, ...], **process: int) -> None:
    """A record of a process that is gone: its number is ours, but not when it started."""
    us = Process.current()
    with records.locked():
        records.add(Record("something", undo, replace(us, **({"started": us.started - 1} | process))))


def test_what_goes_on_is_left_alone(records: Records, mark: Path) -> None:
    with Changes(records).made(making(mark)):
        assert Changes(records).clean() == []
        assert mark.exists()
        # a process that we cannot see is not known to be gone
        left(records, ("rm", str(mark)), pid_namespace=1)
        assert Changes(records).clean() == []
    assert not mark.exists()


def test_what_a_killed_run_shared_with_one_that_goes_on_stays(records: Records, mark: Path) -> None:
    change = making(mark)
    with Changes(records).made(change):
        left(records, change.undo)
        assert Changes(records).clean() == []
        assert mark.exists()
        assert len(records.all()) == 1


def test_what_cannot_be_undone_is_told_with_the_command_and_tried_again_later(
    records: Records, caplog: pytest.LogCaptureFixture, mark: Path
) -> None:
    left(records, ("rmdir", str(mark)))
    assert Changes(records).clean() == []
    assert f"to undo it, run: rmdir {mark}" in caplog.text
    mark.mkdir()
    assert Changes(records).clean() == ["something"]


def test_what_was_in_a_namespace_that_is_gone_is_gone(records: Records, mark: Path) -> None:
    mark.touch()
    left(records, ("rm", str(mark)), net=1)
    assert Changes(records).clean() == ["something"]
    assert mark.exists()
    assert not records.all()


def test_a_change_is_undone_even_if_somebody_did_away_with_the_records(
    records: Records, folder: Path, mark: Path
) -> None:
    with Changes(records).made(making(mark)):
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    assert not mark.exists()


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": 99}', '{"format": 1, "what": "x", "undo": 3}'])
def test_a_damaged_record_is_passed_over(records: Records, folder: Path, content: str) -> None:
    with records.locked():
        (folder / "1-0.change").write_text(content)
    assert records.all() == {}
    assert Changes(records).clean() == []


def test_a_folder_that_others_may_write_to_is_refused(records: Records, folder: Path, mark: Path) -> None:
    left(records, ("touch", str(mark)))
    folder.chmod(0o777)
    with pytest.raises(MachineError, match="others may write to it"):
        Changes(records).clean()
    with pytest.raises(MachineError, match="others may write to it"), Changes(records).made(making(mark)):
        pass
    assert not mark.exists()


def test_a_link_to_a_folder_is_refused(tmp_path: Path, folder: Path, mark: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MachineError, match="it is not a folder"), Changes(Records(folder)).made(making(mark)):
        pass
    assert not mark.exists()


def test_no_folder_means_that_nothing_is_left(records: Records, folder: Path) -> None:
    assert Changes(records).clean() == []
    assert not folder.exists()


def test_a_namespace_is_found_by_its_number() -> None:
    inode = Path("/proc/self/ns/net").stat().st_ino
    found = namespace("net", inode)
    assert found is not None
    assert found.stat().st_ino == inode
    assert namespace("net", 1) is None
    assert Process.current().entering(Process.current()) == ()
