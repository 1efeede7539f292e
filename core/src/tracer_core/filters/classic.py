"""Classic BPF: instructions as values. Numbers: ``include/uapi/linux/bpf_common.h`` and ``filter.h``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SCRATCH_WORDS = 16
"""``BPF_MEMWORDS``."""


class Class(IntEnum):
    """What an instruction does."""

    LD = 0x00
    LDX = 0x01
    ST = 0x02
    STX = 0x03
    ALU = 0x04
    JMP = 0x05
    RET = 0x06
    MISC = 0x07


class Mode(IntEnum):
    """Where a load takes its value from."""

    IMM = 0x00
    ABS = 0x20
    IND = 0x40
    MEM = 0x60
    LEN = 0x80
    MSH = 0xA0


class Alu(IntEnum):
    """What becomes of the accumulator."""

    ADD = 0x00
    SUB = 0x10
    MUL = 0x20
    DIV = 0x30
    OR = 0x40
    AND = 0x50
    LSH = 0x60
    RSH = 0x70
    NEG = 0x80
    MOD = 0x90
    XOR = 0xA0


class Jump(IntEnum):
    """Comparisons of a jump (``BPF_JA``, ``BPF_JEQ`` and others)."""

    JA = 0x00
    JEQ = 0x10
    JGT = 0x20
    JGE = 0x30
    JSET = 0x40


X = 0x08
"""``BPF_X``: the operand is the index register, not the constant."""

RET_A = 0x10
TXA = 0x80

SIZES = {0x00: 4, 0x08: 2, 0x10: 1}
"""Bytes of a load, by its size bits."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """``struct sock_filter``.

    Attributes:
        code: What to do.
        jt: Instructions to skip if the condition is true.
        jf: If it is not.
        k: The constant, unsigned, 32 bits.
    """

    code: int
    jt: int = 0
    jf: int = 0
    k: int = 0

    @property
    def kind(self) -> Class:
        """The class of the instruction, ``BPF_CLASS``."""
        return Class(self.code & 0x07)

    @property
    def mode(self) -> Mode:
        """The addressing mode of a load, ``BPF_MODE``."""
        return Mode(self.code & 0xE0)

    @property
    def size(self) -> int:
        """Bytes that a load takes from the packet."""
        return SIZES[self.code & 0x18]

    @property
    def alu(self) -> Alu:
        """Of an arithmetic instruction."""
        return Alu(self.code & 0xF0)

    @property
    def jump(self) -> Jump:
        """The comparison of a jump, ``BPF_OP``."""
        return Jump(self.code & 0xF0)

    @property
    def takes_x(self) -> bool:
        """Whether the operand of arithmetic or of a jump is the index register."""
        return bool(self.code & X)


Program = tuple[Instruction, ...]


def targets(program: Sequence[Instruction], at: int) -> tuple[int, ...]:
    """Which instructions may follow the one *at* that index: none after a RET, two after a condition (true first)."""
    instruction = program[at]
    if instruction.kind is Class.RET:
        return ()
    if instruction.kind is not Class.JMP:
        return (at + 1,)
    if instruction.jump is Jump.JA:
        return (at + 1 + instruction.k,)
    return (at + 1 + instruction.jt, at + 1 + instruction.jf)


def is_scratch_load(instruction: Instruction) -> bool:
    """Whether it reads scratch memory."""
    return instruction.kind in (Class.LD, Class.LDX) and instruction.mode is Mode.MEM
