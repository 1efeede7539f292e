from __future__ import annotations

import os
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tracer_core.errors import ExitCode, RunError, UsageError
from tracer_core.files.target import open_target


def ours(head: bytes) -> bool:
    return head.startswith(b"ours")


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Files cannot grow beyond that many bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_new_file_is_made(tmp_path: Path) -> None:
    with open_target(tmp_path / "new", ours) as target:
        assert target.write(b"ours, and more") == 14
        assert (tmp_path / "new").read_bytes() == b"ours, and more", "it waits in a buffer"


@pytest.mark.parametrize("content", [b"ours, longer than what comes", b""])
def test_a_file_of_ours_and_an_empty_one_are_overwritten(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "events"
    path.write_bytes(content)
    with open_target(path, ours) as target:
        target.write(b"ours")
    assert path.read_bytes() == b"ours"


def test_a_file_that_is_not_ours_is_refused_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "thesis.txt"
    path.write_bytes(b"years of work")
    with pytest.raises(UsageError, match="exists and is no event file of tracer; remove it, or name another file"):
        open_target(path, ours)
    assert path.read_bytes() == b"years of work"


def test_a_file_that_another_run_writes_is_refused_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "events"
    with open_target(path, ours) as first:
        first.write(b"ours")
        with pytest.raises(UsageError, match="another run is writing it"):
            open_target(path, ours)
        first.write(b", still")
    assert path.read_bytes() == b"ours, still"


def test_folders_sockets_and_places_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it is a folder"):
        open_target(tmp_path, ours)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        with pytest.raises(UsageError, match="it is a socket"):
            open_target(tmp_path / "socket", ours)
    with pytest.raises(UsageError, match=r"cannot write .*: No such file or directory; name another file") as caught:
        open_target(tmp_path / "missing" / "events", ours)
    assert caught.value.exit_code == ExitCode.USAGE
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="Not a directory"):
        open_target(tmp_path / "file" / "events", ours)


def test_a_full_disk_leaves_what_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "events"
    with open_target(path, ours) as target:
        target.write(b"ours" * 100)
        target.commit()
        target.write(b"half of a batch")
        with room_for(1000), pytest.raises(RunError, match=r"cannot write .*: File too large; .* whole: 400 bytes"):
            target.write(b"x" * 10_000)
        assert target.written == 400
        target.write(b"!")  # the disk has room again
    assert path.read_bytes() == b"ours" * 100 + b"!"


def test_a_device_that_is_full_says_so() -> None:
    with (
        open_target(Path("/dev/full"), ours) as target,
        pytest.raises(RunError, match="cannot write /dev/full: No space left on device"),
    ):
        target.write(b"x")


def test_a_pipe_takes_all_and_tells_when_its_reader_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    got: list[bytes] = []
    enough = threading.Event()

    def read() -> None:
        with path.open("rb", buffering=0) as pipe:
            while sum(map(len, got)) < 1_000_000:
                got.append(pipe.read(65536))
        enough.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    with open_target(path, ours) as target:
        target.write(b"x" * 1_000_000)
        assert enough.wait(60)
        with pytest.raises(RunError, match="Broken pipe; what its reader has got may end in the middle"):
            target.write(b"x")
    reader.join()
    assert b"".join(got) == b"x" * 1_000_000


def test_a_target_can_be_closed_twice(tmp_path: Path) -> None:
    target = open_target(tmp_path / "events", ours)
    target.close()
    target.close()
    assert target.closed
