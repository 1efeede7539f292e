"""What metadata filters mean, once more: values are looked up by the kernel view, and logic has three values.

A comparison with what cannot be read is neither true nor false, and what it decides is not true. Kinds of members are
told here by hand, so that nothing is shared with what is tested but the tree of the text.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass

from core.tests.filters.metadata.memory import Memory

from tracer_core.filters.metadata.syntax import (
    Address,
    And,
    Comparison,
    Expression,
    Not,
    Number,
    Operator,
    Or,
    Step,
    Text,
)
from tracer_core.kernel.view import Kernel

OPERATORS = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.GE: operator.ge,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.LT: operator.lt,
}


NAMED = {"skb": "sk_buff", "sk": "sock"}  # structures behind arguments


@dataclass(frozen=True)
class Leaf:
    """A value that filters are made with.

    Attributes:
        steps: To it.
        owner: The structure that has it.
        path: Of it in that.
        kind: ``unsigned``, ``signed``, ``pointer``, ``string``, ``mac``, ``ipv4``, ``ipv6``, ``chars``.
        index: Of an element, if it is one.
        size: Bytes of an element.
    """

    steps: tuple[Step, ...]
    owner: str
    path: str
    kind: str
    index: int | None = None
    size: int = 0


@dataclass(frozen=True)
class Passed:
    """What a probe is given: addresses of structures, and arguments by name."""

    roots: dict[str, int]
    arguments: dict[str, int]


class Model:
    """Judges filters.

    Args:
        kernel: Whose structures are in memory.
        memory: That.
        passed: What the probe is given.
        leaves: By their steps, masks of the last aside.
    """

    def __init__(self, kernel: Kernel, memory: Memory, passed: Passed, leaves: dict[tuple[Step, ...], Leaf]) -> None:
        self._kernel = kernel
        self._memory = memory
        self._passed = passed
        self._leaves = leaves

    def judge(self, expression: Expression) -> bool:
        """Whether the filter lets it pass."""
        return self._value(expression) is True

    def _value(self, expression: Expression) -> bool | None:
        match expression:
            case Comparison():
                return self._compare(expression)
            case Not(of):
                value = self._value(of)
                return None if value is None else not value
            case And(parts):
                values = [self._value(part) for part in parts]
                return False if False in values else None if None in values else True
            case Or(parts):
                values = [self._value(part) for part in parts]
                return True if True in values else None if None in values else False

    def _compare(self, comparison: Comparison) -> bool | None:
        last = comparison.steps[-1]
        leaf = self._leaves[(*comparison.steps[:-1], Step(last.name, 0, last.indexes))]
        compare = OPERATORS[comparison.operator]
        if leaf.kind == "argument":
            return bool(compare(self._passed.arguments[leaf.path] & (last.mask or -1), self._number(comparison)))
        base = self._base(comparison.steps)
        if base is None:
            return None
        return self._compared(comparison, leaf, base)

    def _compared(self, comparison: Comparison, leaf: Leaf, base: int) -> bool | None:
        compare, value = OPERATORS[comparison.operator], comparison.value
        member = self._kernel.member(leaf.owner, leaf.path)
        assert member is not None
        at = base + member.bit_offset // 8 + (leaf.index or 0) * leaf.size
        if leaf.kind in ("unsigned", "signed", "pointer") and not isinstance(value, Address):
            number = self._integer(at, leaf.size or member.size, member.bit_offset % 8, member.bit_size, leaf.kind)
            if number is None:
                return None
            mask = comparison.steps[-1].mask
            return bool(compare(number if mask is None else number & mask, self._number(comparison)))
        return self._bytes(comparison, leaf, at)

    def _bytes(self, comparison: Comparison, leaf: Leaf, at: int) -> bool | None:
        value = comparison.value
        if leaf.kind in ("mac pointer", "string pointer"):
            pointer = self._memory.read(at, 8)
            at = int.from_bytes(pointer, "little") if pointer else 0
            if not at:
                return None
        if isinstance(value, Address):
            found = self._memory.read(at, len(value.value))
            if found is None:
                return None
            shift = len(value.value) * 8 - value.prefix
            same = int.from_bytes(found, "big") >> shift == int.from_bytes(value.value, "big") >> shift
        else:
            assert isinstance(value, Text)
            found = self._memory.read(at, 16)
            if found is None:
                return None
            same = found.split(b"\0")[0] == value.value
        return same is (comparison.operator is Operator.EQ)

    def _base(self, steps: tuple[Step, ...]) -> int | None:
        """Where the structure is that has the value, or nothing if there is no way."""
        first = steps[0]
        at = self._passed.roots[first.name] & (-1 if first.mask is None else first.mask)
        owner, path = first.cast or NAMED.get(first.name, first.name), ""
        if not at:
            return None
        for step in steps[1:-1]:
            path = f"{path}.{step.name}" if path else step.name
            member = self._kernel.member(owner, path)
            assert member is not None
            if member.type.endswith("*") or step.cast:
                pointer = self._memory.read(at + member.bit_offset // 8, 8)
                if pointer is None:
                    return None
                at = int.from_bytes(pointer, "little") & (-1 if step.mask is None else step.mask)
                owner, path = step.cast or member.type.split()[1], ""
                if not at:
                    return None
        return at

    def _integer(self, at: int, size: int, shift: int, bits: int, kind: str) -> int | None:
        if bits:
            size = (shift + bits + 7) // 8
        found = self._memory.read(at, size)
        if found is None:
            return None
        width = bits or size * 8
        number = int.from_bytes(found, "little") >> (shift if bits else 0) & ((1 << width) - 1)
        return number - (1 << width) if kind == "signed" and number >> (width - 1) else number

    def _number(self, comparison: Comparison) -> int:
        assert isinstance(comparison.value, Number)
        return comparison.value.value
