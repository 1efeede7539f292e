#!/usr/bin/env python3
"""Bring the manual page up to date.

    python scripts/render_man.py            # write core/man/tracer.1
    python scripts/render_man.py --check    # only say whether it is up to date

It is made from the commands, with the options of the collectors in plugins/, and from the tables of exit codes and of
environment variables in docs/reference. The wheel of the core installs it as share/man/man1/tracer.1.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # scripts are not installed

from scripts.reference.man import page
from scripts.reference.pages import bring_up_to_date


def main() -> int:
    """Write the page, or check it.

    Returns:
        1 if it was to be checked and is not up to date.
    """
    return bring_up_to_date("render_man.py", "Bring the manual page up to date.", {"../../core/man/tracer.1": page})


if __name__ == "__main__":
    sys.exit(main())
