"""Tests under kernels of the lab: one boot for all tests of a kernel."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lab import boot, results
from lab.errors import UnavailableError
from lab.prepare import fetch
from tracer_core.testing.pytest_plugin import REQUIRE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO

    from lab.qemu import Machine
    from lab.results import Result

ROOT = Path(__file__).resolve().parent.parent

TESTS = (
    "tests/lab",
    "tests/test_run.py",
    "tests/test_collect.py",
    "tests/test_offsets.py",
    "plugins/skb/tests/test_capture.py",
)
"""What runs under each kernel: tests made for it, and those that trace on the machine's own kernel, as they are."""

PATIENCE = 3600.0  # seconds for a kernel; an emulated one on a busy machine takes a quarter of it
_PER_TEST = 900  # seconds


def required(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a kernel that cannot be run is a failure."""
    return "lab" in environment.get(REQUIRE, "").replace(" ", "").split(",")


def run_kernel(name: str, tests: Sequence[str], *, timeout: float, machine: Machine, out: IO[bytes]) -> Result:
    """Run tests under one kernel.

    Args:
        name: Short name of the kernel.
        tests: Arguments for pytest.
        timeout: Seconds for all of them.
        machine: What the guest has.
        out: What pytest prints goes here, as it comes.

    Returns:
        How they ended. A kernel that cannot be had is one skipped test, or a failed one if it is required.

    Raises:
        LabError: there is no kernel of that name.
    """
    began = time.monotonic()
    try:
        kernel = fetch(name)
        with tempfile.TemporaryDirectory(prefix="tracer-lab-results-") as folder:
            outcome = boot.run(
                kernel,
                pytest_command(tests),
                out=out,
                err=out,
                timeout=timeout,
                folder=ROOT,
                environment={REQUIRE: "bpf,root,lab"},  # a guest has it all
                artefacts=Path(folder),
                machine=machine,
            )
            counts, reason = results.judge(
                results.read_junit(Path(folder, "junit.xml")), outcome.status, outcome.trouble
            )
        if outcome.trouble:
            out.write(outcome.trouble.encode() + b"\n")
    except UnavailableError as error:
        counts = results.Counts(failed=1) if required() else results.Counts(skipped=1)
        return results.Result(name, counts, f"cannot be run here: {error}")
    return results.Result(f"{name} ({kernel.release})", counts, reason, time.monotonic() - began)


def pytest_command(tests: Sequence[str]) -> list[str]:
    """What runs in the guest: this Python, which is there, too."""
    options = ["-p", "no:cacheprovider", "-o", f"timeout={_PER_TEST}", "--junitxml=/run/lab/artefacts/junit.xml"]
    return [sys.executable, "-m", "pytest", *options, *tests]
