"""Classic BPF to C, with the semantics of the kernel's own (``bpf_convert_filter()`` of ``net/core/filter.c``).

Registers are 32 bits wide and wrap; loads are big-endian; one that leaves the packet ends the program with no, and so
does division by an index of 0; shifts by the index take its lowest five bits. Where libpcap's interpreter differs
(shifts by 32 and more; an index that wraps around), this is the kernel. Every jump is a goto forward: no loops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.filters.classic import RET_A, TXA, Alu, Class, Jump, Mode, targets
from tracer_core.filters.head import Head, head_of
from tracer_core.filters.reach import (
    USUAL_HEADER,
    lengths,
    may_pass,
    reads_packet,
    scratch,
    usual_offsets,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracer_core.filters.classic import Instruction, Program

PARAMETERS = "const unsigned char *start, u32 len, u32 linear, u32 tag"
"""Of every function: see ``filter.bpf.h``."""

_WORDS = {4: "word", 2: "half", 1: "byte"}
_ORDER = {4: "bpf_ntohl", 2: "bpf_ntohs", 1: ""}
_OPERATORS = {
    Alu.ADD: "+",
    Alu.SUB: "-",
    Alu.MUL: "*",
    Alu.DIV: "/",
    Alu.OR: "|",
    Alu.AND: "&",
    Alu.LSH: "<<",
    Alu.RSH: ">>",
    Alu.MOD: "%",
    Alu.XOR: "^",
}
_CONDITIONS = {Jump.JEQ: "==", Jump.JGT: ">", Jump.JGE: ">=", Jump.JSET: "&"}


def function(name: str, programs: Sequence[Program], *, tagged: bool = False) -> str:
    """A C function that says whether a packet matches all of the programs.

    Args:
        name: What to call it.
        programs: Valid ones. None at all match every packet.
        tagged: Whether they see a tag that is beside the data, as on the wire.
    """
    head = head_of(programs, tagged=tagged)
    lines = [f"static __always_inline bool {name}({PARAMETERS})", "{"]
    lines += [f"\t{line}" for line in _declarations(head, programs)]
    lines += [f"\t{line}" for line in head.preparation(tagged=tagged)]
    known: int | None = 0
    for number, program in enumerate(programs):
        if known is None:
            break  # the one before never says yes
        translation = _Translation(program, f"{number}", head, known, tagged=tagged)
        lines += translation.lines()
        known = translation.passed
        if known is not None:
            lines.append(f"pass_{number}:")
    return "\n".join((*lines, "\treturn true;", "}", ""))


def never(name: str) -> str:
    """A C function that says no to every packet."""
    return f"static __always_inline bool {name}({PARAMETERS})\n{{\n\treturn false;\n}}\n"


def _declarations(head: Head, programs: Sequence[Program]) -> Iterator[str]:
    words = sorted({word for program in programs for word in scratch(program)})
    yield f"u32 {', '.join(('a', 'x', 'at', 'word', *(f'm{word}' for word in words)))};"
    yield "u16 half;"
    yield "u8 byte;"
    yield from head.declarations()


class _Translation:
    """Of one program; labels have its name in them."""

    def __init__(self, program: Program, name: str, head: Head, entry: int, *, tagged: bool) -> None:
        self._program = program
        self._name = name
        self._head = head
        self._tagged = tagged
        self._known, self.passed = lengths(program, entry)
        self._usual = usual_offsets(program)

    def lines(self) -> Iterator[str]:
        yield f"\t{' = '.join(('a', 'x', *(f'm{word}' for word in scratch(self._program))))} = 0;"
        wanted = {
            target
            for at, known in enumerate(self._known)
            if known is not None and self._program[at].kind is Class.JMP
            for target in targets(self._program, at)
        }
        for at, (instruction, known) in enumerate(zip(self._program, self._known, strict=True)):
            if known is None:
                continue  # nothing leads here
            if at in wanted:
                yield f"{self._label(at)}:"
            yield from (f"\t{line}" for line in self._instruction(at, instruction, known))

    def _label(self, at: int) -> str:
        return f"at_{self._name}_{at}"

    def _instruction(self, at: int, instruction: Instruction, known: int) -> Iterator[str]:
        match instruction.kind:
            case Class.LD | Class.LDX:
                yield from self._load(instruction, known, self._usual[at])
            case Class.ST:
                yield f"m{instruction.k} = a;"
            case Class.STX:
                yield f"m{instruction.k} = x;"
            case Class.ALU:
                yield from _arithmetic(instruction)
            case Class.JMP:
                yield from self._jump(at, instruction)
            case Class.RET:
                yield from self._return(instruction)
            case Class.MISC:
                yield "a = x;" if instruction.code & TXA else "x = a;"

    def _load(self, instruction: Instruction, known: int, usual: int | None) -> Iterator[str]:
        register = "x" if instruction.kind is Class.LDX else "a"
        if not reads_packet(instruction):
            values = {Mode.IMM: _constant(instruction.k), Mode.MEM: f"m{instruction.k}", Mode.LEN: "len"}
            yield f"{register} = {values[instruction.mode]};"
            return
        size, end = instruction.size, instruction.k + instruction.size
        copied = usual is not None and self._head.holds(usual, size)
        value = f"tracer_filter_{size}(copy, {self._head.pad + (usual or 0)})"
        if instruction.mode is Mode.IND:
            too_short = "" if known >= size else f"linear < {size} || "
            yield f"at = x + {_constant(instruction.k)};"
            yield f"if ({too_short}at > linear - {size})"
            yield "\treturn false;"
            if copied:  # reading costs more than all the rest
                yield f"if (x == {USUAL_HEADER}) {{"
                yield f"\ta = {value};"
                yield "} else {"
                yield from (f"\t{line}" for line in self._read("a", "at", size))
                yield "}"
            else:
                yield from self._read("a", "at", size)
            return
        if known < end:
            yield f"if (linear < {end})"
            yield "\treturn false;"
        if copied:
            yield f"{register} = {value};"
        else:
            yield from self._read(register, _constant(instruction.k), size)
        if instruction.mode is Mode.MSH:
            yield "x = (x & 0xf) * 4;"

    def _read(self, register: str, place: str, size: int) -> Iterator[str]:
        # without a copy, the tag is not in it, and no index leads there
        tagged = self._tagged and self._head.size
        if tagged:
            address = f"tracer_filter_at(head, start, {place}, tag)"
        elif self._tagged:
            address = f"start + {place} - (tag ? TRACER_FILTER_TAG : 0)"
        else:
            address = f"start + {place}"
        yield f"if (bpf_probe_read_kernel(&{_WORDS[size]}, {size}, {address}))"
        yield "\treturn false;"
        yield f"{register} = {_ORDER[size]}({_WORDS[size]});"

    def _jump(self, at: int, instruction: Instruction) -> Iterator[str]:
        if instruction.jump is Jump.JA or instruction.jt == instruction.jf:
            yield f"goto {self._label(targets(self._program, at)[0])};"
            return
        true, false = (self._label(target) for target in targets(self._program, at))
        operand = "x" if instruction.takes_x else _constant(instruction.k)
        yield f"if (a {_CONDITIONS[instruction.jump]} {operand})"
        yield f"\tgoto {true};"
        yield f"goto {false};"

    def _return(self, instruction: Instruction) -> Iterator[str]:
        if instruction.code & RET_A:
            yield "if (!a)"
            yield "\treturn false;"
        yield f"goto pass_{self._name};" if may_pass(instruction) else "return false;"


def _arithmetic(instruction: Instruction) -> Iterator[str]:
    if instruction.alu is Alu.NEG:
        yield "a = -a;"
        return
    operand = "x" if instruction.takes_x else _constant(instruction.k)
    if instruction.takes_x and instruction.alu in (Alu.DIV, Alu.MOD):
        yield "if (!x)"
        yield "\treturn false;"
    if instruction.takes_x and instruction.alu in (Alu.LSH, Alu.RSH):
        operand = "(x & 31)"
    yield f"a = a {_OPERATORS[instruction.alu]} {operand};"


def _constant(value: int) -> str:
    return f"{value:#x}U"
