"""What a run is told while it waits: what ends it (a signal, a command, the events themselves), and what else to do."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
from contextlib import contextmanager, suppress
from enum import Enum
from typing import TYPE_CHECKING

from tracer_core.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from queue import SimpleQueue

log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)
_PATIENCE = 2.0  # seconds that a command has to end when it is asked to


class Notice(Enum):
    """All but the last are reasons to end."""

    SIGNAL = "signal"
    COMMAND = "command"
    """The command has ended."""
    DRAINED = "drained"
    """No more events are taken: a replay or the number that was asked for is over, or something failed."""
    STACKS = "stacks"
    """Stacks show functions that are to be probed, too."""


@contextmanager
def stop_signals(notices: SimpleQueue[Notice]) -> Iterator[None]:
    """Signals are reasons, and nothing else, within the block.

    Args:
        notices: Where they are put. A simple queue is the one that signal handlers may use.
    """
    wanted = [
        number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN or number != signal.SIGHUP
    ]
    previous = {number: signal.signal(number, lambda *_: notices.put(Notice.SIGNAL)) for number in wanted}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def command(text: str, notices: SimpleQueue[Notice]) -> Iterator[None]:
    """Run a shell command. What it prints is discarded, what it complains of is shown on our stderr.

    If it still runs at the end of the block, it is ended.

    Args:
        text: For ``sh -c``.
        notices: Where its end is put.

    Raises:
        RunError: there is no shell.
    """
    try:
        # a session of its own: a signal of the terminal is for us, who end it; with what it has started
        process = subprocess.Popen(["sh", "-c", text], stdout=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        raise RunError(f"--cmd: cannot run sh: {error.strerror}", hint="is it in PATH?") from error

    ended = False  # by us

    def wait() -> None:
        status = process.wait()
        if not ended:
            log.info("Command returned (exit status: %d), terminating ...", status)
        notices.put(Notice.COMMAND)

    waiting = threading.Thread(target=wait, name="command", daemon=True)
    waiting.start()
    try:
        yield
    finally:
        ended = True
        for number in (signal.SIGTERM, signal.SIGKILL):
            if waiting.is_alive():
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
                waiting.join(_PATIENCE)
