"""Colour for text at terminals. Without the escape sequences, text is what it is without colour."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from zlib import crc32

from tracer_core.types import Style

if TYPE_CHECKING:
    from collections.abc import Callable

    Paint = Callable[[str], str]

# SGR parameters of ECMA-48. Red is for what went wrong, blue is hard to read on black.
_BOLD, _RED = "1", "31"
_IDENTITIES = ("32", "33", "35", "36", "92", "93", "94", "95", "96")
_REMEMBERED = 1 << 12


def _painted(text: str, code: str) -> str:
    """Text in a colour, each line for itself: pagers end colours with the line."""
    return "\n".join(f"\x1b[{code}m{line}\x1b[0m" if line else line for line in text.split("\n"))


def bold(text: str) -> str:
    """What the eye looks for."""
    return _painted(text, _BOLD)


def paint_of(style: Style) -> Paint | None:
    """What puts the colour of a style on the text of a section; nothing if it has none."""
    return _PAINTS.get(style)


def _trouble(text: str) -> str:
    return _painted(text, _RED)


@lru_cache(_REMEMBERED)
def _identity(text: str) -> str:
    """Of few colours one that is the same wherever the first word is: whose text it is."""
    return _painted(text, _IDENTITIES[crc32(text.partition(" ")[0].encode()) % len(_IDENTITIES)])


_PAINTS: dict[Style, Paint] = {Style.IDENTITY: _identity, Style.TROUBLE: _trouble}
