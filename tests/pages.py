"""Pages for authors of collectors, taken apart: files that they show in pieces, and other code."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs/reference"
TUTORIAL = ROOT / "docs/tutorial/first-collector.md"


def blocks(page: Path, language: str) -> list[str]:
    """The blocks of code in a language, without their fences."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def pieces(page: Path = TUTORIAL) -> dict[str, list[str]]:
    """Pieces of files that a page shows, in its order: each stands after the file's name."""
    found: dict[str, list[str]] = {}
    named = re.compile(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    for path, block in named.findall(page.read_text()):
        found.setdefault(path, []).append(block)
    return found


def written(folder: Path) -> Path:
    """The collector of the tutorial, as a reader would write it in an empty folder."""
    for path, parts in pieces().items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        separator = "\n\n" if path.endswith(".py") else "\n"  # pieces end where the tutorial has something to say
        place.write_text(separator.join(parts))
    return folder
