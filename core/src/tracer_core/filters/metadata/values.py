"""What a value is compared with: it must be of its kind, and fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.filters.metadata.condition import BytesTest, Hop, Memory, NumberTest, Scalar
from tracer_core.filters.metadata.meant import instead_of_name, instead_of_string, quoted
from tracer_core.filters.metadata.syntax import Address, Name, Number, Operator, Text
from tracer_core.filters.metadata.trouble import trouble
from tracer_core.filters.metadata.typing import ENUMS
from tracer_core.kernel.btf_types import Kind

if TYPE_CHECKING:
    from tracer_core.errors import UsageError
    from tracer_core.filters.metadata.syntax import Comparison
    from tracer_core.filters.metadata.typing import Typing
    from tracer_core.filters.metadata.walk import Way

_NUMBERS = (Kind.INT, *ENUMS, Kind.PTR)
_BYTE = 8  # bits


def test_of(text: str, way: Way, comparison: Comparison) -> tuple[NumberTest | BytesTest, tuple[Hop, ...]]:
    """What is asked of a value, and the pointers to follow to it.

    Args:
        text: Of the filter, for errors.
        way: To the value.
        comparison: As it stands in the filter.

    Raises:
        UsageError: they cannot be compared.
    """
    return _Comparer(text, way, comparison).test()


class _Comparer:
    def __init__(self, text: str, way: Way, comparison: Comparison) -> None:
        self._text = text
        self._way = way
        self._step = comparison.steps[-1]
        self._comparison = comparison
        self._operator = comparison.operator

    def test(self) -> tuple[NumberTest | BytesTest, tuple[Hop, ...]]:
        value = self._comparison.value
        match value:
            case Text():
                return self._string(value.value)
            case Address() if self._type.kind is not Kind.INT:
                return self._address(value)
            case Address():
                return self._number_of_address(value), self._way.hops
            case Number():
                return self._number(value.value), self._way.hops
            case Name():
                return self._number(self._enumerator(value.value)), self._way.hops

    def _number(self, value: int) -> NumberTest:
        scalar, mask = self._scalar(), self._step.mask
        if mask is not None and scalar.signed:
            raise self._trouble_at_step(f"{self._step.name} is {self._type.text}, which is signed: it cannot be masked")
        if mask is not None and not mask & ((1 << scalar.bits) - 1):
            raise self._trouble_at_step(f"the mask has none of the {scalar.bits} bits of {self._step.name}")
        low = -(1 << (scalar.bits - 1)) if scalar.signed else 0
        high = (1 << (scalar.bits - scalar.signed)) - 1
        if not low <= value <= high:
            kind = "signed" if scalar.signed else "unsigned"
            what = f"{self._step.name} has {scalar.bits} bits, {kind}: it is {low} to {high}, never {value}"
            raise self._trouble_at_value(what)
        return NumberTest(scalar, mask, self._operator, value)

    def _scalar(self) -> Scalar:
        """Where the number is."""
        way, kind = self._way, self._type.kind
        if kind not in _NUMBERS:
            raise self._no_number()
        if way.offset is None:
            return Scalar(None, self._type.size, 0, _BYTE * self._type.size, _signed(self._type), plain=True)
        # what verifiers take for a pointer is not masked and ordered like a number
        plain = way.plain and kind is not Kind.PTR
        if not way.bits:
            size = self._type.size
            return Scalar(way.offset // _BYTE, size, 0, _BYTE * size, _signed(self._type), plain)
        first, last = way.offset // _BYTE, (way.offset + way.bits - 1) // _BYTE
        size = last - first + 1
        return Scalar(first, size, way.offset % _BYTE, way.bits, _signed(self._type), plain and size == 1)

    def _no_number(self) -> UsageError:
        name, text = self._step.name, self._type.text
        if self._type.is_aggregate:
            btf = self._type.btf
            members = [each.name for each in btf.members(self._type.resolved) if btf.size_of(each.type_id)]
            return self._trouble_at_step(
                f"{name} is {text}: go on with a member of it, like .{members[0] if members else ''}"
            )
        if self._type.kind is Kind.ARRAY:
            return self._trouble_at_step(
                f"{name} is {text}: choose one of its elements, like {name}[0], or give a string"
            )
        return self._trouble_at_step(f"{name} is {text}, which cannot be compared")

    def _enumerator(self, name: str) -> int:
        own = dict(self._type.resolved.enumerators)
        if name in own:
            return own[name]
        values = self._type.btf.enumerator(name)
        if len(values) == 1:
            return next(iter(values))
        if values:
            raise self._trouble_at_value(
                f"{name} has several values in this kernel: {', '.join(map(str, sorted(values)))}"
            )
        if self._is_string:
            raise self._trouble_at_value(
                f"{self._step.name} is {self._type.text}, which is compared with strings", hint=quoted(name)
            )
        what = f"this kernel has no enumerator {name}"
        raise self._trouble_at_value(what, hint=instead_of_name(name, self._type))

    def _string(self, value: bytes) -> tuple[BytesTest, tuple[Hop, ...]]:
        way, room = self._way, self._type.resolved.length
        if self._points_at_bytes:
            hops, offset, room = self._followed(), 0, 0
        elif self._is_string and way.offset is not None:
            hops, offset = way.hops, way.offset // _BYTE
        else:
            what = f"{self._step.name} is {self._type.text}, no string"
            raise self._trouble_at_value(what, hint=instead_of_string(value, self._type))
        if room and len(value) > room:
            raise self._trouble_at_value(f"{self._step.name} has {room} bytes, this has {len(value)}")
        # as C compares them: with the NUL that ends it, if there is room for one
        expected = value if len(value) == room else value + b"\0"
        # the end of what has no room of its own is not known before
        return self._bytes(Memory(offset, terminated=not room), expected, b""), hops

    def _address(self, address: Address) -> tuple[BytesTest, tuple[Hop, ...]]:
        way, size = self._way, len(address.value)
        if self._points_at_bytes:
            hops, offset = self._followed(), 0
        elif way.offset is not None and self._holds(size):
            hops, offset = way.hops, way.offset // _BYTE
        else:
            raise self._no_address(size)
        mask = b"" if address.prefix == size * _BYTE else _prefix(address)
        return self._bytes(Memory(offset, terminated=False), address.value, mask), hops

    @property
    def _points_at_bytes(self) -> bool:
        return self._type.is_pointer and self._type.target.is_byte

    @property
    def _is_string(self) -> bool:
        return self._points_at_bytes or (self._type.kind is Kind.ARRAY and self._type.element.is_byte)

    def _holds(self, size: int) -> bool:
        """Whether an address of that many bytes may be here."""
        if self._type.kind is Kind.ARRAY:  # that of a device has room for the longest there is
            return self._type.size >= size
        return self._type.is_aggregate and self._type.size == size

    def _followed(self) -> tuple[Hop, ...]:
        """The pointers to what the last one points at."""
        if self._way.offset is None:
            return self._way.hops
        return (*self._way.hops, Hop(self._way.offset // _BYTE, None, plain=False))

    def _number_of_address(self, address: Address) -> NumberTest:
        scalar = self._scalar()
        if scalar.size != len(address.value) or self._way.bits:
            raise self._no_address(len(address.value))
        self._only_equality("an address")
        # in memory it stands as in packets, and memory is read with the first byte the lowest
        mask = int.from_bytes(_prefix(address), "little")
        value = int.from_bytes(address.value, "little") & mask
        return NumberTest(
            Scalar(scalar.offset, scalar.size, 0, scalar.bits, signed=False, plain=scalar.plain),
            mask,
            self._operator,
            value,
        )

    def _no_address(self, size: int) -> UsageError:
        return self._trouble_at_value(
            f"{self._step.name} is {self._type.text}, no place for an address of {size} bytes"
        )

    def _bytes(self, memory: Memory, expected: bytes, mask: bytes) -> BytesTest:
        self._only_equality("bytes")
        if self._step.mask is not None:
            raise self._trouble_at_step(f"{self._step.name} is {self._type.text}, which cannot be masked")
        masked = bytes(value & bits for value, bits in zip(expected, mask, strict=True)) if mask else expected
        return BytesTest(memory, masked, mask, self._operator is Operator.EQ)

    def _only_equality(self, what: str) -> None:
        if self._operator not in (Operator.EQ, Operator.NE):
            raise self._trouble_at_value(f"{what} can be compared with == and != only")

    @property
    def _type(self) -> Typing:
        return self._way.type

    def _trouble_at_step(self, what: str) -> UsageError:
        return trouble(self._text, self._step.at, what)

    def _trouble_at_value(self, what: str, *, hint: str = "") -> UsageError:
        return trouble(self._text, self._comparison.value_at, what, hint=hint)


def _prefix(address: Address) -> bytes:
    bits = len(address.value) * _BYTE
    return (((1 << address.prefix) - 1) << (bits - address.prefix)).to_bytes(len(address.value), "big")


def _signed(typing: Typing) -> bool:
    found = typing.resolved
    # before 6.0 (pahole 1.24), nothing tells whether an enum is signed: then it is if one of its values is
    return found.signed or (found.kind in ENUMS and any(value < 0 for _, value in found.enumerators))
