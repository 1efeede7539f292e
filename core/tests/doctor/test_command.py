"""The command: text, JSON, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tracer_core.cli.commands.doctor import doctor
from tracer_core.doctor import system as module
from tracer_core.doctor.report import as_text, diagnose
from tracer_core.errors import ExitCode

if TYPE_CHECKING:
    from click.testing import Result
    from core.tests.doctor.conftest import Machine


def invoke(machine: Machine, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setattr(module, "live", machine.system)
    return CliRunner().invoke(doctor, list(arguments))


def test_a_healthy_machine_ends_with_0(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    result = invoke(machine, monkeypatch)

    assert result.exit_code == 0
    assert result.output.endswith("tracer collect can work here.\n")


def test_a_missing_requirement_ends_with_4_and_is_named_last(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    machine.capabilities(0)

    result = invoke(machine, monkeypatch)

    assert result.exit_code == ExitCode.ENVIRONMENT
    assert result.output.splitlines()[-1] == "tracer collect cannot work here: CAP_BPF, CAP_PERFMON"


def test_json_says_the_same_to_programs(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    machine.remove("sys/kernel/tracing/available_events")

    result = invoke(machine, monkeypatch, "--json")

    report = json.loads(result.output)
    assert report["ok"] is True
    (tracefs,) = [check for check in report["checks"] if check["name"] == "tracefs"]
    assert tracefs == {
        "name": "tracefs",
        "status": "missing",
        "required": False,
        "detail": "not mounted: lists tracepoints and functions",
        "fix": "mount -t tracefs tracefs /sys/kernel/tracing",
    }


def test_columns_are_aligned_and_fixes_stand_under_what_they_fix(machine: Machine):
    machine.remove("usr/sbin/tcpdump")
    lines = as_text(diagnose(machine.system()))

    place = lines.index(next(line for line in lines if "CAP_SYS_ADMIN" in line))
    column = lines[place].index("effective")
    tool = next(i for i, line in enumerate(lines) if line.split()[1:2] == ["tcpdump"])
    assert lines[tool].index("not on PATH") == column
    assert lines[tool + 1].index("fix: ") == column
    assert not [line for line in lines if line != line.rstrip()]


def test_the_command_costs_nothing_before_it_runs():
    code = "import sys, tracer_core.cli.commands.doctor; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert "click" in loaded
    assert not {"ctypes", "tracer_core.libbpf", "tracer_core.kernel.btf"} & set(loaded)


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_this_machine_is_examined_without_trouble_and_nothing_is_left(arguments: tuple[str, ...]):
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    CliRunner().invoke(doctor, arguments)  # libraries and caches open what they keep
    before = descriptors()

    result = CliRunner().invoke(doctor, arguments)

    assert result.exit_code in (ExitCode.OK, ExitCode.ENVIRONMENT)
    assert "the check failed" not in result.output
    assert descriptors() == before
