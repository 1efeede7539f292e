"""Instructions of compiled code that are given other values."""

from __future__ import annotations

import pytest

from tracer_core.backend.instructions import CONSTANT, SIZE, kernel_call, wide_loads, with_kernel_calls, with_values

BASE = 0x40000000
EXIT = bytes.fromhex("9500000000000000")
# r1 = 0x40000001, 64-bit: its first half has the number where a call has it
LOADED = bytes.fromhex("1801000001000040 0000000000000000")
# a call of a function of the same program (BPF_PSEUDO_CALL), and of bpf_ktime_get_ns
LOCAL, HELPER = bytes.fromhex("8510000001000040"), bytes.fromhex("8500000005000000")


def call(number: int) -> bytes:
    return HELPER[:4] + number.to_bytes(4, "little")


def test_calls_of_helpers_that_do_not_exist_become_calls_of_kernel_functions() -> None:
    code = call(BASE + 65477) + HELPER + call(BASE + 7) + EXIT
    assert with_kernel_calls(code, BASE) == kernel_call(65477) + HELPER + kernel_call(7) + EXIT
    assert kernel_call(65477) == bytes.fromhex("85200000c5ff0000")


@pytest.mark.parametrize("code", [LOADED, LOCAL, HELPER, EXIT, kernel_call(BASE + 1)])
def test_nothing_else_is_taken_for_such_a_call(code: bytes) -> None:
    assert with_kernel_calls(code, BASE) == code


def test_constants_are_found_with_both_halves_and_given_other_values() -> None:
    code = LOADED + HELPER + EXIT
    assert [(load.at, load.source, load.value) for load in wide_loads(code)] == [(0, CONSTANT, BASE + 1)]
    changed = with_values(code, CONSTANT, {BASE + 1: 0x0123456789ABCDEF})
    assert [load.value for load in wide_loads(changed)] == [0x0123456789ABCDEF]
    assert changed[2 * SIZE :] == code[2 * SIZE :]
