"""Blocks of pcapng, little-endian: those of them that we write.

What they are is said by the specification, draft-ietf-opsawg-pcapng: each begins and ends with its size, fields and
options are padded to 32 bits, and a reader skips what it does not know.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PEN = 70_000
"""Private Enterprise Number under which events are in such files: that of Retis, whose readers look for it."""

SNAPLEN = 0xFFFF
"""Bytes of a packet that a block holds, at most: what readers are told."""

OPTION_MAX = 0xFFFF
"""Bytes of an option, at most."""

CUSTOM_MAX = OPTION_MAX - 4
"""Bytes of a custom option, at most: its PEN is one of its fields."""

_SECTION, _INTERFACE, _PACKET, _CUSTOM = 0x0A0D0D0A, 1, 6, 0xBAD
_BYTE_ORDER, _VERSION, _SIZE_UNKNOWN = 0x1A2B3C4D, (1, 0), -1
_ETHERNET = 1  # LINKTYPE_ETHERNET
_NANOSECONDS = b"\x09"  # if_tsresol: 10 to the minus 9
_COMMENT, _CUSTOM_TEXT = 1, 2988  # options of any block; the latter may be copied by who does not know it
_HARDWARE, _OS, _APPLICATION = 2, 3, 4  # options of sections
_NAME, _DESCRIPTION, _RESOLUTION = 2, 3, 9  # options of interfaces
_PADS = (b"", b"\0\0\0", b"\0\0", b"\0")  # by what the size leaves when divided by 4
_END = b"\0\0\0\0"  # opt_endofopt

_pair = struct.Struct("<HH").pack
_word = struct.Struct("<I").pack
_custom = struct.Struct("<HHI").pack
_packet = struct.Struct("<7I").pack
_BLOCK = 12  # bytes of a block but its body
_PACKET_FIELDS = 20  # bytes of the fields of a packet block before the packet


def section(application: str, system: str, hardware: str) -> bytes:
    """What a file begins with.

    Args:
        application: That writes it.
        system: That the packets were captured on.
        hardware: Ditto.
    """
    fields = struct.pack("<IHHq", _BYTE_ORDER, *_VERSION, _SIZE_UNKNOWN)
    names = (_APPLICATION, application), (_OS, system), (_HARDWARE, hardware)
    return _block(_SECTION, fields + _options((code, text(name)) for code, name in names))


def application_of(head: bytes) -> bytes:
    """Who wrote a file that begins like this, if it was :func:`section`; the first 64 bytes at most."""
    magic, byte_order = struct.pack("<I", _SECTION), struct.pack("<I", _BYTE_ORDER)
    if (head[:4], head[8:12], head[24:26]) != (magic, byte_order, _pair(_APPLICATION, 0)[:2]):
        return b""
    return head[28:64]


def custom(data: bytes) -> bytes:
    """A block with data of ours, a multiple of 4 bytes: without padding, a reader knows where they end."""
    return _block(_CUSTOM, _word(PEN) + data)


def interface(name: str, description: str) -> bytes:
    """A block that gives the next number, from 0, to an interface."""
    options = (_NAME, text(name)), (_DESCRIPTION, text(description)), (_RESOLUTION, _NANOSECONDS)
    return _block(_INTERFACE, struct.pack("<HHI", _ETHERNET, 0, SNAPLEN) + _options(options))


def packet(number: int, time: int, length: int, data: bytes, *, comment: bytes, event: bytes) -> bytes:
    """A block with a packet.

    Args:
        number: Of its interface.
        time: ns since 1970, 64 bits.
        length: Bytes of the packet before it was cut off.
        data: Those that were captured.
        comment: In UTF-8, at most :data:`OPTION_MAX` bytes.
        event: In UTF-8, at most :data:`CUSTOM_MAX` bytes; nothing for none.
    """
    parts = [data, _PADS[len(data) & 3]]
    if comment:
        parts += (_pair(_COMMENT, len(comment)), comment, _PADS[len(comment) & 3])
    if event:
        parts += (_custom(_CUSTOM_TEXT, len(event) + 4, PEN), event, _PADS[len(event) & 3])
    parts.append(_END)
    body = b"".join(parts)
    size = len(body) + _BLOCK + _PACKET_FIELDS
    return b"".join(
        (_packet(_PACKET, size, number, time >> 32, time & 0xFFFFFFFF, len(data), length), body, _word(size))
    )


def text(value: str, most: int = OPTION_MAX) -> bytes:
    """A text as UTF-8, cut off before the first character that has no room; what is no character is a ``?``."""
    found = value.encode(errors="replace")
    return found if len(found) <= most else found[:most].decode(errors="ignore").encode()


def _block(kind: int, body: bytes) -> bytes:
    size = _word(len(body) + _BLOCK)
    return _word(kind) + size + body + size


def _options(options: Iterable[tuple[int, bytes]]) -> bytes:
    found = (_pair(code, len(value)) + value + _PADS[len(value) & 3] for code, value in options if value)
    return b"".join(found) + _END
