"""Where ``struct pt_regs`` keeps what probes on functions need, by machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Architecture:
    """A machine's calling convention, in words of ``struct pt_regs``.

    Attributes:
        arguments: Of the first arguments, in order.
        result: Of what a function returns.
        stack_pointer: Of the stack pointer.
        instruction_pointer: Of the instruction pointer.
        breakpoint_size: Bytes by which the instruction pointer is ahead of a kprobe.
        popped: Bytes that returning takes off the stack: by so many is the stack pointer at a return higher than at
            the entry. Checked on 5.10 to 7.x, for kprobes one by one and attached at once.
    """

    arguments: tuple[int, ...]
    result: int
    stack_pointer: int
    instruction_pointer: int
    breakpoint_size: int
    popped: int


ARCHITECTURES = {
    # arch/x86/include/asm/ptrace.h, arch/arm64/include/asm/ptrace.h
    "x86_64": Architecture((14, 13, 12, 11, 9, 8), 10, 19, 16, breakpoint_size=1, popped=8),
    "aarch64": Architecture((0, 1, 2, 3, 4, 5), 0, 31, 32, breakpoint_size=0, popped=0),
}
"""By ``uname -m``. Programs for aarch64 are composed and compiled in tests, but have not run on such a machine."""
