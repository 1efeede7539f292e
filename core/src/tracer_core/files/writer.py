"""What writers of event files have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

from tracer_core.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch


class WhereTo(Protocol):
    """What is written: :class:`~tracer_core.files.target.Target`, for example."""

    @property
    def path(self) -> Path:
        """Name of the file, as messages give it."""

    def write(self, data: bytes, /) -> object:
        """Write all of the data."""

    def commit(self) -> None:
        """Declare all that was written so far to be whole."""

    def check(self) -> None:
        """Refuse to go on if nothing can be written any more."""


class Files(Protocol):
    """The files that are written: :class:`~tracer_core.files.target_files.TargetFiles`, for example."""

    limit: int

    @property
    def target(self) -> WhereTo:
        """The file that is written at present."""

    def numbered(self, about: About) -> About:
        """What the present file says of the run."""

    def fits(self, size: int, /) -> bool:
        """Whether the present file has room for so many bytes."""

    def advance(self) -> None:
        """Close the present file, and begin the next."""


class EventWriter(ABC):
    """Writes events.

    Args:
        files: Where; they stay the caller's.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self.events = 0
        """Events written."""

    @abstractmethod
    def write(self, batch: EventBatch) -> None:
        """Write events.

        Raises:
            PluginError: a section cannot be written; the batches before are.
            RunError: the target failed; what is left of it is whole.
        """

    def begin(self, about: About) -> None:
        """What comes next is of another run.

        Raises:
            RunError: such files hold a single run.
        """
        what = f"{self._files.target.path}: such a file holds the events of one run, and {about.command} is another"
        raise RunError(what, hint="write JSON lines, or convert the runs one by one")

    @abstractmethod
    def end(self, facts: Mapping[str, Any]) -> None:
        """Write what is only known at the end. Nothing can be written any more.

        Args:
            facts: What JSON can hold, by name.
        """

    def _put(self, data: bytes) -> None:
        target = self._files.target
        try:
            target.write(data)
        except RunError as error:
            raise RunError(f"{error.message}, after {self.events} event(s)", hint=error.hint) from error
        target.commit()
