"""What a bridge of Open vSwitch may be told to do, for :meth:`tracer_core.testing.topology.vswitch.Switched.set_flows`.

Each does it to IPv4, or to pings; all else is learnt and forwarded, so that neighbours find each other.
"""

from __future__ import annotations

ZONE = 43210
"""Zone of connection tracking, of :data:`TRACKED`."""

NORMAL = ("table=0,priority=0,actions=NORMAL",)
"""Learn and forward: what a bridge does by itself."""

TRACKED = (
    *NORMAL,
    f"table=0,priority=1,ip,actions=ct(table=1,zone={ZONE})",
    f"table=1,ip,ct_state=+trk+new,actions=ct(commit,zone={ZONE}),NORMAL",
    "table=1,ip,ct_state=+trk+est,actions=NORMAL",
)
"""Each packet is looked up twice: connection tracking recirculates it. The first of a connection is tracked again."""

DROPPED = (*NORMAL, "table=0,priority=1,icmp,actions=drop")
"""Pings are dropped by a flow. A kernel that has an action for that is told so, another to do nothing."""

LOOPING = (*NORMAL, "table=0,priority=1,icmp,actions=resubmit(,1)", "table=1,icmp,actions=resubmit(,0)")
"""Two tables send pings to each other; the daemon gives up after 64 rounds, and they are dropped."""
