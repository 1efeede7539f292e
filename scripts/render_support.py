#!/usr/bin/env python3
"""Write docs/reference/support.md from what the tests found under each kernel of the lab.

    python -m lab test --all --artefacts FOLDER
    python scripts/render_support.py FOLDER

Tests leave a row for what they saw to work, as their last act: see tests/lab/support.py.
"""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs/reference/support.md"
NAME = "support.json"
_TEXT = """# What works on which kernel

On x86_64, as the tests found it on {date}: each cell stands for a test that passed, with real packets; `?` is where
the kernel lacks what the test needs. Written by `scripts/render_support.py`; do it again with `make support`. How the
tests are run is in [the kernel lab](../how-to/lab.md); what the rows mean, in [probes](probes.md).

{table}
`tracer doctor` says what the kernel at hand offers. A probe that it does not offer is refused with the reason.
"""


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description="Write docs/reference/support.md.")
    parser.add_argument("folder", type=Path, help="has a folder for each kernel, with the artefacts of its tests")
    folder: Path = parser.parse_args().folder
    found = [json.loads(path.read_text()) for path in sorted(folder.glob(f"*/{NAME}"), key=_version)]
    if not found:
        parser.error(f"there is no {NAME} in {folder}")
    PAGE.write_text(_TEXT.format(date=datetime.datetime.now(datetime.UTC).date(), table=table(found)))


def table(kernels: list[dict[str, dict[str, str]]]) -> str:
    """Rows by what was tried, columns by kernel; a question mark where no test passed."""
    names = sorted({name for kernel in kernels for name in kernel["rows"]}, key=str.lower)
    lines = ["| | " + " | ".join(str(kernel["release"]) for kernel in kernels) + " |"]
    lines.append("| --- |" + " --- |" * len(kernels))
    lines += [f"| {name} | " + " | ".join(kernel["rows"].get(name, "?") for kernel in kernels) + " |" for name in names]
    return "\n".join(lines) + "\n"


def _version(path: Path) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in path.parent.name.split("."))


if __name__ == "__main__":
    main()
