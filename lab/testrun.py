"""Tests under kernels of the lab: one boot for all tests of a kernel."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lab import boot, bytecode, compiling, ovs, results, roots
from lab.errors import UnavailableError
from lab.prepare import fetch
from tracer_core.testing.pytest_plugin import REQUIRE
from tracer_core.testing.warm import VARIABLE as WARM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO

    from lab.qemu import Machine
    from lab.results import Result

ROOT = Path(__file__).resolve().parent.parent

TESTS = (
    "tests/lab",
    "tests/test_topologies.py",
    "tests/test_topologies_ovs.py",
    "tests/test_topologies_gone.py",
    "tests/test_run.py",
    "tests/test_collect.py",
    "tests/test_tracking.py",
    "tests/test_offsets.py",
    "plugins/skb/tests/test_capture.py",
)
"""What runs under each kernel: tests made for it, and those that trace on the machine's own kernel, as they are."""

MORE = (
    "tests/test_stack.py",
    "tests/test_stack_levels.py",
    "tests/test_metadata_filter.py",
    "plugins/ct/tests/test_collect.py",
    "plugins/dev/tests",
    "plugins/ns/tests",
    "plugins/skb_drop/tests",
)
"""What takes too long for every change: these, and tests marked ``extra``, run where everything does."""

FEW = (*TESTS, "-m", "not extra")
EVERYTHING = (*TESTS, *MORE)

GUESTS_ENTER = "debian13"
"""The release whose programs tests in guests run, by chroot: its tools are newer than those of the machine may be."""

PATIENCE = 3600.0  # seconds for a kernel; an emulated one on a busy machine takes a quarter of it
_PER_TEST = 900  # seconds


_GUESTS_HAVE = ("bpf", "root", "lab", "usdt", "vlan", "vxlan", "bridge", "nftables")


def required(environment: Mapping[str, str] = os.environ) -> list[str]:
    """What must not be skipped here: ``lab`` for kernels, ``openvswitch`` for our build of it, ``roots`` for roots."""
    return [name for name in environment.get(REQUIRE, "").replace(" ", "").split(",") if name]


def required_in_guests(environment: Mapping[str, str] = os.environ) -> list[str]:
    """What must not be skipped there: all, but what is made here only where that worked, or is required here."""
    made = ["openvswitch"] if ovs.find() else []
    made += ["roots"] if roots.find(GUESTS_ENTER) else []
    return list(dict.fromkeys([*_GUESTS_HAVE, *made, *required(environment)]))


def prepare_programs() -> list[str]:
    """Have the programs that guests are to find, beside those of the machine.

    Returns:
        Why there are not all of them, a line for each; empty if they are there.
    """
    trouble = []
    try:
        ovs.fetch()
    except UnavailableError as error:
        trouble.append(f"Open vSwitch with USDT probes cannot be had here, its tests are skipped: {error}")
    try:
        roots.fetch(GUESTS_ENTER)
    except UnavailableError as error:
        trouble.append(f"programs of another release cannot be had here, their tests are skipped: {error}")
    return trouble


def run_kernel(
    name: str,
    tests: Sequence[str],
    *,
    timeout: float,
    machine: Machine,
    out: IO[bytes],
    artefacts: Path | None = None,
) -> Result:
    """Run tests under one kernel.

    Args:
        name: Short name of the kernel.
        tests: Arguments for pytest.
        timeout: Seconds for all of them.
        machine: What the guest has.
        out: What pytest prints goes here, as it comes.
        artefacts: What tests leave is kept here, in a folder with the name of the kernel.

    Returns:
        How they ended. A kernel that cannot be had is one skipped test, or a failed one if it is required.

    Raises:
        LabError: there is no kernel of that name.
    """
    began = time.monotonic()
    try:
        kernel = fetch(name)
        if why_not := compiling.can_compile():
            out.write(f"lab: nothing can be compiled here, so the guest does it, slowly: {why_not}\n".encode())
        bytecode.of_modules(ROOT)
        bytecode.of_tests(ROOT, tests)
        with tempfile.TemporaryDirectory(prefix="tracer-lab-results-") as made:
            folder = artefacts / name if artefacts else Path(made)
            outcome = boot.run(
                kernel,
                pytest_command(tests),
                out=out,
                err=out,
                timeout=timeout,
                folder=ROOT,
                environment={REQUIRE: ",".join(required_in_guests()), WARM: "1"},
                artefacts=folder,
                machine=machine,
                compile_here=not why_not,
            )
            counts, reason = results.judge(results.read_junit(folder / "junit.xml"), outcome.status, outcome.trouble)
        if outcome.trouble:
            out.write(outcome.trouble.encode() + b"\n")
    except UnavailableError as error:
        counts = results.Counts(failed=1) if "lab" in required() else results.Counts(skipped=1)
        return results.Result(f"kernel {name}", counts, f"cannot be run here: {error}")
    return results.Result(f"kernel {name} ({kernel.release})", counts, reason, time.monotonic() - began)


def elsewhere(path: Path) -> Result:
    """What pytest counted outside of the lab; a failure if it did not get so far.

    Args:
        path: The file of its option ``--junitxml``.
    """
    counts = results.read_junit(path)
    if counts is None:
        return results.Result("this machine", results.Counts(failed=1), f"pytest did not write {path}")
    return results.Result("this machine", counts)


def pytest_command(tests: Sequence[str]) -> list[str]:
    """What runs in the guest: this Python, which is there, too."""
    options = ["-p", "no:cacheprovider", "-o", f"timeout={_PER_TEST}", "--junitxml=/run/lab/artefacts/junit.xml"]
    return [sys.executable, "-m", "pytest", *options, *tests]
