"""Events for another process while they come: an Arrow stream in a pipe, behind a queue that has an end.

What is written goes as frames: a size, how many events were dropped so far, and whole messages of the stream. So who
reads can be interrupted anywhere, and go on.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import select
import struct
import threading
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from pyarrow import ipc

from tracer_core.errors import RunError
from tracer_core.events.form import form_of
from tracer_core.files.arrow.batch import BatchMaker
from tracer_core.files.arrow.schema import META, read_schema
from tracer_core.files.interruption import uninterrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch
    from tracer_core.files.contents import Contents

_FRAME = struct.Struct("<QQ")
_PIPE = 1 << 20  # bytes that the kernel keeps, if it lets us
_GONE = "the program that reads the events is gone"


class Pipe:
    """The end that is written, by a thread of its own: who writes never waits.

    Args:
        fd: Of the pipe. It is closed at the end.
        room: Bytes that may wait to be read.
    """

    def __init__(self, fd: int, room: int) -> None:
        os.set_inheritable(fd, False)
        with suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, min(_PIPE, room))
        self.path = Path(f"/dev/fd/{fd}")
        """For messages."""
        self.dropped = 0
        """Events that were not written, since there was no room."""
        self._fd = fd
        self._room = room
        self._put = self._taken = 0  # bytes so far, each counted by one thread
        self._frames: SimpleQueue[bytes | None] = SimpleQueue()
        self._is_broken = False
        # a daemon, since it may hang in writing to somebody who does not read
        self._thread = threading.Thread(target=self._work, name="pipe", daemon=True)
        self._thread.start()

    @property
    def has_room(self) -> bool:
        """Whether more may be written."""
        return self._put - self._taken <= self._room

    def write(self, data: bytes) -> None:
        """Write whole messages.

        Raises:
            RunError: nobody reads any more.
        """
        self.check()
        self._put += len(data)
        self._frames.put(_FRAME.pack(len(data), self.dropped) + data)

    def commit(self) -> None:
        """Nothing: what was written is on its way."""

    def check(self) -> None:
        """Look whether anybody reads.

        Raises:
            RunError: nobody does.
        """
        if self._is_broken:
            raise RunError(_GONE)
        poll = select.poll()
        poll.register(self._fd, 0)
        if any(state & select.POLLERR for _, state in poll.poll(0)):
            raise RunError(_GONE)

    def finish(self) -> None:
        """Wait until all is read, or nobody reads any more."""
        self._frames.put(None)
        self._thread.join()
        os.close(self._fd)

    def _work(self) -> None:
        while (frame := self._frames.get()) is not None:
            left = memoryview(frame)
            try:
                while left:
                    left = left[os.write(self._fd, left) :]
            except OSError:
                self._is_broken = True
                return
            self._taken += len(frame) - _FRAME.size


class PipeFiles:
    """The pipe, as the only file that a writer has: one of any size.

    Args:
        pipe: To write.
    """

    limit = 0

    def __init__(self, pipe: Pipe) -> None:
        self.target = pipe

    def numbered(self, about: About) -> About:
        """What it says of the run."""
        return about

    def fits(self, _size: int) -> bool:
        """Whether a batch fits: always, since a pipe has no limit."""
        return True

    def advance(self) -> None:
        """There is no other one."""
        raise AssertionError(self.target.path)


class EventStream:
    """The end that is read.

    Args:
        fd: Of the pipe; it stays the caller's.
        sections: Classes of the sections that are known.
    """

    about: About
    """The run."""
    contents: Contents
    """What its events may have."""

    def __init__(self, fd: int, sections: Iterable[type[Any]]) -> None:
        self._fd = fd
        self._forms = {form.name: form for form in map(form_of, sections)}
        self._buffer = bytearray()
        self._source = _Frame()
        self._stream: Any = None
        self._is_over = False
        self.dropped = 0
        """Events that were dropped so far, since nobody read."""
        self.end: Mapping[str, Any] = {}
        """What was only known at the end of the run, once the last event was given."""

    def begin(self) -> bool:
        """Wait until events can come.

        Returns:
            Whether they will. If not, whoever writes has failed.
        """
        if not self.wait():
            return False
        self._take_frame()
        self._stream = ipc.open_stream(self._source)
        self.about, self.contents = read_schema(self._stream.schema, self._forms, "the stream")
        self._make = BatchMaker(self._stream.schema, self.about, self.contents)
        return True

    def wait(self, look: Callable[[], None] | None = None) -> bool:
        """Wait until there is something to read, which can be interrupted.

        Args:
            look: Called before it waits for each part; waits for as long as it likes.

        Returns:
            Whether there is. If not, it is the end.
        """
        pipe = select.poll()
        pipe.register(self._fd, select.POLLIN)
        while not (self._source.left or self._has_frame() or self._is_over):
            if look is not None:
                look()
            pipe.poll()
            with uninterrupted():
                data = os.read(self._fd, _PIPE)
                self._buffer += data
                self._is_over = not data
        return bool(self._source.left) or self._has_frame()

    def read(self) -> EventBatch | None:
        """Events of those that there are; nothing if there are none among what has come."""
        if not self._source.left:
            self._take_frame()
        try:
            rows, metadata = self._stream.read_next_batch_with_custom_metadata()
        except StopIteration:
            self._is_over = True
            return None
        if metadata is not None:
            self.end = dict(json.loads(metadata[META])["end"])
        return self._make.batch(rows) if rows.num_rows else None

    def skip(self, look: Callable[[], None]) -> None:
        """Read to the end. Of all that, what is only known at the end is kept.

        Args:
            look: As for :meth:`wait`.
        """
        while self.wait(look):
            self.read()

    def _has_frame(self) -> bool:
        """Whether all of it has come."""
        if len(self._buffer) < _FRAME.size:
            return False
        size, _ = _FRAME.unpack_from(self._buffer)
        return len(self._buffer) >= _FRAME.size + int(size)

    def _take_frame(self) -> None:
        size, self.dropped = _FRAME.unpack_from(self._buffer)
        self._source.feed(bytes(self._buffer[_FRAME.size : _FRAME.size + size]))
        del self._buffer[: _FRAME.size + size]


class _Frame(io.RawIOBase):
    """What pyarrow reads: the messages of the frame that came last."""

    def __init__(self) -> None:
        super().__init__()
        self._data = memoryview(b"")

    def feed(self, data: bytes) -> None:
        self._data = memoryview(data)

    @property
    def left(self) -> int:
        return len(self._data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        wanted = len(self._data) if size < 0 else size
        found, self._data = bytes(self._data[:wanted]), self._data[wanted:]
        return found
