"""What tests of stacks send, and whose events without a packet are said to be."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tests.tracking import RECEIVE, Traffic, identity, skb, tracing

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


def only_what_matches_is_shown(
    two: TwoNamespaces, probes: tuple[str, ...], lookup: str, *, follow: bool = False
) -> None:
    """Of two flows, what runs for one that matches is shown, as often for each packet as if both did, and no more.

    Args:
        two: What they are between.
        probes: At which they are met, and at *lookup*.
        lookup: A place without a packet, that each is met with equally often.
        follow: With ``--follow-stack``.
    """
    counts = []
    for everything in (False, True):
        with two_flows(two) as (wanted, other):
            filters = ["udp" if everything else wanted_port(wanted)]
            with tracing(*probes, namespaces=[two.b], filters=filters, follow=follow) as run:
                send(wanted, other)
                run.wait_for(RECEIVE, WANTED, PACKETS)
        packets = {identity(event) for event in run.holding(WANTED) + run.holding(OTHER)}
        assert len(packets) == (2 * PACKETS if everything else PACKETS)
        found = owners(inherited(run, lookup))
        assert set(found) == packets
        counts.append(set(found.values()))
    assert counts[0] == counts[1]
    assert len(counts[0]) == 1
