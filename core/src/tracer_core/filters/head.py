"""The copy of a packet's first bytes on the stack: one read, and what is at constant places costs next to nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.filters.reach import has_index, usual_offsets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracer_core.filters.classic import Program

_MAX = 128  # bytes of stack for a copy; of 512 in all, and collectors take up to 312 when the filter is done
_TAGGED_MIN = 24  # with a tag, loads that take the index are made from the copy before byte 16, up to byte 19


@dataclass(frozen=True, slots=True)
class Head:
    """The copy of the packet's first bytes, on the stack.

    Attributes:
        size: Bytes copied; 0 for no copy.
        pad: Bytes before them, so that most loads are aligned.
    """

    size: int
    pad: int

    def holds(self, offset: int, size: int) -> bool:
        """Whether it has that many bytes from that offset of the packet on."""
        return offset + size <= self.size

    def declarations(self) -> Iterator[str]:
        """The variables, in C."""
        if self.size:
            yield f"u64 copy[{_rounded(self.size + self.pad) // 8}];"
            yield f"u8 *head = (u8 *)copy{f' + {self.pad}' if self.pad else ''};"

    def preparation(self, *, tagged: bool) -> Iterator[str]:
        """The statements, in C, that copy, with the tag in place if the programs see it."""
        yield "if ((s32)linear < 0)"
        yield "\treturn false;"
        if tagged:
            yield "if (linear < TRACER_FILTER_ADDRESSES)"
            yield "\ttag = 0;"
            yield "if (tag) {"
            yield "\tlinear += TRACER_FILTER_TAG;"
            yield "\tlen += TRACER_FILTER_TAG;"
            yield "}"
        if self.size:
            yield f"if (!tracer_filter_copy(head, {self.size}, start, {'tag' if tagged else 0}))"
            yield "\treturn false;"


def head_of(programs: Sequence[Program], *, tagged: bool) -> Head:
    """What to copy for programs.

    Args:
        programs: Valid ones.
        tagged: Whether they see a tag that is beside the data.
    """
    loads = [
        (offset, each.size)
        for program in programs
        for each, offset in zip(program, usual_offsets(program), strict=True)
        if offset is not None and offset + each.size <= _MAX - 8
    ]
    least = _TAGGED_MIN if tagged and has_index(programs) else 0
    reach = max((k + size for k, size in loads), default=0)
    if tagged and reach:
        least = _TAGGED_MIN  # the tag is in it
    pad = min((0, 2), key=lambda pad: sum((k + pad) % size != 0 for k, size in loads))
    return Head(_rounded(max(reach, least)), pad)


def _rounded(size: int) -> int:
    return -(-size // 8) * 8
