"""Collector ``hello``: length, mark and type of every packet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tracer_core.api import U8, U32, BpfSource, CollectorSpec, Formatter, Fragment, hookimpl, option, section

PACKET_TYPES = ("host", "broadcast", "multicast", "otherhost", "outgoing", "loopback", "user", "kernel")


@dataclass(frozen=True, slots=True)
class HelloOptions:
    """Its field becomes ``--hello-min-len``."""

    min_len: int = option(0, help="Report only packets of this many bytes or more.")

    def __post_init__(self) -> None:
        if not 0 <= self.min_len < 1 << 32:
            raise ValueError(f"--hello-min-len {self.min_len}: not a length")


@section("hello")
class Hello(NamedTuple):
    """What a packet looks like from afar."""

    length: U32
    """Bytes: ``len`` of the skb, with the link layer or without, as it is at that place."""
    mark: U32
    """As set with ``SO_MARK`` or by firewall rules."""
    packet_type: U8
    """To whom it is: one of ``PACKET_HOST`` and so on in ``linux/if_packet.h``."""


@hookimpl
def tracer_collector() -> CollectorSpec:
    """Say who we are."""
    return CollectorSpec("hello", "Length, mark and type of a packet.", options=HelloOptions, sections=(Hello,))


@hookimpl
def tracer_fragments(options: HelloOptions) -> list[Fragment]:
    """Run wherever an skb passes."""
    source = BpfSource.resource("tracer_hello", "hello.bpf.c", HELLO_MIN_LEN=options.min_len)
    return [Fragment("hello_collect", source, needs=("struct sk_buff *",), emits=(Hello,))]


@hookimpl
def tracer_formatters() -> list[Formatter]:
    """Show the type by name."""
    return [Formatter(Hello, _text, after=("packet",))]


def _text(hello: Hello, _options: object) -> str:
    kind = PACKET_TYPES[hello.packet_type] if hello.packet_type < len(PACKET_TYPES) else "unknown"
    return f"hello length {hello.length} mark {hello.mark:#x} type {kind}"
