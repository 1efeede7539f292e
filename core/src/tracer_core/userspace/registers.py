"""Names of registers in assembly, and where ``struct pt_regs`` has their values.

Words: arch/x86/include/asm/ptrace.h and arch/arm64/include/asm/ptrace.h (``struct user_pt_regs``, with which
``struct pt_regs`` begins).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Register:
    """A value in a register.

    Attributes:
        word: Index in ``struct pt_regs``, in units of 8 bytes.
        shift: Bits below the part that the name means: 8 for ``%ah``, else 0.
    """

    word: int
    shift: int = 0


_X86_64 = ("r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi")
_X86_64_SP = 19  # after orig_rax, rip, cs and eflags
_AARCH64_SP = 31


def _x86_64() -> Iterator[tuple[str, Register]]:
    for word, name in (*enumerate(_X86_64), (_X86_64_SP, "rsp")):
        register = Register(word)
        letters = name[1:]
        if letters.isdecimal():  # r8 r8d r8w r8b
            yield from ((name + suffix, register) for suffix in ("", "d", "w", "b"))
        elif letters in ("ax", "bx", "cx", "dx"):  # rax eax ax al ah
            yield from ((alias, register) for alias in (name, f"e{letters}", letters, f"{letters[0]}l"))
            yield f"{letters[0]}h", Register(word, shift=8)
        elif letters in ("si", "di", "bp", "sp"):  # rsi esi si sil
            yield from ((alias, register) for alias in (name, f"e{letters}", letters, f"{letters}l"))


def _aarch64() -> Iterator[tuple[str, Register]]:
    for word in range(_AARCH64_SP):
        yield from ((f"{kind}{word}", Register(word)) for kind in "xw")
    yield from (("fp", Register(29)), ("lr", Register(30)), ("sp", Register(_AARCH64_SP)))


REGISTERS = {"x86_64": dict(_x86_64()), "aarch64": dict(_aarch64())}
"""By architecture (``uname -m``) and name, without ``%``: general registers only, whatever their width."""
