"""The packet text, compared with what the PyPI `retis` library prints for the same bytes."""

import random
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from plugins.skb.tests import packets
from plugins.skb.tests.oracle import differences, packet_event, retis_texts
from plugins.skb.tests.scapy_packets import realistic_frames, realistic_tunnels

Compare = Callable[[Sequence[bytes]], None]

STEADY = settings(
    max_examples=100,
    # No shrinking: it takes minutes, and the failing frame is shown with both texts anyway.
    phases=[Phase.explicit, Phase.generate],
    # The directory is only scratch space, the same for all examples.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PER_EXAMPLE = 12


@pytest.fixture
def assert_same(tmp_path: Path) -> Compare:
    def compare(frames: Sequence[bytes]) -> None:
        assert differences(tmp_path / "events.json", frames) == []

    return compare


def over_ip(transport: st.SearchStrategy[tuple[int, bytes]]) -> st.SearchStrategy[bytes]:
    return st.one_of(packets.ipv4(transport), packets.ipv6(transport))


PACKETS = {
    "IPv4": packets.ipv4(),
    "IPv6": packets.ipv6(),
    "ARP": packets.arp(),
    "MACsec": packets.macsec(),
    "TCP": over_ip(packets.tcp()),
    "SCTP": over_ip(packets.sctp()),
    "AH": over_ip(packets.ah()),
    "VXLAN": over_ip(packets.udp(st.sampled_from(packets.VXLAN_PORTS), packets.vxlan())),
    "Geneve": over_ip(packets.udp(st.just(packets.GENEVE_PORT), packets.geneve())),
}


@pytest.mark.parametrize("packet", PACKETS.values(), ids=PACKETS.keys())
def test_packets_have_the_text_of_retis(assert_same: Compare, packet: st.SearchStrategy[bytes]) -> None:
    frames = st.lists(packets.captured(packet), min_size=PER_EXAMPLE, max_size=PER_EXAMPLE)
    STEADY(given(frames=frames)(assert_same))()


def test_random_bytes_behind_a_known_type_have_the_text_of_retis(assert_same: Compare) -> None:
    rng = random.Random(7)  # noqa: S311 - a fixed seed is what a test wants
    types = [0x0800, 0x0800, 0x86DD, 0x86DD, 0x0806, 0x88E5, *packets.VLAN_TYPES]
    protocols = [1, 6, 17, 58, 132, *packets.EXTENSION_NUMBERS]
    frames = []
    for _ in range(12000):
        ethertype = rng.choice(types)
        body = bytearray(rng.randbytes(rng.randrange(160)))
        if ethertype == 0x0800:
            body[0:1] = b"\x45"
            body[9:10] = bytes([rng.choice(protocols)])
            body[22:24] = rng.choice([4789, 8472, 6081, 53]).to_bytes(2, "big")
        elif ethertype == 0x86DD:
            body[6:7] = bytes([rng.choice(protocols)])
            body[42:44] = rng.choice([4789, 8472, 6081, 53]).to_bytes(2, "big")
        frames.append(rng.randbytes(12) + struct.pack(">H", ethertype) + bytes(body))
    assert_same(frames)


def test_every_ethernet_type_has_the_text_of_retis(assert_same: Compare) -> None:
    assert_same([bytes(12) + struct.pack(">H", ethertype) for ethertype in range(0x10000)])


def test_every_ip_protocol_has_the_text_of_retis(assert_same: Compare) -> None:
    v4 = struct.pack(">BBHHHBxH8x", 0x45, 0, 60, 1, 0, 64, 0)
    v6 = struct.pack(">IHxB32x", 6 << 28, 40, 64)
    frames = []
    for protocol in range(256):
        number_byte = bytes([protocol])
        frames.append(bytes(12) + b"\x08\x00" + v4[:9] + number_byte + v4[10:] + bytes(40))
        frames.append(bytes(12) + b"\x86\xdd" + v6[:6] + number_byte + v6[7:] + bytes(40))
    assert_same(frames)


def over_ipv4(protocol: int, body: bytes, *, missing: int = 0) -> bytes:
    header = struct.pack(">BxH5xB10x", 0x45, 20 + len(body) + missing, protocol)
    return bytes(12) + b"\x08\x00" + header + body


def test_every_tcp_option_of_every_size_has_the_text_of_retis(assert_same: Compare) -> None:
    frames = []
    for kind in range(256):
        for size in (0, 1, 2, 3, 4, 6, 10, 18, 19, 34, 255):
            option = bytes([kind, size, *range(1, max(size, 2) - 1)])[:40]
            option += b"\x01" * (-len(option) % 4)
            offset_flags = (5 + len(option) // 4) << 12
            frames.append(over_ipv4(6, struct.pack(">12xH6x", offset_flags) + option))
    assert_same(frames)


def test_every_sctp_chunk_of_every_size_has_the_text_of_retis(assert_same: Compare) -> None:
    frames = []
    for kind in range(256):
        for size in (*range(9), 11, 12, 13, 15, 16, 17, 19, 20, 21, 24, 0xFFFC, 0xFFFD, 0xFFFF):
            for captured in (4, 15, 16, 19, 20, 24):
                packet = bytes(12) + (struct.pack(">BBH", kind, kind, size) + bytes(range(20)))[:captured]
                frames += [over_ipv4(132, packet, missing=missing) for missing in (0, 1, 4)]
    assert_same(frames)


def test_every_length_of_ah_has_the_text_of_retis(assert_same: Compare) -> None:
    tcp = struct.pack(">12xH6x", 5 << 12) + b"payload"
    sctp = bytes(12) + struct.pack(">BxH", 11, 4)
    frames = []
    for words in range(256):
        for protocol, body in ((6, tcp), (132, sctp)):
            ah = bytes([protocol, words, *range(10)]) + bytes(range(max(words - 1, 0))) * 4
            frames += [over_ipv4(51, ah + body), over_ipv4(51, ah), over_ipv4(51, ah[:16] + body)]
    assert_same(frames)


def test_every_macsec_control_byte_has_the_text_of_retis(assert_same: Compare) -> None:
    contents = bytes(5) + bytes(8) + b"\x08\x00"
    frames = [
        bytes(12) + b"\x88\xe5" + bytes([control]) + contents[:captured]
        for control in range(256)
        for captured in range(len(contents) + 1)
    ]
    assert_same(frames)


@pytest.mark.parametrize("frames", [realistic_frames, realistic_tunnels])
def test_realistic_packets_have_the_text_of_retis(assert_same: Compare, frames: Callable[[], list[bytes]]) -> None:
    assert_same(frames())


@pytest.mark.parametrize("frames", [realistic_frames, realistic_tunnels])
def test_packets_captured_to_any_length_have_the_text_of_retis(
    assert_same: Compare, frames: Callable[[], list[bytes]]
) -> None:
    assert_same([frame[:size] for frame in frames() for size in range(len(frame))])


def test_the_length_before_capture_does_not_matter_to_retis(tmp_path: Path) -> None:
    frame = realistic_frames()[0]
    events = [packet_event(frame, length) for length in (0, 1, 54, len(frame), 1500, 0xFFFFFFFF)]
    assert len(set(retis_texts(tmp_path / "events.json", events))) == 1
