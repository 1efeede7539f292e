"""Command lines with profiles, on a recorded kernel, and what they would trace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tracer_core.testing import kernels

if TYPE_CHECKING:
    from core.tests.cli.conftest import Result

KERNEL = str(Path(kernels.__file__).parent / "6.12")
DRY = ("collect", "--kernel", KERNEL, "--dry-run")
SOURCE = ("collect", "--kernel", KERNEL, "--print-bpf")


def probes(result: Result) -> list[str]:
    assert result.code == 0, result.err
    lines = (line.split() for line in result.out.splitlines())
    return [words[2].removesuffix(":") for words in lines if words[0] == "probe"]


def collectors(result: Result) -> list[str]:
    assert result.code == 0, result.err
    return [line.split()[1] for line in result.out.splitlines() if line.startswith("collector ")]
