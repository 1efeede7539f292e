"""Conditions as C: a function for each comparison, and one for what joins them (``bpf/metadata.bpf.h``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.filters.metadata.condition import (
    ALWAYS,
    NEVER,
    All,
    Any,
    Argument,
    BytesTest,
    Check,
    Result,
    Typed,
    asks_result,
    checks,
)
from tracer_core.types import BpfSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tracer_core.filters.metadata.condition import Condition, Hop, NumberTest

_WORD = 8  # bytes
_SIZES = (1, 2, 4, 8)


def header() -> BpfSource:
    """C that the functions use; it uses ``tracer.bpf.h``."""
    return BpfSource.resource("tracer_core", "filters/bpf/metadata.bpf.h")


class Translator:
    """The C of all conditions of a run.

    Args:
        conditions: Each once; their functions are known by the index here.
        argument: The member of ``struct tracer_ctx`` for an argument of a C type.
    """

    def __init__(self, conditions: Iterable[Condition], argument: Callable[[str], str]) -> None:
        self._conditions = tuple(conditions)
        self._argument = argument
        self._checks = list(dict.fromkeys(check for each in self._conditions for check in checks(each)))

    def text(self) -> str:
        """C, to stand behind the header."""
        functions = [self._function(number, check) for number, check in enumerate(self._checks)]
        for number, condition in enumerate(self._conditions):
            if asks_result(condition):
                functions += [self._before(number, condition), self._after(number, condition)]
            else:
                functions.append(self._whole(number, condition))
        return "\n".join(functions)

    def _whole(self, number: int, condition: Condition) -> str:
        body = _joined(condition, lambda check: f"{self._name(check)}(ctx, 0)")
        return f"static __always_inline bool {asked(number)}(struct tracer_ctx *ctx)\n{{\n\treturn {body};\n}}\n"

    def _before(self, number: int, condition: Condition) -> str:
        bits = [
            f"(u64){self._name(check)}(ctx, 0) << {bit}" for check, bit in _bits(condition).items() if not _asks(check)
        ]
        return (
            f"static __always_inline u64 {asked(number)}_before(struct tracer_ctx *ctx)\n"
            f"{{\n\treturn {' | '.join(bits) or '0'};\n}}\n"
        )

    def _after(self, number: int, condition: Condition) -> str:
        bits = _bits(condition)

        def text(check: Check) -> str:
            return f"{self._name(check)}(ctx, result)" if _asks(check) else f"(before >> {bits[check]} & 1)"

        return (
            f"static __always_inline bool {asked(number)}_after(struct tracer_ctx *ctx, u64 before, u64 result)\n"
            f"{{\n\treturn {_joined(condition, text)};\n}}\n"
        )

    def _name(self, check: Check) -> str:
        return f"tracer_check_{self._checks.index(check)}"

    def _function(self, number: int, check: Check) -> str:
        lines = "\n".join(f"\t{line}" for line in self._body(check))
        return (
            f"static __always_inline bool tracer_check_{number}(struct tracer_ctx *ctx, u64 result)\n{{\n{lines}\n}}\n"
        )

    def _body(self, check: Check) -> Iterator[str]:
        root = self._root(check)
        if not isinstance(check.test, BytesTest) and check.test.of.offset is None:
            yield f"u64 value = {root};"
            yield f"return {_number(check.test, 'value')};"
            return
        yield f"const char *at = (const char *){root};"
        yield "if (!at)"
        yield "\treturn false;"
        yield from map(_hop, check.hops)
        if isinstance(check.test, BytesTest):
            yield from _bytes(check.test)
            return
        of = check.test.of
        if of.plain or of.size in _SIZES:
            yield f"u64 value = tracer_metadata_load({_plain(of.plain)}, u{of.size * 8}, at, {of.offset});"
        else:
            yield "u64 value = 0;"
            yield f"if (bpf_probe_read_kernel(&value, {of.size}, at + {of.offset}))"
            yield "\treturn false;"
        yield f"return {_number(check.test, 'value')};"

    def _root(self, check: Check) -> str:
        match check.root:
            case Typed(c_type):
                text = f"(u64)ctx->{self._argument(c_type)}"
            case Argument(position):
                text = f"TRACER_ARG(ctx, {position})"
            case Result():
                text = "result"
        # to verifiers it may be a pointer, which cannot be masked
        return text if check.root_mask is None else f"(tracer_metadata_number({text}) & {check.root_mask:#x}ULL)"


def asked(number: int) -> str:
    """Name of the function of a condition; of those that ask the result, with ``_before`` and ``_after``."""
    return f"tracer_metadata_{number}"


def _asks(check: Check) -> bool:
    return isinstance(check.root, Result)


def _bits(condition: Condition) -> dict[Check, int]:
    """Where what is asked at the entry of a function is kept until its return."""
    return {check: bit for bit, check in enumerate(dict.fromkeys(checks(condition)))}


def _joined(condition: Condition, text: Callable[[Check], str]) -> str:
    match condition:
        case Check():
            return text(condition)
        case All() if condition == ALWAYS:
            return "true"
        case Any() if condition == NEVER:
            return "false"
        case _:
            operator = " && " if isinstance(condition, All) else " || "
            return f"({operator.join(_joined(part, text) for part in condition.parts)})"


def _hop(hop: Hop) -> str:
    if hop.mask is None:
        return f"tracer_metadata_follow({_plain(hop.plain)}, at, {hop.offset}, ~0ULL);"
    return f"tracer_metadata_follow(false, at, {hop.offset}, {hop.mask:#x}ULL);"


def _plain(plain: bool) -> str:
    return "ctx->typed" if plain else "false"


def _number(test: NumberTest, value: str) -> str:
    """A condition of a number."""
    of = test.of
    unused = 64 - of.bits
    if of.signed:
        number = f"((s64)({value} << {unused - of.shift}) >> {unused})" if unused else f"(s64){value}"
        return f"{number} {test.operator} (s64){test.value & (1 << 64) - 1:#x}ULL"
    number = f"({value} >> {of.shift})" if of.shift else value
    mask = (1 << of.bits) - 1 if test.mask is None else test.mask & ((1 << of.bits) - 1)
    number = number if mask == (1 << 64) - 1 else f"({number} & {mask:#x}ULL)"
    return f"{number} {test.operator} {test.value:#x}ULL"


def _bytes(test: BytesTest) -> Iterator[str]:
    """Statements that compare bytes, a word at a time."""
    size = len(test.expected)
    words = -(-(size + test.of.terminated) // _WORD)
    yield f"u64 copy[{words}] = {{{', '.join(['0'] * words)}}};"
    if test.of.terminated:  # one more than is compared: what is longer is cut, and then has a NUL where it is cut
        yield f"if (bpf_probe_read_kernel_str(copy, {size + 1}, at + {test.of.offset}) < 0)"
    else:
        yield f"if (bpf_probe_read_kernel(copy, {size}, at + {test.of.offset}))"
    yield "\treturn false;"
    padded = test.expected.ljust(words * _WORD, b"\0")
    mask = (test.mask or b"\xff" * size).ljust(words * _WORD, b"\0")
    terms = []
    for word in range(words):
        at = slice(word * _WORD, (word + 1) * _WORD)
        bits = int.from_bytes(mask[at], "little")
        if bits:
            value = f"*(volatile u64 *)&copy[{word}]"
            value = value if bits == (1 << 64) - 1 else f"({value} & {bits:#x}ULL)"
            terms.append(f"{value} == {int.from_bytes(padded[at], 'little'):#x}ULL")
    equal = " && ".join(terms) or "true"
    yield f"return {equal};" if test.equal else f"return !({equal});"
