"""The command line, run in the process of the test."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tracer_core.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line on stderr."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("Error: "), self.err
        return lines[0].removeprefix("Error: ")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Result]]:
    """Run a command line in this process."""
    logger = logging.getLogger()
    before = logger.handlers[:], logger.level

    def command(*arguments: str) -> Result:
        code = main.run(list(arguments))
        return Result(code, *capsys.readouterr())

    yield command
    logger.handlers[:], logger.level = before[0], before[1]
