#!/usr/bin/env python3
"""Try texts of a filter language that nobody would write, until time is over.

    python scripts/fuzz.py packet [--seconds N] [--seed N] [--loads N]

A text must be taken, or refused in one line that says what to do: no crash, no hang, no other exception. Some that are
taken are compiled and loaded into the kernel, which needs root. Exit code 1 if something was wrong.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # tests are not installed

from core.tests.filters.fuzz import LANGUAGES, fuzz


def main() -> int:
    """Fuzz, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("language", choices=sorted(LANGUAGES))
    parser.add_argument("--seconds", type=float, default=60, help="default: 60")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="default: any")
    parser.add_argument("--loads", type=int, default=50, help="of so many that are taken, one is loaded; 0: none")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    loads = arguments.loads if os.geteuid() == 0 else 0
    outcome = fuzz(arguments.language, arguments.seed, seconds=arguments.seconds, loads=loads)
    print(", ".join(f"{what}: {count:,}" for what, count in sorted(outcome.counts.items())))
    print("slowest: {:.1f} s, {}".format(*outcome.slowest))
    print("\n".join(f"WRONG: {text}" for text in outcome.wrong))
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
