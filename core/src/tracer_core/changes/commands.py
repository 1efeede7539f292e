"""Commands that change the machine, or take that back: run to their end, whatever signals come."""

from __future__ import annotations

import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tracer_core.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
_PATIENCE = 20.0  # seconds; a busy machine's rules take some


@contextmanager
def held_signals() -> Iterator[None]:
    """Signals that ask for an end come after the block. For the main thread, as all handlers of Python."""
    came: list[int] = []
    before = {held: signal.signal(held, lambda got, _: came.append(got)) for held in _SIGNALS}
    try:
        yield
    finally:
        for held, handler in before.items():
            signal.signal(held, handler)
        for number in came:
            signal.raise_signal(number)


def execute(command: Sequence[str]) -> None:
    """Run a command that says nothing if it succeeds.

    Raises:
        RunError: it did not; the message says why, in its words.
    """
    try:
        # a session of its own: ^C at the terminal is for us, who wait for it
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
            start_new_session=True,
        )
    except OSError as error:
        raise RunError(f"{command[0]} cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise RunError(f"{command[0]} did not end within {_PATIENCE:.0f} s") from error
    if result.returncode:
        said = (result.stderr or result.stdout).strip().partition("\n")[0]
        raise RunError(f"{command[0]}: {said or f'it ended with {result.returncode}'}")
