"""An ``nft`` that is made up: what it lists, and when."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_PROGRAM = """\
#!/bin/sh
cd "$(dirname "$0")" && echo "$@" >> calls
if [ -p gate ]; then read -r line < gate; fi
if [ -e error ]; then cat error >&2; exit 1; fi
exec cat listing
"""


class FakeNft:
    """The program that is found by its name.

    Args:
        folder: For it, and what it is told.
        monkeypatch: Of the test.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self.gate = folder / "gate"
        """Where it waits while it is held."""
        program = folder / "nft"
        program.write_text(_PROGRAM)
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
        self.has()

    def has(self, *rules: tuple[int, str]) -> None:
        """It has a table, number 1, with these rules: handle and text of each."""
        lines = (f"\t\t{text} # handle {handle}\n" for handle, text in rules)
        self.lists(f"table inet filter {{ # handle 1\n\tchain c {{ # handle 1\n{''.join(lines)}\t}}\n}}\n")

    def lists(self, listing: str) -> None:
        """It prints this."""
        self._replace("listing", listing)
        (self._folder / "error").unlink(missing_ok=True)

    def fails(self, message: str) -> None:
        """It ends with this message."""
        self._replace("error", message)

    def hold(self) -> None:
        """It does not answer until it is let go."""
        os.mkfifo(self.gate)

    def let_go(self) -> None:
        """It answers; it must have been called."""
        with self.gate.open("w") as out:
            self.gate.unlink()
            out.write("\n")

    @property
    def calls(self) -> list[str]:
        """The arguments of each call, as far as they have begun."""
        calls = self._folder / "calls"
        return calls.read_text().splitlines() if calls.exists() else []

    def wait_for_calls(self, count: int) -> None:
        """Wait until it was called so often."""
        deadline = time.monotonic() + patience(10)
        while len(self.calls) < count:
            assert time.monotonic() < deadline, f"nft was called {len(self.calls)} times"
            time.sleep(0.005)

    def _replace(self, name: str, text: str) -> None:
        new = self._folder / f"{name}.new"
        new.write_text(text)
        new.replace(self._folder / name)
