#!/usr/bin/env python3
"""Run the commands of pages, and put what they print on the pages.

    python scripts/run_pages.py docs/tutorial/first-trace.md     # as root
    python scripts/run_pages.py --place lab PAGE...              # in a guest: python -m lab run 6.12 -- ...

Only outputs that are not alike what they were are replaced (``scripts/pages/likeness.py``): nothing else changes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # scripts are not installed

from scripts.pages.trial import tried

from tracer_core.testing.patience import patience

TAKES = 120.0  # seconds, times the patience


def main() -> int:
    """Run pages.

    Returns:
        1 if something on one of them does not end as it says.
    """
    parser = argparse.ArgumentParser(description="Run the commands of pages, and put what they print on the pages.")
    parser.add_argument("--place", choices=("host", "lab"), default="host", help="whose blocks to run")
    parser.add_argument("--check", action="store_true", help="write nothing, say what is not as shown")
    parser.add_argument("--output", type=Path, help="write pages here, not in their places")
    parser.add_argument("pages", nargs="+", type=Path)
    chosen = parser.parse_args()
    wrong = False
    for page in chosen.pages:
        trial = tried(page.resolve(), chosen.place, patience(TAKES))
        complaints = trial.complaints()
        if complaints:
            print(complaints)
        if chosen.check:
            wrong |= bool(complaints)
            continue
        (chosen.output / page.name if chosen.output else page).write_text(trial.updated())
        wrong |= any(command.status is None for command in trial.commands)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
