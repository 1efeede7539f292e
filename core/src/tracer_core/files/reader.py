"""What readers of event files have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import IO, TYPE_CHECKING, Any, Generic, TypeVar

from tracer_core.errors import UsageError

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from tracer_core.files.about import About
    from tracer_core.sections import Event

S = TypeVar("S", bound="IO[bytes] | io.RawIOBase")
T = TypeVar("T")


class EventReader(ABC, Generic[S]):
    """The events of a file, in its order. Iterate once; leaving the context closes the file.

    Args:
        path: Of the file.
        sections: Classes of the sections that are known. Others, those of another version and those that the file has
            otherwise than declared are given as :class:`~tracer_core.files.unknown.UnknownSection`.
        source: Opens the file.

    Raises:
        UsageError: there is no such file, or it cannot be opened.
        RunError: it is no event file, or one of a version that cannot be read.
    """

    about: About
    """The run that the events are of."""

    def __init__(self, path: Path, sections: Iterable[type[Any]], source: Callable[[Path], S]) -> None:
        self._path = path
        self._source = opened(path, source)
        self.end: Mapping[str, Any] = {}
        """What was only known at the end of the run, once the last event was given; nothing if the file is cut."""
        try:
            self._begin(sections)
        except BaseException:
            self._source.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._source.close()

    @abstractmethod
    def __iter__(self) -> Iterator[Event]:
        """The events.

        Raises:
            RunError: the file is damaged. The events before the damage have been given.
        """

    @abstractmethod
    def _begin(self, sections: Iterable[type[Any]]) -> None:
        """Read what stands before the first event."""


def opened(path: Path, source: Callable[[Path], T]) -> T:
    """What *source* makes of a file that is there to be read.

    Raises:
        UsageError: there is no such file, or it cannot be opened.
    """
    try:
        return source(path)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint="name an event file") from error
