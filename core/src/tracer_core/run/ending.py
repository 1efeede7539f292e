"""How a run ends: something asks for it, and then what was recorded until then is taken."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from queue import Empty
from typing import TYPE_CHECKING

from tracer_core.errors import RunError
from tracer_core.run.notices import Notice

if TYPE_CHECKING:
    from collections.abc import Callable
    from queue import SimpleQueue

    from tracer_core.run.drain import Drain
    from tracer_core.run.losses import LossReport

log = logging.getLogger(__name__)

_LOOK = 1.0  # seconds between looks at losses, which take a system call for each kprobe
_QUIET = 0.1  # seconds without an event, after which no more are expected
_LONGEST_WAIT = 1.0  # seconds; others may send all the time


def wait_for_end(
    drain: Drain, notices: SimpleQueue[Notice], report: LossReport, attach_more: Callable[[], None]
) -> None:
    """Wait for a reason to end, and probe meanwhile what stacks show.

    Args:
        drain: Takes events.
        notices: Where reasons come.
        report: Is asked to look at losses from time to time.
        attach_more: Attaches to what stacks have shown.
    """
    while True:
        try:
            reason = notices.get(timeout=_LOOK)
        except Empty:
            report.look()
            continue
        if reason is Notice.STACKS:
            attach_more()
            continue
        if reason is Notice.SIGNAL:
            log.info("Received signal, terminating...")
        elif reason is Notice.COMMAND:
            _wait_for_quiet(drain)
        if reason is not Notice.SIGNAL and drain.is_full:  # also if a command has ended meanwhile
            log.info("Reached stop count (%d), terminating...", drain.count)
        return


def _wait_for_quiet(drain: Drain) -> None:
    """What a command has sent may still be on its way when it has ended."""
    end = time.monotonic() + _LONGEST_WAIT
    count, since = drain.count, time.monotonic()
    while (now := time.monotonic()) < end and now - since < _QUIET:
        time.sleep(_QUIET / 10)
        if drain.count != count:
            count, since = drain.count, now


def finish(drain: Drain, notices: SimpleQueue[Notice]) -> None:
    """Have all that is recorded taken; nothing new can come any more.

    Args:
        drain: Takes it.
        notices: Where signals come: a further one ends the wait.

    Raises:
        TracerError: taking it failed, or the user did not wait for it.
    """
    drain.finish()
    impatient = False
    while not drain.is_done:
        with suppress(Empty):
            impatient |= notices.get(timeout=_LOOK) is Notice.SIGNAL
            continue
        if impatient:  # and nothing happened since
            hint = "nothing is left attached"
            raise RunError("interrupted before all events were written", hint=hint)
    drain.check()
