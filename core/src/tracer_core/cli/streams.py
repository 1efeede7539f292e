"""Streams that whoever started us has closed: ``>&-``."""

from __future__ import annotations

import os
import sys


def open_closed() -> None:
    """Open what is closed of stdin, stdout and stderr, else the next file that is opened would be taken for it.

    Reading finds nothing. Writing to stdout fails, as it does with a closed one. What is said on stderr is lost: that
    it was closed says that nobody wants it.
    """
    for stream, (name, flags) in enumerate((("stdin", os.O_RDONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY))):
        if getattr(sys, name) is not None:
            continue
        nowhere = os.open(os.devnull, flags)
        if nowhere != stream:
            os.dup2(nowhere, stream)
            os.close(nowhere)
        setattr(sys, name, os.fdopen(stream, "r" if name == "stdin" else "w", closefd=False))
