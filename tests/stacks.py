"""What tests of stacks send, and whose events without a packet are said to be."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tests.tracking import Traffic, identity, skb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.tracking import Identity, Tracing

    from tracer_core.sections import Event
    from tracer_core.testing.netns import TwoNamespaces

WANTED, OTHER = b"a mark of what is wanted", b"a mark of what is not"
PACKETS = 3  # of each flow


@contextmanager
def two_flows(two: TwoNamespaces) -> Iterator[tuple[Traffic, Traffic]]:
    """Datagrams that are wanted, and others, from ``a`` to ``b``."""
    with ExitStack() as stack:
        yield (
            stack.enter_context(Traffic(two.a, two.b, WANTED)),
            stack.enter_context(Traffic(two.a, two.b, OTHER)),
        )


def wanted_port(traffic: Traffic) -> str:
    """A filter for a flow."""
    return f"udp dst port {traffic.receiver.getsockname()[1]}"


def send(*flows: Traffic) -> None:
    """Some of each, in turns."""
    for number in range(PACKETS):
        for traffic in flows:
            traffic.send(number, 100)


def inherited(run: Tracing, symbol: str, kind: str = "") -> list[Event]:
    """Events at a place without a packet."""
    found = [e for e in run.events if e.probe.symbol == symbol and kind in ("", e.probe.kind)]
    assert all(identity(event) and not skb(event) for event in found)
    return found


def owners(events: list[Event]) -> dict[Identity, int]:
    """How many events each packet has."""
    found: dict[Identity, int] = {}
    for event in events:
        owner = identity(event)
        assert owner
        found[owner] = found.get(owner, 0) + 1
    return found


def owner(events: list[Event]) -> Identity:
    """The packet that all of them are about."""
    (found,) = owners(events)
    return found
