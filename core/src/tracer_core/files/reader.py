"""What readers of event files have in common."""

from __future__ import annotations

import logging
import stat
from abc import ABC, abstractmethod
from typing import IO, TYPE_CHECKING, Any, Generic, TypeVar

from tracer_core.errors import RunError, UsageError
from tracer_core.events.form import form_of
from tracer_core.events.objects import events_of

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch
    from tracer_core.files.contents import Contents
    from tracer_core.sections import Event
    from tracer_core.types import Upgrade

log = logging.getLogger(__name__)

AT_ONCE = 8192
"""Events of a batch, at most: enough that what a batch costs does not matter, and few enough for their objects."""

_MISTAKEN = (TypeError, AttributeError, IndexError, OverflowError)  # by these exactly, Python says so of a value

S = TypeVar("S", bound="IO[bytes] | io.RawIOBase")
T = TypeVar("T")


class EventReader(ABC, Generic[S]):
    """The events of a file, in its order. Iterate once; leaving the context closes the file.

    Args:
        path: Of the file.
        sections: Classes of the sections that are known. What else the file has, another version of a section included,
            is given as the file has it.
        upgrades: How sections of older files differ.
        source: Opens the file.

    Raises:
        UsageError: there is no such file, or it cannot be opened.
        RunError: it is no event file, or one of a version that cannot be read.
    """

    about: About
    """The run that the batch given last is of: a file may hold several runs, one after the other."""

    contents: Contents
    """What the events may have."""

    def __init__(
        self, path: Path, sections: Iterable[type[Any]], upgrades: Iterable[Upgrade], source: Callable[[Path], S]
    ) -> None:
        self.path = path
        self._forms = {form.name: form for form in map(form_of, sections)}
        self._upgrades = tuple(upgrades)
        self._source = opened(path, source)
        self.end: Mapping[str, Any] = {}
        """What was only known at the end of the run, once the last event was given; nothing if the file is cut."""
        try:
            self._begin()
        except BaseException:
            self._source.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._source.close()

    def __iter__(self) -> Iterator[Event]:
        """The events as objects; see :meth:`batches`."""
        for batch in self.batches():
            yield from events_of(batch)

    @abstractmethod
    def batches(self, at_once: int = AT_ONCE) -> Iterator[EventBatch]:
        """The events. If the file is cut, those that are whole, and then a warning that says where.

        For each run there is a batch, if only an empty one.

        Args:
            at_once: Events of a batch, at most.

        Raises:
            RunError: the file is damaged. The events before the damage have been given.
        """

    @property
    def position(self) -> int:
        """How many bytes of the file were read so far."""
        return self._source.tell()

    @abstractmethod
    def _begin(self) -> None:
        """Read what stands before the first event."""

    def _tell_losses(self) -> None:
        """Warn that the run lost events, or was stopped by an error."""
        lost, missed, stopped = (self.end.get(name) for name in ("lost", "missed", "stopped"))
        if stopped:
            log.warning("%s: the run was stopped, and what came then is not in it: %s", self.path, stopped)
        if isinstance(lost, dict) and lost:
            log.warning("%s: events were lost in the run, and are not in it: %s", self.path, lost)
        if isinstance(missed, list) and missed:
            log.warning("%s: hits of probes were missed in the run: %s", self.path, missed)


def damaged(path: Path, where: str, error: BaseException) -> RunError:
    """The error for a file of which not all can be read.

    Args:
        path: Of the file.
        where: In it.
        error: What reading it raised.
    """
    return RunError(f"{path}, {where}: {reason(error)}", hint="the file is damaged")


def reason(error: BaseException) -> str:
    """What is wrong with a file, by the error that reading it raised: not in the words that Python has for programs."""
    text = str(error).partition("\n")[0]
    if isinstance(error, KeyError):
        return f"there is no {text}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeError):
        return "a text in it is no UTF-8"
    if type(error) in _MISTAKEN:
        return "a value in it is of another type than it must be"
    return text[:200] or type(error).__name__


def opened(path: Path, source: Callable[[Path], T]) -> T:
    """What *source* makes of a file that is there to be read.

    Raises:
        UsageError: there is no such file, or it cannot be opened.
    """
    try:
        kind = path.stat().st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):  # opening a pipe would wait, and reading a device never end
            raise UsageError(f"cannot read {path}: it is no regular file", hint="name an event file")
        return source(path)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint="name an event file") from error
