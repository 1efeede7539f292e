"""Which formatter decodes which protocol, and what to print when none can.

The tables start empty; each protocol module fills in its own numbers when it is imported.
Formatters look each other up here, so a tunnel can hold a frame that holds a tunnel. All of them
are total: any bytes give a string.

They all get the whole captured frame and the offset of their own header in it. Slicing the frame
at each layer would cost more than most of them need for their text.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from tracer_skb.text.names import protocol_text

Inner: TypeAlias = list[Callable[[], str]]
"""What formats the packet inside a packet, put here by the formatter of the outer one.

That packet ends the line, so it can wait until the outer formatters have returned. It has to: the
depth of nesting is the sender's choice, the size of our stack is not.
"""

NetworkFormatter: TypeAlias = Callable[[bytes, int, bool, Inner], str]
"""Formats what an Ethernet type stands for: (frame, offset of its header, link_layer, inner)."""

TransportFormatter: TypeAlias = Callable[[bytes, int, int, bool, Inner], str]
"""Formats what an IP protocol number or a UDP port stands for.

Takes (frame, offset of its header, end, link_layer, inner). The end is where the IP header says
that the packet ends. The frame is cut there; it may have been captured not even so far.
"""


@dataclass(frozen=True, slots=True)
class IPProtocol:
    """An IP protocol.

    Attributes:
        text: A space and its name.
        format: Its formatter.
        port_header: Bytes that must be captured for its ports to be shown with the addresses;
            0 when it has no ports. The ports are its first two 16-bit fields.
    """

    text: str
    format: TransportFormatter
    port_header: int


TRUNCATED = "... (truncated or incomplete packet)"
"""Ends the text where a header does not fit in the captured bytes."""


def unsupported(what: str) -> str:
    """Say that a protocol is not decoded.

    Args:
        what: The protocol in the words of Retis, such as ``protocol 0x2f``.

    Returns:
        The text that ends the line. It names `tracer pcap` where Retis names its own command.
    """
    return f"... ({what} not supported, use 'tracer pcap')"


def _undecoded(number: int) -> IPProtocol:
    text = unsupported(f"protocol {number:#x}")
    return IPProtocol(f" {protocol_text(number)}", lambda *_: text, 0)


ETHERTYPES: dict[int, NetworkFormatter] = {}
IP_PROTOCOLS: list[IPProtocol] = [_undecoded(number) for number in range(256)]
UDP_PORTS: dict[int, TransportFormatter] = {}


def ethertype(number: int) -> Callable[[NetworkFormatter], NetworkFormatter]:
    """Register a formatter for an Ethernet type.

    Args:
        number: The Ethernet type, as in the IANA registry "IEEE 802 Numbers".

    Returns:
        A decorator that leaves the formatter as it is.
    """

    def register(formatter: NetworkFormatter) -> NetworkFormatter:
        ETHERTYPES[number] = formatter
        return formatter

    return register


def ip_protocol(number: int, *, port_header: int = 0) -> Callable[[TransportFormatter], TransportFormatter]:
    """Register a formatter for an IP protocol, over IPv4 and IPv6 alike.

    Args:
        number: The protocol, as in the IANA registry "Protocol Numbers".
        port_header: Bytes that must be captured for its ports to be shown; 0 for no ports.

    Returns:
        A decorator that leaves the formatter as it is.
    """

    def register(formatter: TransportFormatter) -> TransportFormatter:
        IP_PROTOCOLS[number] = IPProtocol(f" {protocol_text(number)}", formatter, port_header)
        return formatter

    return register


def udp_port(number: int) -> Callable[[TransportFormatter], TransportFormatter]:
    """Register a formatter for the payload of UDP datagrams to a port.

    Args:
        number: The destination port, as in the IANA "Service Name and Port Number Registry".

    Returns:
        A decorator that leaves the formatter as it is.
    """

    def register(formatter: TransportFormatter) -> TransportFormatter:
        UDP_PORTS[number] = formatter
        return formatter

    return register


def format_network(number: int, data: bytes, at: int, link_layer: bool, inner: Inner) -> str:
    """Describe what an Ethernet type says it is.

    Args:
        number: The Ethernet type.
        data: The frame.
        at: Where the header of that protocol starts.
        link_layer: Whether inner frames show their link layer.
        inner: Takes what is left to format.

    Returns:
        The text of the packet, or that its type is not decoded.
    """
    formatter = ETHERTYPES.get(number)
    if formatter is None:
        return unsupported(f"ethertype 0x{number:04x}")
    return formatter(data, at, link_layer, inner)
