"""The kinds of BPF instructions that the project looks for in compiled code: 64-bit constants, and calls."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SIZE = 8
"""Bytes of an instruction."""

CONSTANT, MAP_FD = 0, 1
"""What a 64-bit immediate load loads, in its source register: a number, or ``BPF_PSEUDO_MAP_FD``."""

_CALL = 0x85  # BPF_JMP | BPF_CALL
_HELPER, _KERNEL_FUNCTION = 0, 2  # what is called, in the source register; the second is BPF_PSEUDO_KFUNC_CALL
_LOAD_IMMEDIATE_64 = 0x18  # BPF_LD | BPF_DW | BPF_IMM; the value is spread over two instructions
_WORD = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class WideLoad:
    """A 64-bit immediate load.

    Attributes:
        at: Byte offset of its first instruction.
        source: What it loads, :data:`CONSTANT` or :data:`MAP_FD` among others.
        value: Unsigned.
    """

    at: int
    source: int
    value: int


def wide_loads(code: bytes) -> Iterator[WideLoad]:
    """All 64-bit immediate loads of a program."""
    for at in range(0, len(code) - SIZE, SIZE):
        # the second half of one has operation code 0, so it is not taken for a load itself
        if code[at] == _LOAD_IMMEDIATE_64:
            low, high = _WORD.unpack_from(code, at + 4)[0], _WORD.unpack_from(code, at + SIZE + 4)[0]
            yield WideLoad(at, code[at + 1] >> 4, high << 32 | low)


def with_values(code: bytes, source: int, values: Mapping[int, int]) -> bytes:
    """Have loads give other values.

    Args:
        code: A program.
        source: Of the loads that are meant.
        values: New ones by old ones, unsigned; others stay.
    """
    patched = bytearray(code)
    for load in wide_loads(code):
        if load.source == source and load.value in values:
            _set_value(patched, load, values[load.value])
    return bytes(patched)


def _set_value(code: bytearray, load: WideLoad, value: int) -> None:
    """Have a load give another value.

    Args:
        code: The program.
        load: One of its loads.
        value: Unsigned, of 64 bits.
    """
    _WORD.pack_into(code, load.at + 4, value & 0xFFFFFFFF)
    _WORD.pack_into(code, load.at + SIZE + 4, value >> 32)


def kernel_call(function: int) -> bytes:
    """A call of a function of the kernel.

    Args:
        function: Its id in the BTF of vmlinux.
    """
    return bytes((_CALL, _KERNEL_FUNCTION << 4, 0, 0)) + _WORD.pack(function)


def with_kernel_calls(code: bytes, base: int) -> bytes:
    """Have calls of helpers that do not exist be calls of functions of the kernel.

    Args:
        code: A program.
        base: Number of such a helper, less the id of the function in the BTF of vmlinux. A bit above all of both.
    """
    patched = bytearray(code)
    for at in range(0, len(code), SIZE):
        number = _WORD.unpack_from(code, at + 4)[0]
        if code[at] == _CALL and code[at + 1] >> 4 == _HELPER and number & base:
            patched[at : at + SIZE] = kernel_call(number - base)
    return bytes(patched)
