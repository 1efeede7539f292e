"""A folder of files by key, which may vanish at any time: bounded in size, safe to share between processes.

What is in there ends up in the kernel, as root. So a folder or a file that somebody else could have written is not
used. Nothing here raises: without a usable folder nothing is found and nothing is kept.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import stat
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

log = logging.getLogger(__name__)

VARIABLE = "TRACER_CACHE_DIR"
MAX_BYTES = 64 << 20
MAX_FILES = 256

_OURS = re.compile(r"[0-9a-f]{64}(\.\d+-\d+)?")  # a key; a file that is still being written
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # the last: not to wait at a named pipe
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def default_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Where the cache is; nothing if there is to be none."""
    chosen = environment.get(VARIABLE)
    if chosen is not None:
        return Path(chosen).absolute() if chosen else None
    above = environment.get("XDG_CACHE_HOME", "")
    if Path(above).is_absolute():  # the specification: others are to be ignored
        return Path(above, "tracer")
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises where there is none
    return home / ".cache/tracer" if home.is_absolute() else None


@dataclass(frozen=True, slots=True)
class Held:
    """What a cache folder holds.

    Attributes:
        files: How many.
        size: Bytes of all.
        distrust: Why it is not used; nothing if it is.
    """

    files: int
    size: int
    distrust: str


def held(path: Path) -> Held:
    """What a cache folder holds. It is neither made nor changed.

    Raises:
        OSError: it is not there, or cannot be read.
    """
    sizes = [size for _, size, _ in _files(path)]
    return Held(len(sizes), sum(sizes), _distrust(path.stat()))


class Cache:
    """An open cache folder.

    Args:
        path: The folder, made if need be; nothing for no cache.
    """

    def __init__(self, path: Path | None) -> None:
        self._folder = _open(path) if path else None
        self._path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            os.close(self._folder)
            self._folder = None

    def get(self, key: str) -> bytes | None:
        """What was kept under a key of 64 hexadecimal digits, if it is still there."""
        try:
            return None if self._folder is None else self._read(key)
        except OSError as error:
            log.debug("cache: %s: %s", key, error.strerror)
            return None

    def put(self, key: str, data: bytes) -> None:
        """Keep bytes under a key, in place of what was there, and remove the oldest of what is too much."""
        if self._folder is None or len(data) > MAX_BYTES:
            return
        name = f"{key}.{os.getpid()}-{time.monotonic_ns()}"
        try:
            with os.fdopen(os.open(name, _CREATE, 0o600, dir_fd=self._folder), "wb") as file:
                file.write(data)
            os.replace(name, key, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            self._trim()
        except OSError as error:
            log.debug("cache: cannot keep %s: %s", key, error.strerror)
            self._remove(name)

    def _read(self, key: str) -> bytes | None:
        fd = os.open(key, _READ, dir_fd=self._folder)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
                return None
            if why := _distrust(status):
                _warn(f"{self._path}/{key} is not used: {why}")
                return None
            with os.fdopen(fd, "rb", closefd=False) as file:
                data = file.read()
            os.utime(fd)  # the oldest go first
            return data
        finally:
            os.close(fd)

    def _trim(self) -> None:
        assert self._folder is not None  # noqa: S101 - for the type checker
        room = MAX_BYTES
        for number, (_, size, name) in enumerate(sorted(_files(self._folder), reverse=True)):
            room -= size
            if room < 0 or number >= MAX_FILES:
                self._remove(name)

    def _remove(self, name: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=self._folder)


def _files(folder: Path | int) -> Iterator[tuple[int, int, str]]:
    """Time of last use, size and name of every file that is ours by its name."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if _OURS.fullmatch(entry.name):
                with contextlib.suppress(FileNotFoundError):  # another process may trim as well
                    status = entry.stat(follow_symlinks=False)
                    yield status.st_mtime_ns, status.st_size, entry.name


def _open(path: Path) -> int | None:
    try:
        _make(path)
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        log.debug("no cache in %s: %s", path, error.strerror)
        return None
    why = _distrust(os.fstat(fd))
    if not why:
        return fd
    os.close(fd)
    _warn(f"cache folder {path} is not used: {why}")
    return None


def _make(path: Path) -> None:
    """Make a folder and the one above it, but none in a folder of somebody else: HOME may be a user's under sudo."""
    above = path.parent
    if not above.exists() and above.parent.stat().st_uid == os.geteuid():
        above.mkdir(0o700, exist_ok=True)
    path.mkdir(0o700, exist_ok=True)


def _distrust(status: os.stat_result) -> str:
    """Why somebody else could have written it; nothing if nobody could."""
    if status.st_uid != os.geteuid():
        return f"it belongs to user {status.st_uid}"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others may write to it"
    return ""


@cache
def _warn(message: str) -> None:
    """Warn, once in a process: trials open the cache again."""
    log.warning("%s", message)
