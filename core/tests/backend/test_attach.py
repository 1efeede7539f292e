"""What the user is told of an attachment that failed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tracer_core.backend.attach import explained
from tracer_core.errors import MachineError, RunError, TracerError
from tracer_core.kernel.view import Prototype
from tracer_core.plan.plan import PlannedProbe
from tracer_core.types import Probe
from tracer_core.userspace.live import UserPlace


def told(number: int, path: str, message: str = "") -> TracerError:
    place = UserPlace(7, path, "/usr/sbin/daemon", 0x10)
    probe = PlannedProbe(Probe.usdt("daemon", "demo:fire"), Prototype((), "void", "", 0), 0, user=place)
    return explained(probe, OSError(number, message or os.strerror(number)))


@pytest.mark.parametrize("number", [errno.ESRCH, errno.ENOENT])
def test_a_process_that_has_ended_is_told_by_its_pid(number: int, tmp_path: Path) -> None:
    error = told(number, str(tmp_path / "gone"))
    assert isinstance(error, RunError)
    assert error.message == "probe usdt:daemon:demo:fire: process 7 has ended"


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EOPNOTSUPP, "the kernel cannot raise the semaphore of a USDT probe"),
        (errno.EPERM, "Operation not permitted"),
    ],
)
def test_what_the_machine_refuses_while_the_process_runs_is_told_as_it_is(
    number: int, message: str, tmp_path: Path
) -> None:
    error = told(number, str(tmp_path), message)
    assert isinstance(error, MachineError)
    assert error.message == f"probe usdt:daemon:demo:fire: cannot attach: {message}"


def test_a_kernel_without_uprobes_is_not_taken_for_a_process_that_has_ended(tmp_path: Path) -> None:
    assert (
        "the kernel has no uprobe events"
        in told(errno.ENOENT, str(tmp_path), "the kernel has no uprobe events").message
    )
