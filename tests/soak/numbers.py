"""The numbers of packets in their captured bytes, many at once: see :mod:`tests.soak.senders`.

Payloads of TCP are not captured: segments are known by ports, sequence number and length.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.soak.senders import LEAST

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Numbers = np.ndarray[Any, np.dtype[np.uint64]]
Places = np.ndarray[Any, np.dtype[np.int64]]

_HEAD = 14 + 40 + 8 + LEAST  # bytes from the link layer on: with IPv6 and UDP
_ETHERNET, _IP, _IP6, _UDP = 14, 20, 40, 8  # bytes of headers, without options
_NUMBER = np.uint64((1 << 48) - 1)
_FRAGMENT, _KIND = np.uint64(48), np.uint64(61)  # where in a key they begin
_ICMP_PROTO, _TCP_PROTO, _UDP_PROTO = 1, 6, 17
_REPLY, _SEGMENT = 1, 2  # kinds of packets that are not what was sent by number


def keys(data: Bytes, offsets: Places, tag: int) -> Numbers:
    """What tells each packet from all others, made of nothing but its bytes: the number, which fragment, or reply.

    Args:
        data: Captured bytes of all packets, from the link layer on.
        offsets: Where each begins, and where the last ends.
        tag: Of the run.

    Returns:
        One for each packet; 0 for one that has no number.
    """
    heads = _heads(data, offsets)
    kind = _big(heads, 12, 2)
    is_ip = (kind == 0x0800) & (heads[:, _ETHERNET] == 0x45)
    protocol, fragment = heads[:, 23], _big(heads, 20, 2) & 0x1FFF
    is_first = is_ip & (fragment == 0)
    found = np.zeros(len(heads), np.uint64)
    udp6 = (kind == 0x86DD) & (heads[:, 20] == _UDP_PROTO)
    for rows, place in (
        (is_first & np.isin(protocol, (_UDP_PROTO, _ICMP_PROTO)), _ETHERNET + _IP + _UDP),  # ICMP's is as long
        (is_ip & (fragment != 0) & (protocol == _UDP_PROTO), _ETHERNET + _IP),
        (udp6, _ETHERNET + _IP6 + _UDP),
    ):
        found[rows] = _words(heads[rows], place, tag)
    numbered = is_ip & (found != 0)
    found[numbered] |= fragment[numbered] << _FRAGMENT
    replies = numbered & (protocol == _ICMP_PROTO) & (heads[:, _ETHERNET + _IP] == 0)
    found[replies] |= np.uint64(_REPLY << 61)
    segments = is_first & (protocol == _TCP_PROTO)
    found[segments] = _segments(heads[segments])
    return found


def is_segment(found: Numbers) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which keys are of TCP's."""
    segments: np.ndarray[Any, np.dtype[np.bool_]] = found >> _KIND == _SEGMENT
    return segments


def _heads(data: Bytes, offsets: Places) -> Bytes:
    """The first bytes of each packet, zeros behind its last."""
    columns = np.arange(_HEAD)
    if not len(data):
        return np.zeros((len(offsets) - 1, _HEAD), np.uint8)
    heads: Bytes = data[np.minimum(offsets[:-1, None] + columns, len(data) - 1)]
    heads[columns >= np.diff(offsets)[:, None]] = 0
    return heads


def _big(heads: Bytes, at: int, size: int) -> Numbers:
    """A number in network order."""
    value = np.zeros(len(heads), np.uint64)
    for place in range(at, at + size):
        value = value << np.uint64(8) | heads[:, place]
    return value


def _words(heads: Bytes, at: int, tag: int) -> Numbers:
    """The number that stands twice at a place, with the tag; 0: there is none."""
    words = np.ascontiguousarray(heads[:, at : at + LEAST]).view("<u8")
    is_ours = (words[:, 0] == words[:, 1]) & (words[:, 0] >> _FRAGMENT == tag)
    numbers: Numbers = np.where(is_ours, words[:, 0] & _NUMBER, np.uint64(0))
    return numbers


def _segments(heads: Bytes) -> Numbers:
    """Keys of segments with data between addresses of tests (192.0.2.0/24), 0 for others: 61 bits of a hash."""
    length = _big(heads, 16, 2)
    headers = _IP + (heads[:, 46] >> 4).astype(np.uint64) * np.uint64(4)
    is_ours = (length > headers) & (_big(heads, 26, 3) == 0xC00002)
    with np.errstate(over="ignore"):
        mixed = _big(heads, 34, 8) ^ length * np.uint64(0x9E3779B97F4A7C15)
        for shift, odd in ((32, 0xD6E8FEB86659FD93), (29, 0xFF51AFD7ED558CCD)):
            mixed = (mixed ^ mixed >> np.uint64(shift)) * np.uint64(odd)
    made: Numbers = np.where(is_ours, np.uint64(_SEGMENT << 61) | mixed >> np.uint64(3), np.uint64(0))
    return made
