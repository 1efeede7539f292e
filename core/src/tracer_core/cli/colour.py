"""Whether what is written may be coloured: at terminals, unless the user does not want it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TextIO

AUTO, ALWAYS, NEVER = "auto", "always", "never"
RED, YELLOW, BLUE, CYAN, WHITE = "31", "33", "34", "36", "37"


def is_wanted(stream: TextIO) -> bool:
    """Whether a stream shows colours, and nothing says that there must be none: ``NO_COLOR``, see no-color.org."""
    is_capable = os.environ.get("TERM", "dumb") not in {"", "dumb"}
    return is_capable and not os.environ.get("NO_COLOR") and stream.isatty()


def in_colour(word: str, code: str, stream: TextIO) -> str:
    """A word of a message, in a colour if the stream shows it.

    Args:
        word: Any.
        code: Of the colour: a parameter of SGR, ECMA-48.
        stream: That it is for.
    """
    return f"\x1b[{code}m{word}\x1b[0m" if is_wanted(stream) else word


def for_events(choice: str, pager: list[str] | None = None) -> bool:
    """Whether the text of events is coloured.

    Args:
        choice: Of the user: one of :data:`AUTO`, :data:`ALWAYS` and :data:`NEVER`.
        pager: Command that the text goes through, if it does.
    """
    if choice != AUTO:
        return choice == ALWAYS
    return is_wanted(sys.stdout) and (pager is None or _passes(pager))


def _passes(pager: list[str]) -> bool:
    """Whether a pager shows colours: ``less`` with ``-R``, which it has of us unless the user has other wishes."""
    wishes = (*pager[1:], *os.environ.get("LESS", "R").split())
    return Path(pager[0]).name == "less" and any(
        word == "--RAW-CONTROL-CHARS" or ("R" in word and not word.startswith("--")) for word in wishes
    )
