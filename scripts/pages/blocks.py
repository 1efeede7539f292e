"""Blocks of code on a page, and what each is tested by.

A comment says it, before the block or, as ``blocks:``, for all that follow on the page::

    <!-- run: host -->            run in order, in one shell, on the machine that runs the tests
    <!-- run: lab -->             the same in a guest of the lab, whose kernel has what the page needs
    <!-- run: host, fails -->     a command of it is meant to fail
    <!-- run: host, file PATH --> it is what a file holds, which the reader writes there
    <!-- run: test FILE::NAME --> a test takes it from the page, by the fixture ``shown``
    <!-- run: none: REASON -->    nothing does
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
_PAGES = ("*.md", "docs/**/*.md", "core/README.md", "plugins/*/README.md", "examples/*/README.md")
_RECORDS = ROOT / "docs/adr"  # say what was, and are not changed
_MARKER = re.compile(r"^<!-- (run|blocks): (.*?) -->$")
_FENCE = re.compile(r"^( *)(`{3,})([\w-]*)$")
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a block when tests run.

    Attributes:
        kind: ``host``, ``lab``, ``test`` or ``none``.
        detail: The test, or the reason why there is none.
        fails: A command of it ends with another status than 0.
        file: What the block is the text of; empty if it is none.
    """

    kind: str
    detail: str = ""
    fails: bool = False
    file: str = ""

    @classmethod
    def of(cls, text: str) -> Fate:
        """What a comment says.

        Raises:
            ValueError: nothing that we know.
        """
        if match := re.fullmatch(r"(host|lab)(, fails)?(?:, file (\S+))?", text):
            return cls(match[1], fails=bool(match[2]), file=match[3] or "")
        if match := re.fullmatch(r"(test) (\S+)|(none): (\S.*)", text):
            return cls(match[1] or match[3], match[2] or match[4])
        raise ValueError(f"a block is tested by host, lab, 'test FILE::NAME' or 'none: REASON', not by {text!r}")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code.

    Attributes:
        language: After the fence; empty without one.
        line: Of the page where its text begins, counted from 0.
        lines: Its text, without the indentation.
        indent: What the page has before each of them.
        fate: What becomes of it; nothing if the page does not say.
    """

    language: str
    line: int
    lines: tuple[str, ...]
    indent: str
    fate: Fate | None

    @property
    def text(self) -> str:
        """Its lines, each with its end."""
        return "".join(f"{line}\n" for line in self.lines)


def pages() -> list[Path]:
    """All pages but decision records."""
    found = {path for pattern in _PAGES for path in ROOT.glob(pattern)}
    return sorted(path for path in found if _RECORDS not in path.parents)


@cache
def blocks_for(test: str) -> tuple[Block, ...]:
    """The blocks of all pages that name a test, as ``FILE::NAME``."""
    fate = Fate("test", test)
    return tuple(block for page in pages() for block in blocks(page.read_text()) if block.fate == fate)


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a page, in its order.

    Raises:
        ValueError: a comment says what becomes of blocks, and it is nothing that we know.
    """
    lines = text.splitlines()
    usual: Fate | None = None
    one: Fate | None = None
    number = 0
    while number < len(lines):
        line = lines[number]
        before = lines[number - 1] if number else ""
        if match := _MARKER.match(line):
            fate = Fate.of(match[2])
            usual, one = (fate, None) if match[1] == "blocks" else (usual, fate)
        elif match := _FENCE.match(line):
            end = next(i for i in range(number + 1, len(lines)) if lines[i] == match[1] + match[2])
            inner = tuple(line.removeprefix(match[1]) for line in lines[number + 1 : end])
            yield Block(match[3], number + 1, inner, match[1], one or usual)
            number, one = end, None
        elif line.startswith(_INDENT) and not before:
            end = _end_of_indented(lines, number)
            inner = tuple(line.removeprefix(_INDENT) for line in lines[number:end])
            yield Block("", number, inner, _INDENT, one or usual)
            number, one = end - 1, None
        elif line:
            one = None  # it was meant for a block, and there is none
        number += 1


def _end_of_indented(lines: list[str], first: int) -> int:
    end = first
    for number in range(first, len(lines)):
        if lines[number].startswith(_INDENT):
            end = number + 1
        elif lines[number]:
            break
    return end
