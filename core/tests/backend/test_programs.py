from __future__ import annotations

import struct

import pytest

from tracer_core.backend.programs import LoadError, refused, with_namespaces, with_probe_index
from tracer_core.compose.composition import NETNS, PROBE_INDEX
from tracer_core.errors import MachineError
from tracer_core.kernel.view import Prototype
from tracer_core.plan.plan import PlannedProbe
from tracer_core.types import Probe

_LOAD = 0x18
PROBE = PlannedProbe(Probe.tracepoint("net:one"), Prototype((), "void", "", 0), 0)


def load_immediate(value: int, *, source: int = 0) -> bytes:
    low, high = value & 0xFFFFFFFF, value >> 32
    return struct.pack("<BBhIBBhI", _LOAD, 1 | source << 4, 0, low, 0, 0, 0, high)


def test_the_constant_for_the_probe_becomes_its_index_wherever_it_stands() -> None:
    exit_ = struct.pack("<BBhi", 0x95, 0, 0, 0)
    code = load_immediate(PROBE_INDEX) + exit_ + load_immediate(PROBE_INDEX)
    assert with_probe_index(code, 7) == load_immediate(7) + exit_ + load_immediate(7)


def test_the_constants_for_namespaces_become_their_inode_numbers() -> None:
    code = load_immediate(NETNS + 1) + load_immediate(NETNS) + load_immediate(PROBE_INDEX) + load_immediate(NETNS + 2)
    expected = load_immediate(42) + load_immediate(17) + load_immediate(PROBE_INDEX) + load_immediate(NETNS + 2)
    assert with_namespaces(code, (17, 42)) == expected


def test_other_constants_and_map_descriptors_stay() -> None:
    code = load_immediate(PROBE_INDEX + 1) + load_immediate(PROBE_INDEX, source=1)
    assert with_probe_index(code, 7) == code


@pytest.mark.parametrize(
    "line",
    [
        "unknown func bpf_probe_read_kernel#113",  # 5.10 to 6.10
        "program of this type cannot use helper bpf_probe_read_kernel#113",
    ],
)
def test_a_kernel_that_hides_its_memory_is_to_blame_itself(line: str) -> None:
    error = refused(PROBE, "Invalid argument", f"0: (85) call\n{line}\nprocessed 1 insns\n")
    assert isinstance(error, MachineError)
    assert "lockdown" in error.hint


def test_any_other_refusal_keeps_the_log_for_finding_out_whose_fault_it_is() -> None:
    error = refused(PROBE, "Permission denied", "R1 invalid mem access 'scalar'\n")
    assert isinstance(error, LoadError)
    assert error.log == "R1 invalid mem access 'scalar'\n"
