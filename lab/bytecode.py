"""Have bytecode on this machine, where making it is quick. Guests see it; what they make themselves goes with them."""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def of_modules(root: Path) -> None:
    """That of the core, the collectors and the lab.

    Args:
        root: Of the repository.
    """
    for folder in (root / "core" / "src", *root.glob("plugins/*/src"), root / "lab"):
        compileall.compile_dir(folder, quiet=2)


def of_tests(root: Path, tests: Sequence[str]) -> None:
    """That of tests, which pytest rewrites before; what it complains of is said again in the guest.

    Args:
        root: Of the repository.
        tests: Arguments for pytest.
    """
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "-q", *tests]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, cwd=root, env=environment, check=False, capture_output=True, stdin=subprocess.DEVNULL)
