"""The file that a run writes: opened so that nothing of value is overwritten, and whole however writing ends."""

from __future__ import annotations

import fcntl
import io
import os
import stat
from typing import TYPE_CHECKING

from tracer_core.errors import RunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from _typeshed import ReadableBuffer

HEAD = 1 << 16
"""Bytes of an existing file that are looked at."""
ANOTHER = "name another file"
"""What to do about a file that cannot be written."""
_MODE = 0o644


class Target(io.RawIOBase):
    """An opened target, unbuffered: what :meth:`write` has taken is with the kernel, and outlives our process.

    Args:
        fd: Open for writing, at its start. The target closes it.
        path: As the user named it, for messages.
    """

    def __init__(self, fd: int, path: Path) -> None:
        super().__init__()
        self._fd = fd
        self._path = path
        self._regular = stat.S_ISREG(os.fstat(fd).st_mode)
        self._written = self._whole = 0

    @property
    def path(self) -> Path:
        """As the user named it."""
        return self._path

    @property
    def written(self) -> int:
        """Bytes written and still there."""
        return self._written

    def tell(self) -> int:
        """The same, under the name that files have for it."""
        return self._written

    def writable(self) -> bool:
        """Whether it can be written to: a stream always can."""
        return True

    def fileno(self) -> int:
        """The descriptor, for those who wait for a reader."""
        return self._fd

    def write(self, data: ReadableBuffer, /) -> int:
        """Write all of the data.

        Returns:
            Its size in bytes.

        Raises:
            RunError: the disk is full, the reader of a pipe is gone, … What came after the last :meth:`commit` is cut
                off, so that what is left is whole.
        """
        self.check()
        view = memoryview(data).cast("B")
        size = len(view)
        try:
            while view:
                count = os.write(self._fd, view)
                self._written += count
                view = view[count:]
        except OSError as error:
            left = self._cut()
            raise RunError(f"cannot write {self._path}: {error.strerror}", hint=left) from error
        return size

    def check(self) -> None:
        """Refuse to go on if it was closed, because something failed: its descriptor may be somebody else's by now.

        Raises:
            RunError: it was.
        """
        if self.closed:
            raise RunError(f"cannot write {self._path}: it is closed")

    def commit(self) -> None:
        """Declare all that was written so far to be whole: a failure of what comes next leaves it as it is."""
        self._whole = self._written

    def close(self) -> None:
        """Close it. A second time does nothing.

        Raises:
            RunError: the file system reports only now that it could not keep what was written.
        """
        if self.closed:
            return
        super().close()
        try:
            os.close(self._fd)
        except OSError as error:
            raise RunError(f"cannot finish {self._path}: {error.strerror}", hint="its end may be missing") from error

    def _cut(self) -> str:
        if not self._regular:
            return "what its reader has got may end in the middle"
        try:
            os.ftruncate(self._fd, self._whole)
            os.lseek(self._fd, self._whole, os.SEEK_SET)
        except OSError:
            return f"its first {self._whole} bytes are whole"
        self._written = self._whole
        return f"what was written before is whole: {self._whole} bytes"


def open_target(path: Path, ours: Callable[[bytes], bool], what: str = "event file") -> Target:
    """Open what a run shall write: a new file, a file of ours, which is overwritten, a pipe or a character device.

    Opening a pipe waits for its reader. A regular file stays locked until it is closed, so that no two runs write it at
    once; whoever reads is not hindered.

    Args:
        path: Where. Links are followed.
        ours: Tells from the first bytes of a file, at least 1 and at most 64 Ki, whether it is such a file of ours.
        what: Such a file, in messages.

    Raises:
        UsageError: it cannot be written, or is something that must not be overwritten; nothing of it has changed.
        RunError: emptying a file of ours failed.
    """
    try:
        fd = _opened(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", hint=ANOTHER) from error
    try:
        if stat.S_ISREG(os.fstat(fd).st_mode):
            _take(fd, path, ours, what)
        return Target(fd, path)
    except BaseException:
        os.close(fd)
        raise


def _opened(path: Path) -> int:
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
    except FileNotFoundError:
        kind = stat.S_IFREG
    if kind in {stat.S_IFIFO, stat.S_IFCHR}:
        return os.open(path, os.O_WRONLY | os.O_NOCTTY)
    if kind != stat.S_IFREG:
        what = {stat.S_IFDIR: "a folder", stat.S_IFBLK: "a disk", stat.S_IFSOCK: "a socket"}.get(kind, "no file")
        raise UsageError(f"cannot write {path}: it is {what}", hint=ANOTHER)
    # not truncated: what is there is looked at first, through the same descriptor
    return os.open(path, os.O_RDWR | os.O_CREAT, _MODE)


def _take(fd: int, path: Path, ours: Callable[[bytes], bool], what: str) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError(f"cannot write {path}: another run is writing it", hint=ANOTHER) from error
    except OSError:
        pass  # a file system without locks
    head = os.pread(fd, HEAD, 0)
    if head and not ours(head):
        raise UsageError(f"{path} exists and is no {what} of tracer", hint=f"remove it, or {ANOTHER}")
    try:
        os.ftruncate(fd, 0)
    except OSError as error:
        raise RunError(f"cannot empty {path}: {error.strerror}", hint=ANOTHER) from error
