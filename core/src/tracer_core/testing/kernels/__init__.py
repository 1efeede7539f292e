"""Recorded kernels, so that planning and composing are tested against real layouts anywhere."""

from __future__ import annotations

from pathlib import Path

from tracer_core.errors import UsageError
from tracer_core.kernel.recorded import META, RecordedKernel

_HERE = Path(__file__).parent


def recorded_names() -> tuple[str, ...]:
    """Names of the recorded kernels, oldest first."""
    found = (path.parent.name for path in _HERE.glob(f"*/{META}"))
    return tuple(sorted(found, key=lambda name: [int(part) for part in name.split(".")]))


def recorded_folder(name: str) -> Path:
    """The folder of one of them, for ``--kernel``.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in recorded_names():
        raise UsageError(f"no recorded kernel {name}", hint=f"there are {', '.join(recorded_names())}")
    return _HERE / name


def recorded_kernel(name: str) -> RecordedKernel:
    """One of them, for example ``6.1``.

    Raises:
        UsageError: there is none of that name.
    """
    return RecordedKernel(recorded_folder(name))
