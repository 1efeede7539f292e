"""USDT arguments as C, for BPF programs on uprobes: expressions over the words of ``struct pt_regs``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.userspace.registers import Register
from tracer_core.userspace.usdt_arguments import Constant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tracer_core.userspace.usdt_arguments import Memory, UsdtArgument

_WORD = 1 << 64


def argument_expression(argument: UsdtArgument) -> str:
    """The C that computes an argument, of type u64, from ``u64 *args``; memory that cannot be read gives 0."""
    c_type = f"{'s' if argument.signed else 'u'}{8 * argument.size}"
    extend = "(u64)(s64)" if argument.signed else "(u64)"
    place = argument.place
    if isinstance(place, Constant):
        return f"0x{_extended(place.value, argument):x}ULL"
    if isinstance(place, Register):
        value = f"(args[{place.word}] >> {place.shift})" if place.shift else f"args[{place.word}]"
        return f"({extend}({c_type}){value})"
    return (
        f"({{ {c_type} value = 0; bpf_probe_read_user(&value, sizeof(value), "
        f"(const void *)({_address(place)})); {extend}value; }})"
    )


def argument_functions(name: str, specifications: Sequence[Sequence[UsdtArgument]]) -> str:
    """A C function ``u64 name(u64 *args, u32 which, u32 n)``: argument n, from 0, by specification which, from 1.

    It gives 0 for what is not there. All is inlined, and where both numbers are constants nothing is left but the
    computation of that one argument.
    """
    one_each = "".join(_function(f"{name}_{which}", arguments) for which, arguments in enumerate(specifications, 1))
    calls = ((which, f"{name}_{which}(args, n)") for which in range(1, len(specifications) + 1))
    return f"{one_each}static __always_inline u64 {name}(u64 *args, u32 which, u32 n)\n{_switch('which', calls)}"


def _function(name: str, arguments: Sequence[UsdtArgument]) -> str:
    values = ((n, argument_expression(argument)) for n, argument in enumerate(arguments))
    return f"static __always_inline u64 {name}(u64 *args, u32 n)\n{_switch('n', values)}"


def _switch(on: str, values: Iterable[tuple[int, str]]) -> str:
    cases = "".join(f"\tcase {number}:\n\t\treturn {value};\n" for number, value in values)
    switch = f"\tswitch ({on}) {{\n{cases}\t}}\n" if cases else ""
    return f"{{\n{switch}\treturn 0;\n}}\n"


def _address(place: Memory) -> str:
    index = f" + args[{place.index}] * {place.scale}" if place.index is not None else ""
    return f"args[{place.base}]{index} + 0x{place.offset % _WORD:x}ULL"


def _extended(value: int, argument: UsdtArgument) -> int:
    bits = 8 * argument.size
    low = value % (1 << bits)
    negative = argument.signed and low >> (bits - 1)
    return (low - (1 << bits)) % _WORD if negative else low
