"""Which formatter decodes which protocol, and what to print when none can.

The tables start empty; each protocol module fills in its own numbers when it is imported.
Formatters look each other up here and do not import each other, so a tunnel can hold an Ethernet
frame that holds a tunnel. All of them are total: any bytes give a string.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

NetworkFormatter: TypeAlias = Callable[[bytes, bool], str]
"""Formats what an Ethernet type stands for: (captured bytes from its header on, link_layer)."""

TransportFormatter: TypeAlias = Callable[[bytes, int, bool], str]
"""Formats what an IP protocol number stands for.

Takes (captured bytes from its header on, bytes the IP header says there are, link_layer). The
captured bytes never reach beyond what the IP header says.
"""


class IPProtocol(NamedTuple):
    """A decoded IP protocol.

    Attributes:
        format: Its formatter.
        port_header: Bytes that must be captured for its ports to be shown with the addresses;
            0 when it has no ports. The ports are its first two 16-bit fields.
    """

    format: TransportFormatter
    port_header: int


TRUNCATED = "... (truncated or incomplete packet)"
"""Ends the text where a header does not fit in the captured bytes."""

ETHERTYPES: dict[int, NetworkFormatter] = {}
IP_PROTOCOLS: dict[int, IPProtocol] = {}
UDP_PORTS: dict[int, TransportFormatter] = {}


def unsupported(what: str) -> str:
    """Say that a protocol is not decoded.

    Args:
        what: The protocol in the words of Retis, such as ``protocol 0x2f``.

    Returns:
        The text that ends the line. It names `tracer pcap` where Retis names its own command.
    """
    return f"... ({what} not supported, use 'tracer pcap')"


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
        IP_PROTOCOLS[number] = IPProtocol(formatter, port_header)
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
