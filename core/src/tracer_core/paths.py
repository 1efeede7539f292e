"""What is at a path: as pathlib says it, but no error where it cannot be looked at.

Before Python 3.14, pathlib raises then: if a folder above may not be searched, such as the home of root, or a name is
too long.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def exists(path: Path) -> bool:
    """Whether there is something, as far as one may know."""
    return os.path.exists(path)  # noqa: PTH110 - see the module


def is_file(path: Path) -> bool:
    """Whether there is a regular file."""
    return os.path.isfile(path)  # noqa: PTH113 - ditto


def is_folder(path: Path) -> bool:
    """Whether there is a folder."""
    return os.path.isdir(path)  # noqa: PTH112 - ditto
