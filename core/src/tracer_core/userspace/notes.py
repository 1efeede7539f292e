"""USDT notes, as ``sys/sdt.h`` writes them into ``.note.stapsdt``. Pure: bytes in, values out.

Format: https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

SECTION = ".note.stapsdt"
BASE_SECTION = ".stapsdt.base"
OWNER = "stapsdt"

_ADDRESSES = struct.Struct("<QQQ")


@dataclass(frozen=True, slots=True)
class UsdtNote:
    """One place where a probe was compiled in; a probe that was inlined or used several times has several.

    Attributes:
        provider: First part of its name.
        name: Second part.
        pc: Virtual address of the instruction to put a breakpoint on.
        semaphore: Virtual address of a 16-bit counter that says whether anybody listens, 0 if there is none.
        arguments: Their specification.
    """

    provider: str
    name: str
    pc: int
    semaphore: int
    arguments: str

    @property
    def target(self) -> str:
        """``provider:name``."""
        return f"{self.provider}:{self.name}"


def parse_note(descriptor: bytes, base: int) -> UsdtNote:
    """Read a note's content, of a 64-bit little-endian file.

    Args:
        descriptor: Its ``desc`` part.
        base: Address of the section ``.stapsdt.base``, 0 if there is none. Prelinking moves the section and not
            what the note says of it: the difference belongs to every address in the note.

    Raises:
        ValueError: it is too short, or its strings do not end.
    """
    if len(descriptor) < _ADDRESSES.size:
        raise ValueError("a USDT note is too short")
    pc, noted_base, semaphore = _ADDRESSES.unpack_from(descriptor)
    strings = descriptor[_ADDRESSES.size :].split(b"\0")
    if len(strings) < 4:  # three, and what follows the last zero
        raise ValueError("a USDT note lacks one of its three strings")
    provider, name, arguments = (text.decode("utf-8", "replace") for text in strings[:3])
    moved = base - noted_base if base and noted_base else 0
    return UsdtNote(provider, name, pc + moved, semaphore + moved if semaphore else 0, arguments)
