"""Collectors installed for one test, and the command line run in its process."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DISTRIBUTIONS = Path(__file__).resolve().parents[3] / "tests/fixtures/distributions"


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Put distributions on the path, by their folders in ``tests/fixtures/distributions``, in this order."""
    before = set(sys.modules)

    def put(*folders: str) -> None:
        for folder in reversed(folders):
            monkeypatch.syspath_prepend(DISTRIBUTIONS / folder)

    yield put
    for name in set(sys.modules) - before:
        if name.startswith("fixture_"):
            del sys.modules[name]


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
