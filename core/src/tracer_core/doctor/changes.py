"""Check of what runs have changed on the machine: made by those that go on, or left behind by some that were killed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from tracer_core.changes.process import Process
from tracer_core.changes.records import FOLDER, Records
from tracer_core.doctor.check import Check, Finding, denied, missing, ok
from tracer_core.errors import MachineError

if TYPE_CHECKING:
    from tracer_core.doctor.system import System


def system_changes(system: System) -> Finding:
    """Whether anything is changed, by whom, and how to undo what nobody will."""
    try:
        records = list(Records(system.root / FOLDER.relative_to("/")).all().values())
    except MachineError as error:
        return denied(error.message, "run as root")
    us = Process.current()
    left = [record for record in records if record.process.is_gone(us)]
    if left:
        what = ", ".join(record.what for record in left)
        return missing(f"left behind by killed runs: {what}", "; ".join(shlex.join(record.undo) for record in left))
    made = ", ".join(f"{record.what} (process {record.process.pid})" for record in records)
    return ok(f"made by runs that go on: {made}" if made else "none")


CHECKS = (Check("system changes", system_changes),)
