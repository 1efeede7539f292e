"""What a collector gets for the side effects of a run, and the guard around what it does with it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tracer_core.errors import PluginError, TracerError
from tracer_core.plugins.declaration import BUG
from tracer_core.plugins.exchange import WATCHED

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tracer_core.kernel.view import Kernel
    from tracer_core.plugins.declaration import Owner
    from tracer_core.plugins.exchange import Link, Watch


@dataclass(frozen=True, slots=True)
class Session:
    """A run, as seen by one collector.

    Attributes:
        kernel: View of the traced kernel.
        options: Instance of the collector's options class.
        log: Messages to the user, under the collector's name.
        link: To the thread that takes events; use :meth:`watch` and :meth:`reporter`.
        netns: Inode numbers of the network namespaces that are traced; empty for all.
        changed: What ``tracer_changes`` named was made: the user allows system changes.
    """

    kernel: Kernel
    options: Any
    log: logging.Logger
    link: Link = field(repr=False)
    netns: tuple[int, ...] = ()
    changed: bool = False

    def watch(self, section: type[Any], *, most: int = WATCHED) -> Watch:
        """See the events of a section as they come, in a thread of the session's own.

        Only while the session is entered, before events can come.

        Args:
            section: One of the collector's, which programs record.
            most: While so many events wait to be taken, others are missed.

        Raises:
            PluginError: it is another's, or too late.
        """
        return self.link.watch(section, most)

    def reporter(self, section: type[Any]) -> Callable[[Any], None]:
        """A function that makes an event of an instance of the section, of no probe, at the time of the call.

        It never waits, and any thread may call it. What is reported while too much waits to be taken is lost, what is
        reported when the run has ended is left out, and the user is told.

        Only while the session is entered, before events can come.

        Args:
            section: One of the collector's, declared with ``reported=True``.

        Raises:
            PluginError: it is another's, or too late.
        """
        return self.link.reporter(section)


@contextmanager
def guarded(owner: Owner, manager: AbstractContextManager[Any], log: logging.Logger) -> Iterator[None]:
    """Be in a collector's session: what it raises names it, and what ended the run stays the reason.

    Args:
        owner: Whose session it is.
        manager: What ``tracer_session`` returned.
        log: For what goes wrong after something else did.

    Raises:
        PluginError: entering or leaving it raised something it should not.
        TracerError: it raised that.
    """
    try:
        manager.__enter__()
    except Exception as error:
        raise _failure(owner, "entering", error) from error
    try:
        yield
    except BaseException as reason:
        try:
            manager.__exit__(type(reason), reason, reason.__traceback__)
        except Exception as error:  # noqa: BLE001 - reported; the run already has a reason to end
            if error is not reason:
                log.warning("%s", " ".join(str(_failure(owner, "leaving", error)).split()))
        raise
    try:
        manager.__exit__(None, None, None)
    except Exception as error:
        raise _failure(owner, "leaving", error) from error


def _failure(owner: Owner, doing: str, error: Exception) -> TracerError:
    if isinstance(error, TracerError):
        return error
    return PluginError(
        f"{owner}: {doing} tracer_session failed: {type(error).__name__}: {error}",
        hint=BUG,
    )
