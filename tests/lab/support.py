"""What tests found to work under this kernel: rows of the table in the documentation."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILE = "support.json"


@dataclass
class Support:
    """Rows of one kernel.

    Attributes:
        release: ``uname -r``.
        rows: Answers by what was tried; only tests that passed leave one.
    """

    release: str
    rows: dict[str, str] = field(default_factory=dict)

    def works(self, what: str, how: str = "yes") -> None:
        """Note the outcome of a test, as its last act."""
        self.rows[what] = how

    def write(self, folder: Path) -> None:
        """Leave the rows for whoever makes the table."""
        folder.joinpath(FILE).write_text(json.dumps({"release": self.release, "rows": self.rows}))
