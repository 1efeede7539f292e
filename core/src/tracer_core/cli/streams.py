"""Standard streams as they are found: closed by whoever started us (``>&-``), or without some of our signs."""

from __future__ import annotations

import io
import os
import sys


def prepare() -> None:
    """Have no file opened in place of a stream that is closed, and no sign refused that an encoding lacks."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _open_closed()
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # as Python has it for stderr


def _open_closed() -> None:
    """Reading finds nothing; writing to stdout fails, as to a closed one; what is said on stderr, nobody wants."""
    for stream, (name, flags) in enumerate((("stdin", os.O_RDONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY))):
        if getattr(sys, name) is not None:
            continue
        nowhere = os.open(os.devnull, flags)
        if nowhere != stream:
            os.dup2(nowhere, stream)
            os.close(nowhere)
        setattr(sys, name, os.fdopen(stream, "r" if name == "stdin" else "w", closefd=False))
