"""A program with probes, and what a collector is to see of it: for tests here and in guests."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

_TESTS = Path(__file__).resolve().parent
SOURCE = _TESTS / "lab/usdt/fired.c"
COLLECTOR = _TESTS / "fixtures/distributions/watching"
"""The distribution of the collector ``watching``."""


class Passed(NamedTuple):
    """What the program passes to one place."""

    first: int
    second: int
    third: int
    text: str

    @property
    def shown(self) -> str:
        """In the text of an event."""
        numbers = f"first {self.first} second {self.second} third {self.third}"
        return f"watched {numbers} text {self.text.encode().hex()}"


def to_the_probe(number: int, text: str) -> list[Passed]:
    """Of a line ``NUMBER TEXT``, at the two places of ``fired:numbers``, in order."""
    # by the types of the C: int and unsigned char
    return [Passed(number, number % 256, number * 3, text), Passed(-7, 249, number * 3, text)]


def to_the_function(number: int, text: str) -> Passed:
    """Of the same line, to ``fired_function``."""
    return Passed(number, -1, number * 3, text)
