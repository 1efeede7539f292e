"""Pages that are written, or only checked: what the scripts that make them have in common."""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REFERENCE = Path(__file__).resolve().parents[2] / "docs/reference"


def bring_up_to_date(script: str, what: str, pages: Mapping[str, Callable[[str], str]]) -> int:
    """Write pages of docs/reference, or check them, as the command line says.

    Args:
        script: Whose command line it is; it is named where a page is not up to date.
        what: One sentence, for ``--help``.
        pages: By name, what makes the page of what it was.

    Returns:
        1 if a page was to be checked and is not up to date.
    """
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--check", action="store_true", help="write nothing, say which pages are not up to date")
    check = parser.parse_args().check
    stale = False
    for name, render in pages.items():
        page = REFERENCE / name
        before = page.read_text()
        after = render(before)
        if not check:
            page.write_text(after)
        elif after != before:
            stale = True
            sys.stdout.writelines(difflib.unified_diff(before.splitlines(True), after.splitlines(True), name, "now"))
            print(f"{name} is not up to date: python scripts/{script}")
    return int(stale)
