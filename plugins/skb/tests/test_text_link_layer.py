"""The packet text with its link layer, which the PyPI `retis` library cannot show."""

import re

import pytest
from hypothesis import given, settings
from plugins.skb.tests import packets
from plugins.skb.tests.frames import (
    MACS,
    PING,
    PING_TEXT,
    ethernet,
    geneve,
    macsec,
    tagged,
    vxlan,
)

from tracer_skb.text import format_packet

TRUNCATED = "... (truncated or incomplete packet)"
FAST = settings(max_examples=500)


def test_the_link_layer_comes_first_when_asked_for() -> None:
    assert format_packet(PING, link_layer=True) == f"{MACS} ethertype IPv4 (0x0800) {PING_TEXT}"


def test_the_link_layer_shows_each_vlan_tag() -> None:
    frame = tagged((0x88A8, 0x0001), (0x8100, 0x700A))
    assert format_packet(frame, link_layer=True) == (
        f"{MACS} ethertype 802.1Q-QinQ (0x88a8) vlan 1 p 0 ethertype 802.1Q (0x8100) "
        f"vlan 10 p 3 DEI ethertype IPv4 (0x0800) {PING_TEXT}"
    )


def test_a_type_without_a_name_inside_a_vlan_shows_its_number() -> None:
    frame = tagged((0x8100, 10), frame=ethernet(0x1234, b""))
    assert format_packet(frame, link_layer=True) == (
        f"{MACS} ethertype 802.1Q (0x8100) vlan 10 p 0 ethertype (0x1234) "
        "... (ethertype 0x1234 not supported, use 'tracer pcap')"
    )


def test_an_outer_type_without_a_name_prints_no_link_layer() -> None:
    text = format_packet(ethernet(0x1234, b""), link_layer=True)
    assert text == "... (ethertype 0x1234 not supported, use 'tracer pcap')"


def test_a_vlan_tag_cut_short_keeps_the_link_layer_before_it() -> None:
    text = format_packet(tagged((0x8100, 10))[:17], link_layer=True)
    assert text == f"{MACS} ethertype 802.1Q (0x8100){TRUNCATED}"


def test_tunnels_show_the_link_layer_of_the_frame_inside() -> None:
    inside = f"{MACS} ethertype IPv4 (0x0800) {PING_TEXT}"
    assert format_packet(vxlan(PING), link_layer=True).endswith(f" len 50 vxlan [I] vni 0x2a {inside}")
    frame = geneve("01006558 00000700 01028000", PING)
    assert format_packet(frame, link_layer=True).endswith(
        f" len 54 geneve [] vni 0x7 proto TEB (0x6558) [class 0x102 type 0x80(C) len 0] {inside}"
    )


def test_geneve_without_ethernet_has_two_spaces_before_the_inner_packet() -> None:
    frame = geneve("00000800 00000700", PING[14:])
    assert format_packet(frame, link_layer=True).endswith(f" geneve [] vni 0x7 proto IPv4 (0x0800)  {PING_TEXT}")
    unknown = geneve("00001234 00000700", b"")
    assert format_packet(unknown, link_layer=True).endswith(
        " geneve [] vni 0x7 proto (0x1234)  ... (ethertype 0x1234 not supported, use 'tracer pcap')"
    )


SCI = "0011223344550001"
MACSEC_TAGS = {
    "encrypted": ("7f 05 00000009" + SCI, b"?", f"an 3 pn 9 flags [ECSBI] sl 5 sci 0x{SCI}"),
    "encrypted, without an SCI": ("0c 00 00000009", b"", "an 0 pn 9 flags [EC]"),
    "encrypted, SCI cut short": ("2c 00 00000009 0011", b"", f"an 0 pn 9 flags [ECI]{TRUNCATED}"),
    "clear": ("20 00 00000009" + SCI, PING[12:], f"an 0 pn 9 flags [I] sci 0x{SCI} {PING_TEXT}"),
    "clear, with a VLAN": (
        "00 00 00000009",
        tagged((0x8100, 10))[12:],
        f"an 0 pn 9 flags [] vlan 10 p 0 ethertype IPv4 (0x0800) {PING_TEXT}",
    ),
    "clear, SCI cut short": ("20 00 00000009 0011", b"", f"an 0 pn 9 flags [I]{TRUNCATED}"),
    "clear, payload missing": ("00 00 00000009", b"", f"an 0 pn 9 flags []{TRUNCATED}"),
}


@pytest.mark.parametrize(("tag", "payload", "text"), MACSEC_TAGS.values(), ids=MACSEC_TAGS.keys())
def test_the_link_layer_shows_the_macsec_tag(tag: str, payload: bytes, text: str) -> None:
    assert format_packet(macsec(tag, payload), link_layer=True) == f"{MACS} ethertype 802.1AE MACsec (0x88e5) {text}"


# What the link layer adds, as patterns.
MAC = "(?:[0-9a-f]{2}:){5}[0-9a-f]{2}"
TYPE = r"(?:[\w. -]+ )?\(0x[0-9a-f]{4}\)"
VLANS = rf"(?: vlan \d+ p \d(?: DEI)? ethertype {TYPE})*"
HEADER = re.compile(rf"{MAC} > {MAC} ethertype {TYPE}{VLANS} ?")
CLEAR = re.compile(rf"an \d pn \d+ flags \[[SBI]*\](?: sl \d+)?(?: sci 0x[0-9a-f]{{16}})?{VLANS} ?")
ENCRYPTED = re.compile(r"an \d pn \d+ flags \[[ECSBI]*\].*$")
GENEVE = re.compile(rf"(?P<header> geneve \[[OC]*\] vni 0x[0-9a-f]+) proto {TYPE}")


def without_link_layer(text: str) -> str:
    text = CLEAR.sub("", HEADER.sub("", text))
    text = GENEVE.sub(r"\g<header>", text).replace("  ", " ")
    return ENCRYPTED.sub("802.1AE MACsec frame", text)


@FAST
@given(frame=packets.captured(packets.NETWORK))
def test_the_link_layer_adds_to_the_text_and_changes_nothing_of_it(frame: bytes) -> None:
    assert without_link_layer(format_packet(frame, link_layer=True)) == format_packet(frame)
