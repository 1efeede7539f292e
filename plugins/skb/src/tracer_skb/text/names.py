"""Names of Ethernet types and IP protocols, in the words of Retis.

The numbers are those of the IANA registries "IEEE 802 Numbers" and "Protocol Numbers"; Linux has
the former in `include/uapi/linux/if_ether.h`. Which have a name, and which name, is what Retis
prints. Having a name does not mean being decoded.
"""

from typing import Final

ETHERTYPE_NAMES: Final = {
    0x0800: "IPv4",
    0x0806: "ARP",
    0x6558: "TEB",
    0x8035: "Reverse ARP",
    0x809B: "Appletalk",
    0x80F3: "Appletalk ARP",
    0x8100: "802.1Q",
    0x86DD: "IPv6",
    0x880B: "PPP",
    0x8847: "MPLS unicast",
    0x8848: "MPLS multicast",
    0x8863: "PPPoE D",
    0x8864: "PPPoE S",
    0x888E: "EAPOL",
    0x88A8: "802.1Q-QinQ",
    0x88E5: "802.1AE MACsec",
    0x88F7: "PTP",
    0x9100: "802.1Q-9100",
}

PROTOCOL_NAMES: Final = {
    1: "ICMP",
    2: "IGMP",
    4: "IPIP",
    6: "TCP",
    17: "UDP",
    27: "RDP",
    33: "DCCP",
    41: "IPv6",
    47: "GRE",
    50: "ESP",
    51: "AH",
    58: "ICMPv6",
    89: "OSPF",
    112: "VRRP",
    115: "L2TP",
    132: "SCTP",
    143: "Ethernet",
}


def ethertype_name(number: int) -> str:
    """Name an Ethernet type.

    Args:
        number: The Ethernet type.

    Returns:
        Such as ``IPv4 (0x0800)``, or ``(0x1234)`` for one without a name.
    """
    name = ETHERTYPE_NAMES.get(number)
    return f"{name} (0x{number:04x})" if name else f"(0x{number:04x})"


def ethertype_text(number: int) -> str:
    """Say what an Ethernet type is.

    Args:
        number: The Ethernet type.

    Returns:
        Such as ``ethertype IPv4 (0x0800)``, or ``ethertype (0x1234)`` for one without a name.
    """
    return f"ethertype {ethertype_name(number)}"


def protocol_text(number: int) -> str:
    """Name an IP protocol.

    Args:
        number: The protocol number.

    Returns:
        Such as ``proto TCP (6)``, or ``proto (200)`` for one without a name.
    """
    name = PROTOCOL_NAMES.get(number)
    return f"proto {name} ({number})" if name else f"proto ({number})"
