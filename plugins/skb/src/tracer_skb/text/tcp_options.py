"""The options of TCP (RFC 9293, section 3.2); all fields are big-endian.

Option kinds are those of the IANA registry "TCP Option Kind Numbers".
"""

from struct import Struct
from typing import Final

_NOP: Final = 1
_SACK: Final = 5
_FAST_OPEN: Final = 34
_WORDS: Final = {
    0: "eol",
    _NOP: "nop",
    4: "sackOK",
    19: "md5",
    20: "scps",
    28: "uto",
    29: "tcp-ao",
    30: "mptcp",
    254: "exp",
}
# Options with numbers: the numbers, and what to print with and without them.
_NUMBERS: Final = {
    2: (Struct(">H"), "mss %d", "mss"),
    3: (Struct(">B"), "wscale %d", "wscale"),
    6: (Struct(">I"), "echo %d", "echo"),
    7: (Struct(">I"), "echoreply %d", "echoreply"),
    8: (Struct(">II"), "TS val %d ecr %d", "TS"),
    11: (Struct(">I"), "cc %d", "cc"),
    12: (Struct(">I"), "ccnew %d", "ccnew"),
    13: (Struct(">I"), "ccecho %d", "ccecho"),
}
_SACK_BLOCK: Final = Struct(">II")

# All the options of nearly all segments: two nops, which align, and timestamps.
_ALIGNED_TIMESTAMPS: Final = Struct(">4xII")
_ALIGNED_TIMESTAMPS_START: Final = bytes([_NOP, _NOP, 8, 10])


def options_text(data: bytes, at: int, end: int) -> str:
    """List the options.

    The end of the list does not end it here, as in Retis; what follows is usually padding.

    Args:
        data: The captured bytes.
        at: Where the options start.
        end: Where the header says that they end, perhaps beyond what was captured.

    Returns:
        The options, joined by commas. One that should have numbers and has not is only named.
    """
    if end == at + _ALIGNED_TIMESTAMPS.size <= len(data) and data.startswith(_ALIGNED_TIMESTAMPS_START, at):
        sent, echoed = _ALIGNED_TIMESTAMPS.unpack_from(data, at)
        return f"nop,nop,TS val {sent} ecr {echoed}"
    end = min(end, len(data))
    texts: list[str] = []
    while at < end:
        kind = data[at]
        if kind <= _NOP:
            texts.append(_WORDS[kind])
            at += 1
            continue
        # Kind and length are two bytes; a shorter length would never get us on.
        size = data[at + 1] if at + 1 < end and data[at + 1] > 2 else 2
        value = at + 2
        at += size
        stop = at if at < end else end
        if kind in _NUMBERS:
            numbers, text, name = _NUMBERS[kind]
            complete = value + numbers.size <= stop
            texts.append(text % numbers.unpack_from(data, value) if complete else name)
        elif kind in _WORDS:
            texts.append(_WORDS[kind])
        elif kind == _SACK:
            texts.append(_sack_text(data[value:stop], size - 2))
        elif kind == _FAST_OPEN:
            texts.append(_fast_open_text(data[value:stop], size - 2))
        else:
            texts.append("?")
    return ",".join(texts)


def _sack_text(value: bytes, size: int) -> str:
    """Describe selective acknowledgements (RFC 2018): the blocks stated, those captured."""
    if size % _SACK_BLOCK.size:
        return "sack invalid"
    whole = len(value) - len(value) % _SACK_BLOCK.size
    blocks = "".join([f"{{{left}:{right}}}" for left, right in _SACK_BLOCK.iter_unpack(value[:whole])])
    return f"sack {size // _SACK_BLOCK.size} {blocks}"


def _fast_open_text(value: bytes, size: int) -> str:
    """Describe a TCP Fast Open cookie (RFC 7413), each byte as Retis 1.7.0 prints it."""
    if not size:
        return "tfo cookiereq"
    return f"tfo cookie {''.join([f'0x{byte:02x}' for byte in value])}{'??' * (size - len(value))}"
