"""Which bytes are captured of an skb in any state: the compiled fragment against the rules in Python."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tracer_core.api import Packet
from tracer_core.testing import planned
from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.bpf

_UNSET = 0xFFFF
_HEAD = 4096  # where in the memory the packet buffer begins
_HEADROOM = 64
_LINEAR_MAX = 400
_EXAMPLES = 1500 if patience(1) == 1 else 300  # where all is slow, kernels' layouts are what differs, not the rules


@dataclass(frozen=True)
class Skb:
    """The members of an skb that decide what is captured; offsets from head, ethertype in host order."""

    mac: int = _HEADROOM
    network: int = _HEADROOM + 14
    transport: int = _HEADROOM + 34
    mac_len: int = 14
    protocol: int = 0x0800
    headroom: int = _HEADROOM
    linear: int = 100
    data_len: int = 0

    @property
    def len(self) -> int:
        return self.linear + self.data_len


def _is_set(offset: int) -> bool:
    return offset not in (0, _UNSET)


def expected(skb: Skb, buffer: bytes) -> Packet | None:
    """The rules, as the reference states them."""
    mac_valid = skb.mac != _UNSET and not (_is_set(skb.network) and skb.network == skb.mac and skb.mac_len == 0)
    network_valid = _is_set(skb.network) and not (skb.mac != _UNSET and skb.mac == skb.network and skb.mac_len != 0)
    transport_valid = _is_set(skb.transport) and not (_is_set(skb.network) and skb.network == skb.transport)
    if skb.linear == 0:
        return None
    if mac_valid:
        before = skb.mac - skb.headroom
        capture = min(skb.linear - before, 255)
        if capture <= 0:
            return None
        return Packet(_u32(skb.len - before), capture, buffer[skb.mac : skb.mac + capture])
    if not network_valid:
        return None
    protocol = skb.protocol
    if protocol == 0 and transport_valid:
        version, header = buffer[skb.network] >> 4, (skb.transport - skb.network) & 0xFFFF
        protocol = {(4, 20): 0x0800, (6, 40): 0x86DD}.get((version, header), 0)
    before = skb.network - skb.headroom
    capture = min(skb.linear - before, 241)
    if protocol == 0 or capture <= 0:
        return None
    data = bytes(12) + struct.pack(">H", protocol) + buffer[skb.network : skb.network + capture]
    return Packet(_u32(skb.len - before + 14), capture + 14, data)


def _u32(value: int) -> int:
    return value & 0xFFFFFFFF


@pytest.fixture(scope="module")
def captured() -> Iterator[Callable[..., Packet | None]]:
    with planned("skb", probes=["tp:net:netif_receive_skb"], typed=False).tried() as tried:

        def run(skb: Skb, buffer: bytes, *, head: int | None = None) -> Packet | None:
            memory = tried.memory
            memory[:_HEAD] = bytes(_HEAD)
            memory[_HEAD : _HEAD + len(buffer)] = buffer
            start = tried.address(_HEAD) if head is None else head
            members: dict[str, int | bytes] = {
                "head": start,
                "data": start + skb.headroom,
                "len": skb.len,
                "data_len": skb.data_len,
                "mac_header": skb.mac,
                "network_header": skb.network,
                "transport_header": skb.transport,
                "mac_len": skb.mac_len,
                "protocol": struct.pack(">H", skb.protocol),
            }
            tried.fill("sk_buff", 0, members)
            events = tried.events(tried.address())
            return events[0].get(Packet) if events else None

        yield run


offsets = st.one_of(
    st.sampled_from([0, _UNSET, _HEADROOM, _HEADROOM + 14, _HEADROOM + 34, _HEADROOM + 54]), st.integers(0, 300)
)
skbs = st.builds(
    Skb,
    mac=offsets,
    network=offsets,
    transport=offsets,
    mac_len=st.sampled_from([0, 14, 18]),
    protocol=st.sampled_from([0, 0x0800, 0x86DD, 0x0806, 0x88CC]),
    headroom=st.sampled_from([_HEADROOM, _HEADROOM + 14, _HEADROOM + 34, 0]),
    linear=st.one_of(st.sampled_from([0, 1, 14, 255, 256, 300]), st.integers(0, _LINEAR_MAX)),
    data_len=st.sampled_from([0, 1, 1400]),
)


def _buffer(first: int, seed: int) -> bytes:
    """Bytes to tell places apart by, with *first* where a network header may begin."""
    return bytes(first if at in (_HEADROOM, _HEADROOM + 14) else (at * 7 + seed) & 0xFF for at in range(1024))


buffers = st.builds(_buffer, st.sampled_from([0x45, 0x60, 0x00]), st.integers(0, 255))


@settings(max_examples=_EXAMPLES)
@given(skbs, buffers)
@example(Skb(), bytes(range(256)) * 4)
@example(Skb(mac=_UNSET, protocol=0), b"\x45" * 1024)
@example(Skb(mac=_UNSET, protocol=0, network=_HEADROOM, transport=_HEADROOM + 40), b"\x60" * 1024)
@example(Skb(mac=_HEADROOM + 14, network=_HEADROOM + 14, mac_len=0), b"\x45" * 1024)
@example(Skb(mac=_HEADROOM + 14, network=_HEADROOM + 14, mac_len=14), b"\x45" * 1024)
@example(Skb(linear=0, data_len=1400), bytes(1024))
def test_the_captured_bytes_follow_the_rules_for_skbs_in_any_state(
    captured: Callable[..., Packet | None], skb: Skb, buffer: bytes
) -> None:
    assert captured(skb, buffer) == expected(skb, buffer)


def test_an_skb_whose_bytes_cannot_be_read_gives_no_event(captured: Callable[..., Packet | None]) -> None:
    assert captured(Skb(), b"", head=0x1000) is None
    assert captured(Skb(mac=_UNSET), b"", head=0x1000) is None
    assert captured(Skb(), bytes(1024)) is not None
