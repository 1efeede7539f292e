"""For tests of the machine's own pytest run that need another kernel, or another release, for a moment.

:func:`release` gives a root file system, and the fixture ``lab`` has kernels. Import it where it is wanted:
``from lab.fixtures import lab``. Tests that need nothing but another kernel belong in ``tests/lab``, where all of one
kernel share one boot.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from lab import boot, roots
from lab.errors import UnavailableError
from lab.prepare import fetch
from tracer_core.testing.pytest_plugin import unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lab.qemu import Machine
    from lab.roots import Root


@dataclass(frozen=True)
class Finished:
    """A command that ran in a guest.

    Attributes:
        status: Its exit status.
        out: What it printed.
        err: What it complained of, and what the guest did if that ended first.
        artefacts: What it left in ``$TRACER_LAB_ARTEFACTS``.
    """

    status: int
    out: str
    err: str
    artefacts: Path


@dataclass(frozen=True)
class Lab:
    """Kernels to run commands under.

    Attributes:
        folder: For artefacts; somebody else empties it.
    """

    folder: Path

    def run(
        self, name: str, argv: Sequence[str], *, timeout: float = boot.PATIENCE, machine: Machine | None = None
    ) -> Finished:
        """Boot a kernel and run a command in it; skip the test, or fail it, if there is no such kernel here."""
        out, err = io.BytesIO(), io.BytesIO()
        try:
            outcome = boot.run(
                fetch(name), argv, out=out, err=err, timeout=timeout, artefacts=self.folder, machine=machine
            )
        except UnavailableError as error:
            unavailable("lab", f"kernel {name} cannot be run here: {error}")
        complaints = err.getvalue().decode(errors="replace") + outcome.trouble
        return Finished(outcome.status, out.getvalue().decode(errors="replace"), complaints, self.folder)


def release(name: str) -> Root:
    """The root file system of that release; skip the test, or fail it, if it cannot be had here."""
    try:
        return roots.fetch(name)
    except UnavailableError as error:
        unavailable("roots", f"the root file system of {name} cannot be had here: {error}")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """Kernels of the lab."""
    return Lab(tmp_path / "artefacts")
