"""The file that a run writes, or the files, if it begins a new one whenever one is full.

The file that is being written has the name that the user gave. When it is full, and at the end, it gets a number:
``FILE.0``, ``FILE.1``, …
"""

from __future__ import annotations

import time
from dataclasses import replace
from glob import escape
from typing import TYPE_CHECKING

from tracer_core.errors import RunError, UsageError
from tracer_core.events.about import Split
from tracer_core.files.target import ANOTHER, HEAD, open_target
from tracer_core.paths import exists, is_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from tracer_core.events.about import About


class TargetFiles:
    """Opened when made; leaving the context closes them.

    Args:
        path: As the user named it.
        ours: Tells from the first bytes of a file whether it may be overwritten.
        limit: Bytes of each file; 0 for a single one of any size.
        count: Files to keep, the newest; 0 for all.

    Raises:
        UsageError: it cannot be written, or there is something that must not be overwritten; nothing has changed.
        RunError: an older set of files cannot be removed.
    """

    def __init__(self, path: Path, ours: Callable[[bytes], bool], *, limit: int = 0, count: int = 0) -> None:
        self.limit = limit
        self._path = path
        self._ours = ours
        self._count = count
        self._number = 0
        if limit and exists(path) and not is_file(path):
            raise UsageError(f"{path} cannot be one of several: it is no regular file", hint=ANOTHER)
        older = list(self._numbered()) if limit else []
        self.target = open_target(path, ours)
        for file in older:
            file.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._finish()

    @property
    def files(self) -> int:
        """How many there are, or will be at the end."""
        return min(self._number + 1, self._count or self._number + 1)

    def numbered(self, about: About) -> About:
        """What the present file says of the run."""
        if not self.limit:
            return about
        started = time.clock_gettime_ns(time.CLOCK_MONOTONIC) if self._number else about.started
        return replace(about, split=Split(self._number, self.limit), started=started)

    def fits(self, size: int) -> bool:
        """Whether the present file has room for so many bytes."""
        return not self.limit or self.target.written + size <= self.limit

    def advance(self) -> None:
        """Close the present file, and begin the next.

        Raises:
            RunError: the file system refuses.
        """
        self.target.check()  # else what could not be renamed would be overwritten
        self._finish()
        self._number += 1
        try:
            self.target = open_target(self._path, self._ours)
            if self._count and self._number >= self._count:
                self._name(self._number - self._count).unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"cannot remove an old file of {self._path}: {error.strerror}") from error

    def _finish(self) -> None:
        if self.target.closed:
            return
        self.target.close()
        if not self.limit:
            return
        try:
            self._path.rename(self._name(self._number))
        except OSError as error:
            raise RunError(
                f"cannot rename {self._path}: {error.strerror}", hint="it is whole under that name"
            ) from error

    def _name(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _numbered(self) -> Iterator[Path]:
        """Files that have names like ours. All must be event files.

        Raises:
            UsageError: one is something else.
        """
        for file in sorted(self._path.parent.glob(f"{escape(self._path.name)}.*")):
            if not file.name[len(self._path.name) + 1 :].isdecimal():
                continue
            if not (file.is_file() and self._is_ours(file)):
                raise UsageError(f"{file} exists and is no event file of tracer", hint=f"remove it, or {ANOTHER}")
            yield file

    def _is_ours(self, file: Path) -> bool:
        try:
            with file.open("rb") as opened:
                head = opened.read(HEAD)
        except OSError as error:
            raise UsageError(f"cannot read {file}: {error.strerror}", hint=ANOTHER) from error
        return not head or self._ours(head)
