"""Which classic programs are refused: those that the kernel refuses.

Rules: ``bpf_check_classic()``, ``chk_code_allowed()`` and ``check_load_and_stores()`` of ``net/core/filter.c``. Offsets
for which the kernel takes other data than the packet's bytes are refused, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.errors import UsageError
from tracer_core.filters.classic import (
    RET_A,
    SCRATCH_WORDS,
    SIZES,
    TXA,
    Alu,
    Class,
    Jump,
    Mode,
    X,
    is_scratch_load,
    targets,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracer_core.filters.classic import Instruction

NEGATIVE = 1 << 31
"""From here on an offset is before the packet to the kernel: ``SKF_AD_OFF``, ``SKF_NET_OFF``, ``SKF_LL_OFF``."""

_LOADS = {size | mode for size in SIZES for mode in (Mode.ABS, Mode.IND)} | {Mode.IMM, Mode.MEM, Mode.LEN}
_CODES = frozenset(
    {Class.LD | load for load in _LOADS}
    | {Class.LDX | load for load in (Mode.IMM, Mode.MEM, Mode.LEN, Mode.MSH | 0x10)}
    | {Class.ST, Class.STX}
    | {Class.ALU | alu | source for alu in Alu for source in (0, X) if (alu, source) != (Alu.NEG, X)}
    | {Class.JMP | jump | source for jump in Jump for source in (0, X) if (jump, source) != (Jump.JA, X)}
    | {Class.RET, Class.RET | RET_A}
    | {Class.MISC, Class.MISC | TXA}
)


def validate(program: Sequence[Instruction]) -> None:
    """Refuse what the kernel refuses, and what it would not take from the bytes of the packet.

    Raises:
        UsageError: which instruction is wrong, and why.
    """
    if not program:
        raise UsageError("packet filter: a program without instructions")
    for at, instruction in enumerate(program):
        for trouble in _troubles(program, at):
            raise UsageError(f"packet filter: instruction {at} (code {instruction.code:#x}): {trouble}")
    if program[-1].kind is not Class.RET:
        raise UsageError("packet filter: the last instruction does not return")
    if (unset := _reads_unset(program)) is not None:
        raise UsageError(
            f"packet filter: instruction {unset} reads scratch word {program[unset].k}, which nothing has written"
            " (libpcap writes such for alternatives to geneve and its like: it looks for them in the tunnel)"
        )


def _troubles(program: Sequence[Instruction], at: int) -> Iterator[str]:
    instruction = program[at]
    code, k = instruction.code, instruction.k
    if code not in _CODES:
        yield "there is no such code"
        return
    if not (0 <= instruction.jt < 1 << 8 and 0 <= instruction.jf < 1 << 8 and 0 <= k < 1 << 32):
        yield "an operand is out of range"
    if code == Class.JMP | Jump.JA and k >= NEGATIVE:
        yield "it jumps back, and a loop may have no end (protochain does that: name the protocols)"
    elif any(target >= len(program) for target in targets(program, at)):
        yield "it leads behind the end"
    match instruction.kind:
        case Class.ALU if not instruction.takes_x:
            if instruction.alu in (Alu.DIV, Alu.MOD) and k == 0:
                yield "division by zero"
            if instruction.alu in (Alu.LSH, Alu.RSH) and k >= 32:
                yield f"shift by {k} bits"
        case Class.ST | Class.STX:
            yield from _scratch(k)
        case Class.LD | Class.LDX:
            if is_scratch_load(instruction):
                yield from _scratch(k)
            if instruction.mode in (Mode.ABS, Mode.MSH) and k >= NEGATIVE:
                yield f"offset {k:#x} is not one of a byte of the packet: the kernel keeps such for other data"


def _reads_unset(program: Sequence[Instruction]) -> int | None:
    """The first instruction that may read a word of scratch memory before one writes it.

    As in the kernel, what no instruction leads to may read all, but what stands behind a RET is taken to come after it.
    """
    everything = (1 << SCRATCH_WORDS) - 1
    written = [0, *[everything] * len(program)]  # before each instruction, a bit for each word
    for at, instruction in enumerate(program):
        words = written[at]
        if instruction.kind in (Class.ST, Class.STX):
            words |= 1 << instruction.k
        elif is_scratch_load(instruction) and not words >> instruction.k & 1:
            return at
        for target in targets(program, at) or (at + 1,):
            written[target] &= words
    return None


def _scratch(k: int) -> Iterator[str]:
    if k >= SCRATCH_WORDS:
        yield f"there is no scratch word {k}"
