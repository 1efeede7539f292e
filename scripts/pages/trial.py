"""A whole page, run."""

from __future__ import annotations

import difflib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.pages import session
from scripts.pages.blocks import ROOT, blocks
from scripts.pages.likeness import normal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scripts.pages.blocks import Block
    from scripts.pages.session import Command


@dataclass(slots=True)
class Trial:
    """What came of the blocks of a page that are run in one place.

    Attributes:
        page: It.
        blocks: Those blocks.
        commands: What they have readers do, in order, with what each printed.
        before: What was printed before the first.
    """

    page: Path
    blocks: list[Block]
    commands: list[Command] = field(default_factory=list)
    before: str = ""

    def complaints(self) -> str:
        """What is not as the page says; empty if all is."""
        found = [self.before] if self.before else []
        for block in self.blocks:
            of_block = [c for c in self.commands if block.line <= c.first <= block.line + len(block.lines)]
            failed = [command for command in of_block if command.status != 0]
            fails = block.fate is not None and block.fate.fails
            if fails and not failed:
                found.append(f"{self._place(block.line)}: nothing failed, and something should")
            found += [self._difference(command) for command in of_block if not command.is_as_shown]
            if failed and not fails:
                found += [f"{self._place(c.first)}: ended with {c.status}: {c.text}\n{_printed(c)}" for c in failed]
        return "\n\n".join(found)

    def updated(self) -> str:
        """The text of the page with what was printed now, where that is not what it shows."""
        return session.updated(self.page.read_text(), self.commands, self.blocks)

    def _place(self, line: int) -> str:
        return f"{self.page.relative_to(ROOT) if self.page.is_relative_to(ROOT) else self.page}:{line}"

    def _difference(self, command: Command) -> str:
        printed = [line for _, line in command.printed]
        difference = difflib.unified_diff(normal(command.shown or []), normal(printed), "shown", "printed", lineterm="")
        return "\n".join([f"{self._place(command.first)}: {command.text}", *difference])


def tried(page: Path, place: str, timeout: float) -> Trial:
    """Run what a page has run in a place, in an empty folder.

    Args:
        page: The page.
        place: ``host`` or ``lab``.
        timeout: Seconds that all may take.
    """
    with tempfile.TemporaryDirectory(prefix="tracer-page-") as folder:
        return typed(page, of_place(page, place), Path(folder), timeout)


def typed(
    page: Path, blocks: Sequence[Block], folder: Path, timeout: float, variables: Mapping[str, str] | None = None
) -> Trial:
    """Run some blocks of a page: arguments are those of :func:`scripts.pages.session.run`."""
    trial = Trial(page, list(blocks))
    trial.commands = [command for block in blocks for command in session.commands(block)]
    trial.before = session.run(trial.commands, folder, timeout, variables)
    return trial


def of_place(page: Path, place: str) -> list[Block]:
    """The blocks of a page that are run in a place."""
    return [block for block in blocks(page.read_text()) if block.fate is not None and block.fate.kind == place]


def _printed(command: Command) -> str:
    return "\n".join(line for _, line in command.printed)
