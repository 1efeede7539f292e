"""What can be known of a classic program before it runs: which instructions do, and how long the packet is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.filters.classic import TXA, Class, Mode, is_scratch_load, targets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracer_core.filters.classic import Instruction, Program


USUAL_HEADER = 20
"""Bytes of an IPv4 header without options."""


def lengths(program: Program, entry: int = 0) -> tuple[list[int | None], int | None]:
    """How many bytes the packet surely has, since with fewer the program had ended before.

    Args:
        program: A valid one. Jumps lead forward, so that one pass is enough.
        entry: What is known before its first instruction.

    Returns:
        By instruction, before it runs: bytes, or None if it never runs. And what is known where the program says yes,
        or None if it never does.
    """
    known: list[int | None] = [entry, *[None] * (len(program) - 1)]
    passed: int | None = None
    for at, instruction in enumerate(program):
        before = known[at]
        if before is None:
            continue
        after = max(before, needs(instruction))
        for target in targets(program, at):
            other = known[target]
            known[target] = after if other is None else min(other, after)
        if instruction.kind is Class.RET and may_pass(instruction):
            passed = after if passed is None else min(passed, after)
    return known, passed


def needs(instruction: Instruction) -> int:
    """Bytes that a packet surely has where this instruction did not end the program."""
    if not reads_packet(instruction):
        return 0
    # an index can be anything
    return instruction.size if instruction.mode is Mode.IND else instruction.k + instruction.size


def reads_packet(instruction: Instruction) -> bool:
    """Whether it is a load from the packet."""
    return instruction.kind in (Class.LD, Class.LDX) and instruction.mode in (Mode.ABS, Mode.IND, Mode.MSH)


def may_pass(instruction: Instruction) -> bool:
    """Whether a RET may say yes."""
    return bool(instruction.code & ~Class.RET or instruction.k)


def usual_offsets(program: Program) -> list[int | None]:
    """Where loads go that surely, or nearly always, go there: by instruction, bytes from the start, else None.

    What follows an IP header is found by its length, which MSH leaves in the index; it is 20 if there are no options.
    """
    after_header: list[bool | None] = [False, *[None] * (len(program) - 1)]  # None: nothing leads there
    offsets: list[int | None] = []
    for at, instruction in enumerate(program):
        before = after_header[at]
        offsets.append(None)
        if before is None:
            continue
        if reads_packet(instruction):
            indexed = instruction.mode is Mode.IND
            usual = (instruction.k + USUAL_HEADER) & 0xFFFFFFFF if indexed else instruction.k
            offsets[at] = usual if before or not indexed else None
        after = _after_header(instruction, before=before)
        for target in targets(program, at):
            other = after_header[target]
            after_header[target] = after if other is None else other and after
    return offsets


def _after_header(instruction: Instruction, *, before: bool) -> bool:
    if instruction.kind is Class.LDX:
        return instruction.mode is Mode.MSH
    return before and not (instruction.kind is Class.MISC and not instruction.code & TXA)


def scratch(program: Program) -> list[int]:
    """The words of scratch memory that occur in it."""
    return sorted({each.k for each in program if each.kind in (Class.ST, Class.STX) or is_scratch_load(each)})


def has_index(programs: Iterable[Program]) -> bool:
    """Whether some load takes its place from the index register."""
    return any(reads_packet(each) and each.mode is Mode.IND for program in programs for each in program)
