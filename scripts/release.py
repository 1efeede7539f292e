#!/usr/bin/env python3
"""Give all packages one version, and write what is new in it into CHANGELOG.md.

    python scripts/release.py VERSION

Nothing is committed, tagged or uploaded: docs/how-to/release.md says what comes next. Prints the notes of the release.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSION = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
"""Three numbers, perhaps of a release before the release; what PEP 440 allows beyond that is not for us."""

_SETTING = re.compile(r'^(__version__|version) = "[^"]*"$', re.MULTILINE)


def main() -> None:
    """Do it, to the clone that this file is in."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", metavar="VERSION", help="as in 0.2.0 or 0.2.0rc1")
    version = parser.parse_args().version
    if not VERSION.fullmatch(version):
        parser.error(f"{version!r} is not a version like 0.2.0 or 0.2.0rc1")
    for path in files(ROOT):
        path.write_text(with_version(path.read_text(), version))
    subprocess.run(
        [sys.executable, "-m", "towncrier", "build", "--yes", "--dir", str(ROOT)], check=True, stdout=sys.stderr
    )
    print(notes((ROOT / "CHANGELOG.md").read_text(), version))


def files(root: Path) -> list[Path]:
    """What has the version in it: a test compares them."""
    return [
        root / "pyproject.toml",
        root / "core/pyproject.toml",
        root / "core/src/tracer_core/__init__.py",
        *sorted(root.glob("plugins/*/pyproject.toml")),
    ]


def with_version(text: str, version: str) -> str:
    """The text of a file with another version.

    Raises:
        ValueError: it is not there exactly once.
    """
    changed, count = _SETTING.subn(rf'\1 = "{version}"', text)
    if count != 1:
        raise ValueError(f"{count} lines give a version, not 1")
    return changed


def notes(changelog: str, version: str) -> str:
    """What the changelog says of one version.

    Raises:
        ValueError: nothing.
    """
    found = re.search(rf"^## {re.escape(version)} \(.*?(?=^## \d|\Z)", changelog, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"the changelog has nothing of {version}")
    return found[0].strip()


if __name__ == "__main__":
    main()
