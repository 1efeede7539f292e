"""Files that say which changes are made, whose and how to undo them: for who comes after a run that was killed."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tracer_core.changes.process import Process
from tracer_core.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path("/run/tracer")
"""Where they are kept: gone at the next boot, as are the changes."""

_FORMAT = 1
_LOCK = "lock"
_SUFFIX = ".change"
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Record:
    """A change that is made, or about to be.

    Attributes:
        what: The change, in messages.
        undo: Command that takes it back.
        process: Whose it is.
    """

    what: str
    undo: tuple[str, ...]
    process: Process

    @property
    def place(self) -> tuple[tuple[str, ...], int, int]:
        """Records with one place are of one change, which several runs share."""
        return self.undo, self.process.net, self.process.mnt


class Records:
    """The folder of these files. What is in it is run as root, so nobody else may write to it.

    Args:
        folder: Where it is.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only one who changes the machine or looks at records; the folder is made if need be.

        Raises:
            MachineError: it cannot be made, or others may write to it.
        """
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._refuse_others()
            lock = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def add(self, record: Record) -> Path:
        """Write one; whoever looks finds all of it or nothing.

        Raises:
            MachineError: it cannot be written.
        """
        content = {"format": _FORMAT, "what": record.what, "undo": record.undo, "process": asdict(record.process)}
        number = 0
        while (path := self._folder / f"{record.process.pid}-{number}{_SUFFIX}").exists():
            number += 1
        unfinished = path.with_suffix(".new")
        try:
            unfinished.unlink(missing_ok=True)
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump(content, file)
            unfinished.rename(path)
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from error
        return path

    def all(self) -> dict[Path, Record]:
        """Those that can be read; none if there is no folder.

        Raises:
            MachineError: others may write to the folder, or it cannot be read.
        """
        try:
            self._refuse_others()
            paths = sorted(self._folder.glob(f"*{_SUFFIX}"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from error
        return {path: record for path in paths if (record := _read(path)) is not None}

    def _refuse_others(self) -> None:
        found = self._folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise self._unusable("it is not a folder")
        if found.st_uid != os.geteuid():
            raise self._unusable("it is another user's")
        if found.st_mode & _OTHERS_MAY_WRITE:
            raise self._unusable("others may write to it")

    def _unusable(self, why: str) -> MachineError:
        return MachineError(
            f"{self._folder}, which says how system changes are undone, cannot be used: {why}",
            hint="it must be a folder of root's, to which nobody else may write",
        )


def _read(path: Path) -> Record | None:
    """The record in a file; nothing if it is none of this version's, or just gone."""
    try:
        content = json.loads(path.read_bytes())
        if content["format"] != _FORMAT:
            return None
        return Record(str(content["what"]), tuple(map(str, content["undo"])), Process(**content["process"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
