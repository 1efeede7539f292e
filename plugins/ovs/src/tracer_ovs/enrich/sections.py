"""What Open vSwitch says of flows, as events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tracer_core.api import U64, Lookup, section

if TYPE_CHECKING:
    from tracer_ovs.enrich.ufid import Ufid


@section("ovs-detrace", reported=True)
class OvsDetrace(NamedTuple):
    """A flow of the kernel, as the process of Open vSwitch has it, and what it made it of."""

    ufid: tuple[int, ...]
    """Its identifier, four 32-bit numbers in the order of the traced machine."""
    flow: U64
    """Its address."""
    sf_acts: U64
    """Address of its actions."""
    dpflow: str
    """It, as ``ovs-appctl dpctl/get-flow`` shows it."""
    ofpflows: tuple[str, ...]
    """The OpenFlow rules that it was made of, as ``ofproto/detrace`` lists them: before those of a bridge its name may
    stand. None before Open vSwitch 3.4."""


class Flow(NamedTuple):
    """Which flow, with which actions: what the kernel looked up, and what is asked for."""

    ufid: Ufid
    """Its identifier."""
    flow: int
    """Its address."""
    sf_acts: int
    """Address of its actions."""


def lookup_for(section_class: type[Any]) -> Lookup:
    """What sorted events get of it.

    Args:
        section_class: Whose: it has the fields of the key, and those that are told.
    """
    return Lookup(section_class, Flow._fields, OvsDetrace, ("dpflow", "ofpflows"))
