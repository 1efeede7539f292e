"""SCTP (RFC 9260) and its chunks; all fields are big-endian."""

from struct import Struct
from typing import Final

from tracer_skb.text.dispatch import TRUNCATED, Inner, ip_protocol

_HEADER: Final = Struct(">4xI4x")
_CHUNK: Final = Struct(">BBH")
_DATA: Final = 0
_INIT_NUMBERS: Final = (Struct(">IIHHI"), " init_tag %#x rwnd %d OS %d MIS %d init_TSN %d")
# By the chunk type: the numbers that such a chunk begins with, and how to print them.
_NUMBERS: Final = {
    _DATA: (Struct(">IHHI"), " TSN %d SID %d SSEQ %d PPID %#x"),
    1: _INIT_NUMBERS,
    2: _INIT_NUMBERS,
    3: (Struct(">IIHH"), " cum_ack %d a_rwnd %d #gap_acks %d #dup_tsns %d"),
}
# By the three flag bits of a DATA chunk: unordered, beginning and end of a message.
_DATA_FLAG_TEXTS: Final = ("", " (E)", " (B)", " (BE)", " (U)", " (UE)", " (UB)", " (UBE)")
# By the chunk type, from 0.
_NAMES: Final = (
    "DATA",
    "INIT",
    "INIT_ACK",
    "SACK",
    "HEARTBEAT",
    "HEARTBEAT_ACK",
    "ABORT",
    "SHUTDOWN",
    "SHUTDOWN_ACK",
    "ERROR",
    "COOKIE_ECHO",
    "COOKIE_ACK",
    "ECNE",
    "CWR",
    "SHUTDOWN_COMPLETE",
)


@ip_protocol(132, port_header=_HEADER.size)
def format_sctp(data: bytes, at: int, end: int, link_layer: bool, inner: Inner) -> str:  # noqa: ARG001 - the table sets it
    """Describe an SCTP packet, without its ports.

    Args:
        data: The captured bytes.
        at: Where the source port starts.
        end: Where the IP header says that the packet ends.
        link_layer: Not used.
        inner: Not used.

    Returns:
        The verification tag and the chunks.
    """
    chunk = at + _HEADER.size
    if len(data) < chunk:
        return TRUNCATED
    (tag,) = _HEADER.unpack_from(data, at)
    text = f" vtag {tag:#x}"
    stated = _HEADER.size
    while chunk < len(data):
        value = chunk + _CHUNK.size
        if len(data) < value:
            return text + TRUNCATED
        kind, flags, size = _CHUNK.unpack_from(data, chunk)
        padded = (size + 3) & ~3
        chunk += max(padded, _CHUNK.size)
        stated += padded
        description = _NAMES[kind] if kind < len(_NAMES) else f"UNKNOWN:{kind}"
        if kind == _DATA:
            description += _DATA_FLAG_TEXTS[flags & 7]
        if kind in _NUMBERS:
            numbers, template = _NUMBERS[kind]
            if min(chunk, len(data)) < value + numbers.size:
                return text + TRUNCATED
            description += template % numbers.unpack_from(data, value)
        text += f" [{description}]"
    # By the stated lengths, as in Retis: a chunk of length 0 does not even count its own header.
    return text if stated >= end - at else text + TRUNCATED
