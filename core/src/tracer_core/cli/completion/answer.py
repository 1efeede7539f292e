"""Answers to shells that complete a command line. Whatever happens, nothing is printed but an answer."""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stderr
from typing import TYPE_CHECKING

from tracer_core.cli.completion.demand import VARIABLE
from tracer_core.cli.completion.shells import SHELLS, script

if TYPE_CHECKING:
    import click


def answer(cli: click.Command) -> int:
    """Print what can stand where the cursor is; nothing if that cannot be found out.

    Args:
        cli: The command.

    Returns:
        The exit code.
    """
    name, _, what = os.environ[VARIABLE].partition("_")
    if name not in SHELLS or what not in {"complete", "source"}:
        return 2
    if what == "source":
        sys.stdout.write(script(name, cli)[0])
        return 0
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):  # noqa: PTH123 - pathlib takes its time
        try:
            text = SHELLS[name](cli, {}, "tracer", VARIABLE).complete()
        except Exception:  # noqa: BLE001 - the user is typing, and a collector may do anything
            return 1
    # what a name may have that is no UTF-8, the shell knows by the same bytes; a line is an answer, also an empty one
    sys.stdout.buffer.write((f"{text}\n" if text else "").encode(errors="surrogateescape"))
    return 0
