"""Packet filters of a command line as C: for packets with an Ethernet header, and for those that begin with IP."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.errors import UsageError
from tracer_core.filters.pcap import LinkType, compile_expression, shown
from tracer_core.filters.translate import PARAMETERS, function, never
from tracer_core.filters.validate import validate
from tracer_core.types import BpfSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tracer_core.filters.classic import Program

FRAME = "tracer_filter_frame"
"""The C function for packets that begin with an Ethernet header."""

DATAGRAM = "tracer_filter_datagram"
"""The C function for packets that begin with an IP header."""

MAX_INSTRUCTIONS = 2000
"""Classic instructions of all expressions together, for one link layer. What they cost is compile time (ADR 0021)."""

# a word of the language, not a part of a name (scanner.l of libpcap), and not one that a backslash makes a name
_VLAN = re.compile(r"(?<![\w.\\-])vlan(?![\w.-])")
_ETHER = "ether["


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression, compiled.

    Attributes:
        text: As it was given.
        frame: For packets with an Ethernet header.
        datagram: For packets that begin with an IP header; None: none of these match.
        no_datagram: Why, if so.
        tagged: Whether it is about VLANs, and so sees tags that are beside the data.
    """

    text: str
    frame: Program
    datagram: Program | None
    no_datagram: str
    tagged: bool


@dataclass(frozen=True, slots=True)
class PacketFilter:
    """What packets must match: all of the expressions.

    Attributes:
        expressions: In the order given.
    """

    expressions: tuple[Expression, ...]

    @property
    def no_datagrams(self) -> tuple[tuple[str, str], ...]:
        """The expressions for which packets without an Ethernet header never match, each with the reason."""
        return tuple((each.text, each.no_datagram) for each in self.expressions if each.datagram is None)

    @property
    def tagged(self) -> bool:
        """Whether ``FRAME`` looks at its argument for a tag; 0 will do otherwise."""
        return any(each.tagged for each in self.expressions)

    def text(self) -> str:
        """C: the functions ``FRAME`` and ``DATAGRAM``, to stand behind :func:`header`."""
        frames = [(each.frame, each.tagged) for each in self.expressions]
        datagrams = [(each.datagram, False) for each in self.expressions if each.datagram is not None]
        complete = len(datagrams) == len(self.expressions)
        return f"{_functions(FRAME, frames)}\n{_functions(DATAGRAM, datagrams) if complete else never(DATAGRAM)}"


def packet_filter(expressions: Iterable[str]) -> PacketFilter:
    """Compile expressions, each by itself: a packet must match all of them.

    They are not joined to one text for libpcap: ``vlan`` and its like change where the rest of a text looks, and what
    an expression means would depend on the one before.

    Args:
        expressions: Of ``pcap-filter(7)``.

    Raises:
        UsageError: libpcap refuses one, or it is too large or about what is not in a packet's bytes.
        MachineError: there is no libpcap.
    """
    compiled = tuple(_expression(text) for text in expressions)
    _check_size([each.frame for each in compiled], compiled)
    _check_size([each.datagram for each in compiled if each.datagram is not None], compiled)
    return PacketFilter(compiled)


def header() -> BpfSource:
    """C that the functions use; it uses ``tracer.bpf.h``."""
    return BpfSource.resource("tracer_core", "filters/bpf/filter.bpf.h")


def _expression(text: str) -> Expression:
    frame = _program(text, LinkType.ETHERNET)
    datagram, reason = None, f"it has {_ETHER}"
    if _ETHER not in text:
        try:
            datagram, reason = _program(text, LinkType.RAW_IP), ""
        except UsageError as error:
            reason = error.message
    return Expression(text, frame, datagram, reason, _VLAN.search(text) is not None)


def _program(text: str, link: LinkType) -> Program:
    program = compile_expression(text, link)
    try:
        validate(program)
    except UsageError as error:
        raise UsageError(
            f"packet filter {shown(text)}: {error.message.removeprefix('packet filter: ')}",
            hint="filters see the bytes of a packet only: no direction, no interface, no metadata",
        ) from error
    return program


def _check_size(programs: Sequence[Program], expressions: Sequence[Expression]) -> None:
    size = sum(map(len, programs))
    if size > MAX_INSTRUCTIONS:
        what = f"packet filter {shown(expressions[0].text)}" if len(expressions) == 1 else "the packet filters together"
        raise UsageError(
            f"{what}: {size} instructions of classic BPF, more than {MAX_INSTRUCTIONS}",
            hint="name networks, not hosts, and ranges of ports, not ports; or filter less here, and more when reading",
        )


def _functions(name: str, programs: Sequence[tuple[Program, bool]]) -> str:
    """A function that asks all programs; those that see tags and those that do not look at different copies."""
    plain = [program for program, tagged in programs if not tagged]
    tagged = [program for program, tagged in programs if tagged]
    if not tagged:
        return function(name, plain)
    if not plain:
        return function(name, tagged, tagged=True)
    arguments = "start, len, linear, tag"
    return (
        f"{function(f'{name}_plain', plain)}\n{function(f'{name}_tagged', tagged, tagged=True)}\n"
        f"static __always_inline bool {name}({PARAMETERS})\n{{\n"
        f"\treturn {name}_plain({arguments}) && {name}_tagged({arguments});\n}}\n"
    )
