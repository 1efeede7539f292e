"""What finds packets that were taken for others: it finds them, and nothing else."""

from __future__ import annotations

import socket
import struct

import numpy as np
import pytest
from tests.soak.numbers import is_segment, keys
from tests.soak.senders import payload
from tests.soak.truth import Truth

TAG = 0xBEEF
MACS = bytes(12)
A, B = (socket.inet_aton(address) for address in ("192.0.2.1", "192.0.2.2"))
PORTS = bytes.fromhex("12345678")


def ip(protocol: int, body: bytes, fragment: int = 0) -> bytes:
    return MACS + struct.pack("!HBxHHHBBH", 0x800, 0x45, 20 + len(body), 9, fragment, 64, protocol, 0) + A + B + body


def udp(number: int, size: int = 40, fragment: int = 0) -> bytes:
    data = payload(TAG, number, size)
    return ip(17, data if fragment else PORTS + bytes(4) + data, fragment)


def udp6(number: int) -> bytes:
    data = PORTS + bytes(4) + payload(TAG, number, 40)
    return MACS + struct.pack("!HIHBB", 0x86DD, 6 << 28, len(data), 17, 64) + bytes(32) + data


def echo(number: int, kind: int) -> bytes:
    return ip(1, struct.pack("!BxHHH", kind, 0, 0, 0) + payload(TAG, number, 40))


def tcp(sequence: int, data: bytes) -> bytes:
    return ip(6, PORTS + struct.pack("!IIBBHHH", sequence, 1, 8 << 4, 16, 99, 0, 0) + bytes(12) + data)


def joined(packets: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum([0, *map(len, packets)])
    return np.frombuffer(b"".join(packets), np.uint8), offsets.astype(np.int64)


def found(*packets: bytes) -> list[int]:
    values: list[int] = keys(*joined(list(packets)), TAG).tolist()
    return values


def truth_of(*sightings: tuple[bytes, tuple[int, int]]) -> Truth:
    truth = Truth(TAG)
    look(truth, *sightings)
    return truth


def look(truth: Truth, *sightings: tuple[bytes, tuple[int, int]]) -> None:
    identities = np.array([identity for _, identity in sightings], np.uint64).T
    truth.take(*joined([packet for packet, _ in sightings]), *identities)


def test_numbers_are_read_from_packets_of_all_kinds() -> None:
    assert found(udp(5), udp(6, 16), udp(7, 1400), udp6(8)) == [5, 6, 7, 8]
    assert found(echo(9, 8))[0] == 9


def test_fragments_and_replies_are_packets_of_their_own() -> None:
    first, second, request, reply = found(udp(5, fragment=0x2000), udp(5, fragment=185), echo(5, 8), echo(5, 0))
    assert len({first, second, reply}) == 3
    assert first == request  # numbers are not used twice


def test_segments_are_told_apart_by_their_place_in_the_stream() -> None:
    same, again, later, longer = found(tcp(1, b"abc"), tcp(1, b"xyz"), tcp(4, b"abc"), tcp(1, b"abcd"))
    assert same == again
    assert len({same, later, longer}) == 3
    assert is_segment(np.array([same, later, longer], np.uint64)).all()


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        udp(5)[:45],
        tcp(1, b""),
        MACS + bytes(60),
        ip(17, PORTS + bytes(4) + payload(TAG + 1, 5, 40)),
        ip(17, PORTS + bytes(4) + payload(TAG, 5, 8)[:8] + payload(TAG, 6, 8)),
    ],
    ids=["empty", "cut", "without data", "nothing", "of another run", "no word twice"],
)
def test_what_has_no_number_is_nobody(packet: bytes) -> None:
    assert found(udp(1), packet, udp(2)) == [1, 0, 2]


def test_a_packet_seen_often_under_one_identity_is_one() -> None:
    truth = truth_of((udp(1), (7, 70)), (udp(2), (8, 70)), (udp(1), (7, 70)))
    look(truth, (udp(1), (7, 70)), (udp(3), (9, 70)))
    assert truth.judge().packets == 3
    assert truth.judge().wrong() == []


def test_two_packets_under_one_identity_are_found_whenever_they_come() -> None:
    truth = truth_of((udp(1), (7, 70)), (udp(2), (7, 70)))
    assert truth.judge().merged == 1
    truth = truth_of((udp(1), (7, 70)))
    truth.judge()
    look(truth, (udp6(2), (7, 70)))
    assert truth.judge().merged == 1
    assert "identities of two packets: " in truth.counts.wrong()[0]
    assert truth.judge().merged == 1


def test_two_identities_of_one_packet_are_found() -> None:
    truth = truth_of((udp(1), (7, 70)), (udp(1), (8, 70)), (udp(2), (9, 70)), (udp(2), (9, 71)))
    assert truth.judge().split == 2
    assert truth.counts.merged == 0


def test_segments_that_were_sent_again_may_have_two() -> None:
    truth = truth_of((tcp(1, b"abc"), (7, 70)), (tcp(1, b"abc"), (8, 70)))
    assert truth.judge().wrong(retransmitted=1) == []
    assert len(truth.judge().wrong()) == 1


def test_an_event_of_a_packet_without_an_identity_is_found() -> None:
    assert truth_of((udp(1), (0, 0))).judge().unknown == 1
    assert truth_of((bytes(60), (0, 0))).judge().wrong() == []


def test_what_was_first_seen_long_ago_is_forgotten() -> None:
    second = 10**9
    truth = truth_of((udp(1), (1000 * second, 70)))
    for number in range(2, 6):
        look(truth, (udp(number), ((1000 + 60 * number) * second, number)))
        truth.judge()
    assert len(truth._known) == 3
    assert truth.counts.packets == 5
