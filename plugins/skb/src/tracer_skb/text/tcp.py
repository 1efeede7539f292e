"""TCP (RFC 9293) and its options; all fields are big-endian.

Option kinds are those of the IANA registry "TCP Option Kind Numbers".
"""

from struct import Struct
from typing import Final

from tracer_skb.text.dispatch import TRUNCATED, ip_protocol

_HEADER: Final = Struct(">4xIIHH4x")
_HEADER_SIZE: Final = 20
_ACK: Final = 0x10
_TIMESTAMPS: Final = Struct(">II")
_SACK_BLOCK: Final = Struct(">II")

# By the nine flag bits, from FIN (bit 0) to AE (bit 8, RFC 9768).
_FLAG_TEXTS: Final = tuple(
    "".join(letter for bit, letter in enumerate("FSRP.UEWe") if flags >> bit & 1) for flags in range(512)
)

_END_OF_LIST: Final = 0
_NOP: Final = 1
_SACK: Final = 5
_TIMESTAMP: Final = 8
_FAST_OPEN: Final = 34
_WORDS: Final = {
    _END_OF_LIST: "eol",
    _NOP: "nop",
    4: "sackOK",
    19: "md5",
    20: "scps",
    28: "uto",
    29: "tcp-ao",
    30: "mptcp",
    254: "exp",
}
# Options with one number: the name, and the bytes of the number.
_NUMBERS: Final = {
    2: ("mss", 2),
    3: ("wscale", 1),
    6: ("echo", 4),
    7: ("echoreply", 4),
    11: ("cc", 4),
    12: ("ccnew", 4),
    13: ("ccecho", 4),
}


@ip_protocol(6, port_header=_HEADER_SIZE)
def format_tcp(data: bytes, length: int, link_layer: bool) -> str:  # noqa: ARG001 - the table sets it
    """Describe a TCP segment, without its ports.

    The sequence numbers span the payload that the headers state, not the one captured. The window
    is as on the wire, not scaled.

    Args:
        data: The captured bytes, starting at the source port.
        length: Bytes of header and payload, from the IP header.
        link_layer: Not used.

    Returns:
        The text of the segment.
    """
    if len(data) < _HEADER_SIZE:
        return TRUNCATED
    sequence, acknowledged, offset_flags, window = _HEADER.unpack_from(data)
    header = (offset_flags >> 12) * 4
    text = f" flags [{_FLAG_TEXTS[offset_flags & 0x1FF]}] seq {sequence}"
    if length > header:
        text += f":{sequence + length - header & 0xFFFFFFFF}"
    if offset_flags & _ACK:
        text += f" ack {acknowledged}"
    if header > _HEADER_SIZE:
        return f"{text} win {window} [{_options_text(data[_HEADER_SIZE:header])}]"
    return f"{text} win {window}"


def _options_text(raw: bytes) -> str:
    """List the options, `raw` being as much of them as was captured.

    The end of the list does not end it here, as in Retis; what follows is usually padding.
    """
    texts: list[str] = []
    at = 0
    end = len(raw)
    while at < end:
        kind = raw[at]
        if kind <= _NOP:
            texts.append(_WORDS[kind])
            at += 1
            continue
        # Kind and length are two bytes; a shorter length would never get us on.
        size = raw[at + 1] if at + 1 < end and raw[at + 1] > 2 else 2
        if kind in _WORDS:
            texts.append(_WORDS[kind])
        else:
            texts.append(_value_text(kind, raw[at + 2 : at + size], size - 2))
        at += size
    return ",".join(texts)


def _value_text(kind: int, value: bytes, size: int) -> str:
    """Describe an option that has a value.

    Args:
        kind: The option kind.
        value: The captured bytes of the value.
        size: The bytes that the value should have.

    Returns:
        The text of the option; only its name if the value is not there, ``?`` if it is unknown.
    """
    if kind == _TIMESTAMP:
        return _timestamps_text(value)
    if kind in _NUMBERS:
        return _number_text(kind, value)
    if kind == _SACK:
        return _sack_text(value, size)
    if kind == _FAST_OPEN:
        return _fast_open_text(value, size)
    return "?"


def _number_text(kind: int, value: bytes) -> str:
    name, width = _NUMBERS[kind]
    if len(value) < width:
        return name
    return f"{name} {int.from_bytes(value[:width], 'big')}"


def _timestamps_text(value: bytes) -> str:
    """Describe timestamps (RFC 7323): the sender's clock and the one it echoes."""
    if len(value) < _TIMESTAMPS.size:
        return "TS"
    sent, echoed = _TIMESTAMPS.unpack_from(value)
    return f"TS val {sent} ecr {echoed}"


def _sack_text(value: bytes, size: int) -> str:
    """Describe selective acknowledgements (RFC 2018): the blocks stated, those captured."""
    if size % _SACK_BLOCK.size:
        return "sack invalid"
    whole = len(value) - len(value) % _SACK_BLOCK.size
    blocks = "".join(f"{{{left}:{right}}}" for left, right in _SACK_BLOCK.iter_unpack(value[:whole]))
    return f"sack {size // _SACK_BLOCK.size} {blocks}"


def _fast_open_text(value: bytes, size: int) -> str:
    """Describe a TCP Fast Open cookie (RFC 7413), each byte as Retis 1.7.0 prints it."""
    if not size:
        return "tfo cookiereq"
    return f"tfo cookie {''.join(f'0x{byte:02x}' for byte in value)}{'??' * (size - len(value))}"
