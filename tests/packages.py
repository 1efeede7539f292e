"""The packages of the repository, and wheels of them."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PLUGINS = sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml"))
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/pyproject.toml"))
PACKAGES = [ROOT / "core", *PLUGINS, *EXAMPLES]


def project(folder: Path) -> dict[str, Any]:
    """What the package in that folder says of itself."""
    settings: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return settings


def run(*argv: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program outside the repository, so that nothing is imported from it by accident."""
    result = subprocess.run(argv, check=False, capture_output=True, text=True, cwd="/", stdin=subprocess.DEVNULL)
    assert not check or result.returncode == 0, f"{argv}\n{result.stdout}\n{result.stderr}"
    return result


def build_wheels(folder: Path) -> None:
    """Put the wheel of every package into a folder."""
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    run(*pip, "--wheel-dir", folder, *PACKAGES)
