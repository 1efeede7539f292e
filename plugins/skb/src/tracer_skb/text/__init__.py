"""The text of a packet: captured bytes to one line, as Retis prints it.

Each protocol is a module that registers its formatter in `dispatch`; importing it here is all
that adding one takes. A formatter gets the captured bytes and where its own header starts, and
returns its part of the line; where the bytes end too early it returns what it has, then
`dispatch.TRUNCATED`. What a tunnel encloses it leaves for later, see `dispatch.Inner`.

The text is that of Retis 1.7.0, byte for byte, including its oddities (the module that has one
says so), because scripts and tests read it. These are the differences we chose:

=====================================  ============================  ===============================
Where                                  Retis 1.7.0                   Here, and why
=====================================  ============================  ===============================
Advice when a protocol is not decoded  ``use 'retis pcap'``          ``use 'tracer pcap'``: the
                                                                     command of this program
IPv6 extension header longer than the  panics: no text at all        ``exts [NAME]`` as far as read,
bytes captured or the payload length                                 then ``... (truncated or
                                                                     incomplete packet)``: a
                                                                     formatter must not fail
MACsec without encryption that ends    panics: no text at all        ``... (truncated or incomplete
before the Ethernet type inside                                      packet)``, for the same reason
=====================================  ============================  ===============================
"""

from typing import TYPE_CHECKING

from tracer_skb.text import ah, arp, esp, geneve, icmp, ipv4, ipv6, macsec, sctp, tcp, udp, vxlan
from tracer_skb.text.ethernet import format_ethernet

if TYPE_CHECKING:
    from tracer_skb.text.dispatch import Inner

__all__ = ["format_packet"]

# Importing a protocol registers it; naming it here says that the import is meant.
_PROTOCOLS = (ah, arp, esp, geneve, icmp, ipv4, ipv6, macsec, sctp, tcp, udp, vxlan)


def format_packet(data: bytes | memoryview, *, link_layer: bool = False) -> str:
    """Describe a captured Ethernet frame on one line.

    How long the packet was before it was captured does not matter here: lengths in the text are
    those that the protocol headers state.

    Args:
        data: The captured bytes, starting at the Ethernet header. Any bytes, of any length.
        link_layer: Whether to show Ethernet, VLAN and MACsec headers, those inside tunnels included.

    Returns:
        The text, without a newline. Where decoding stopped early it ends in ``... (REASON)``.
    """
    inner: Inner = []
    text = format_ethernet(data if type(data) is bytes else bytes(data), 0, link_layer, inner)
    while inner:
        text += inner.pop()()
    return text
