"""The packages of the repository, and wheels of them."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PLUGINS = sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml"))
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/pyproject.toml"))
PACKAGES = [ROOT / "core", *PLUGINS, *EXAMPLES]
MAKE = "make wheels"
DOWNLOAD = "pip download --dest wheels --find-links dist 'tracer-core[all]'"
"""What docs/how-to/install.md has its readers type on the machine where the clone is."""

_NEWEST_GLIBC = 60  # wheels for any glibc 2.x up to this are looked for; pip in there takes those for its own


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
    environment = {**os.environ, "DIST": str(folder)}
    result = subprocess.run(MAKE.split(), check=False, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    run(*pip, "--wheel-dir", folder, *EXAMPLES)


def download(python: str, dist: Path, wheels: Path) -> None:
    """Fetch what ``pip install tracer-core[all]`` takes under another Python.

    The pip of this machine does it: it knows how to reach an index, and that of a release need not.

    Args:
        python: Version of that Python, as in ``3.13``.
        dist: Where ours are.
        wheels: Where to put all of it.
    """
    platforms = [f"manylinux_2_{minor}_{platform.machine()}" for minor in range(_NEWEST_GLIBC, 4, -1)]
    folders = {"wheels": str(wheels), "dist": str(dist)}
    run(
        *(sys.executable, "-m", *(folders.get(word, word) for word in shlex.split(DOWNLOAD))),
        *("--quiet", "--only-binary=:all:", "--implementation", "cp", "--python-version", python),
        *(argument for name in platforms for argument in ("--platform", name)),
    )
