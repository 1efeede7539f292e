"""How the sections that the core itself adds are decoded and shown: what functions return, stacks, places in series."""

from __future__ import annotations

import struct
from functools import cache
from typing import TYPE_CHECKING

from tracer_core.kernel.view import ResultForm
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.sections import Return, Stack, Tracking, Unjoined
from tracer_core.types import CollectorSpec, Decoder, Formatter, Place, Style

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracer_core.kernel.view import Kernel
    from tracer_core.types import Columns, TextOptions

_ALL_BITS = (1 << 64) - 1


def declaration(kernel: Kernel) -> Declaration:
    """What a collector for these sections would declare.

    Args:
        kernel: That is traced, for the names of addresses.
    """
    return Declaration(
        OWNER,
        CollectorSpec("core", "What belongs to no collector", sections=SECTIONS),
        None,
        decoders=(Decoder(Stack, _named_frames(kernel)),),
        formatters=FORMATTERS,
    )


def _return_text(section: Return, _: TextOptions) -> str:
    """What came back, and after how many nanoseconds."""
    match section.form:
        case ResultForm.NOTHING:
            value = ""
        case ResultForm.POINTER:
            value = f" {section.value & _ALL_BITS:#x}"
        case ResultForm.UNSIGNED:
            value = f" {section.value & _ALL_BITS}"
        case _:
            value = f" {section.value}"
    return f"returned{value} after {section.duration}ns"


def stack_text(section: Stack, options: TextOptions) -> str:
    """The calls of a stack, the innermost first."""
    separator, indent = ("\n", "  ") if options.multi_line else (" ", "")
    return separator.join(indent + frame for frame in section.frames)


def _tracking_text(section: Tracking, _: TextOptions) -> str:
    """The packet of the series, as all events of it show it, and the number of the event."""
    lost = f" ({section.lost} lost meanwhile)" if section.lost else ""
    if section.skb is None:
        return f"n {section.idx}{lost}"
    first = section.skb
    return f"#{first.timestamp << 64 | first.orig_head:x} (skb {first.skb:x}) n {section.idx}{lost}"


def _unjoined_text(section: Unjoined, _: TextOptions) -> str:
    """By what its journey was looked for in vain."""
    return f"(not joined: no {section.key.decode(errors='replace')} before)"


def _named_frames(kernel: Kernel) -> Callable[[Columns], Columns]:
    @cache
    def name(address: int) -> str:
        found = kernel.symbol_at(address)
        return f"{found[0]}+{found[1]:#x}" if found else f"{address:#x}"

    def decode(columns: Columns) -> Columns:
        stacks = [tuple(name(address) for (address,) in struct.iter_unpack("<Q", raw)) for raw in columns["frames"]]
        return {**columns, "frames": stacks}

    return decode


OWNER = Owner("core")
SECTIONS = (Return, Stack, Tracking, Unjoined)
FORMATTERS = (
    Formatter(Tracking, _tracking_text, place=Place.HEAD, style=Style.IDENTITY),
    Formatter(Unjoined, _unjoined_text, place=Place.HEAD, after=("tracking",), style=Style.TROUBLE),
    Formatter(Return, _return_text, place=Place.HEAD),
    Formatter(Stack, stack_text, place=Place.TOP),
)
"""Text of those sections; of what is in files, too, since it needs no kernel."""
