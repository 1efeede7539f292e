"""What following packets takes on this kernel: where data is freed or moved, and what is to be done there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tracer_core.plan.following import Role, Sight
from tracer_core.plan.places import locate
from tracer_core.types import Probe, ProbeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tracer_core.kernel.view import TypedKernel
    from tracer_core.plan.places import Place
    from tracer_core.plan.request import Abilities

PACKET = "struct sk_buff *"
TRACKED = "struct tracer_tracked *"
"""C type that fragments ask for to learn which packet it is (``tracer.bpf.h``)."""

# Packets may be without data of their own there: kfree_skbmem frees the skb itself, skb_release_head_state runs after
# kfree_skb_partial gave the data away, and net_dev_xmit is told of a packet that its driver may have freed.
_TOO_LATE = frozenset({"skb_release_head_state", "kfree_skbmem", "net:net_dev_xmit"})

# Where functions can be probed: net/core/skbuff.c but for napi_reuse_skb (net/core/gro.c), which takes a packet's data
# for the next one.
_FREES = Probe.function("skb_free_head", generic=False, optional=True)
_ALWAYS = (
    (Probe.function("kfree_skb_partial", generic=False), Role.FREES_STOLEN),
    (Probe.function("napi_skb_free_stolen_head", generic=False, optional=True), Role.FREES),
    (Probe.function("napi_reuse_skb", generic=False, optional=True), Role.REUSES),
    (Probe.function("pskb_expand_head", generic=False, returns=True), Role.MOVES),
)
# Where skb_free_head is inlined, as in Debian's 5.10: what it calls. Data may be of a cache of its own since 6.3.
_MEMORY = (
    (Probe.tracepoint("kmem:kfree", generic=False), Role.FREES_MEMORY),
    (Probe.tracepoint("kmem:kmem_cache_free", generic=False), Role.FREES_MEMORY),
)
_FRAGMENT = (Probe.function("page_frag_free", generic=False, optional=True), Role.FREES_FRAGMENT)
_RELEASE = (Probe.function("skb_release_data", generic=False), Role.RELEASES)
# Without functions: the only places that tell of data in page fragments, and not always.
_LAST = (
    (Probe.tracepoint("skb:consume_skb", generic=False), Role.RELEASES),
    (Probe.tracepoint("skb:kfree_skb", generic=False), Role.RELEASES),
)
_NO_FUNCTIONS = (
    "functions cannot be probed here, so packets are followed less exactly: one whose data moves counts as another, "
    "and one may be taken for an earlier one; see: tracer doctor"
)


@dataclass(frozen=True, slots=True)
class Helper:
    """A place that must be probed for packets to be followed, whatever the user probes.

    Attributes:
        place: Where.
        role: What is done there.
    """

    place: Place
    role: Role


@dataclass(frozen=True, slots=True)
class Tracking:
    """How packets are followed in a run.

    Attributes:
        helpers: Places to probe.
        weakness: What does not work as it should on this kernel, or nothing.
    """

    helpers: tuple[Helper, ...]
    weakness: str = ""

    def role_at(self, probe: Probe) -> Role | None:
        """What a program of the user's must do, beside its own work, where packets end or move."""
        if probe.kind.in_process or probe.kind.returns:
            return None
        for helper in self.helpers:
            other = helper.place.probe
            if other.target == probe.target and _is_function(other) is _is_function(probe):
                return Role.NOTES if helper.role is Role.MOVES else helper.role
        return None

    def needed(self, probes: Iterable[Probe]) -> Iterator[Helper]:
        """Helpers to attach beside these probes, whose programs do what their places demand.

        Of trampolines, those that say where packets end come twice: a kernel does not run a program in an interrupt of
        itself, and after an interrupt very many packets may be freed. Of two programs one is never interrupted. A
        kprobe's is as good a second one.
        """
        there = {(p.target, _is_function(p)): p.kind for p in probes if self.role_at(p) is not None}
        for helper in self.helpers:
            probe = helper.place.probe
            other = there.get((probe.target, _is_function(probe)))
            twice = probe.kind is ProbeKind.FENTRY
            if twice or helper.role is Role.MOVES or other is None:
                yield helper
                if twice and other is not ProbeKind.KPROBE:
                    yield helper


def sight_at(probe: Probe) -> Sight:
    """Whether a packet may be met for the first time at a place: not at returns, since it may be gone by then."""
    return Sight.LATER if probe.kind.returns or probe.target in _TOO_LATE else Sight.FIRST


def track(kernel: TypedKernel, abilities: Abilities) -> Tracking:
    """Decide how packets are followed.

    Raises:
        UsageError: the kernel lacks a place without which it cannot be done.
        MachineError: the same, for lack of privileges.
    """
    if not abilities.entries or not abilities.returns:
        return Tracking(_located((*_MEMORY, *_LAST), abilities, kernel), _NO_FUNCTIONS)
    if any(True for _ in locate(_FREES, abilities, kernel)):
        return Tracking(_located(((_FREES, Role.FREES), *_ALWAYS), abilities, kernel))
    fragment = _located((_FRAGMENT,), abilities, kernel)
    # data from page pools goes back to them without a word
    is_complete = bool(fragment) and kernel.member("sk_buff", "pp_recycle") is None
    released = () if is_complete else _located((_RELEASE,), abilities, kernel)
    return Tracking((*_located((*_MEMORY, *_ALWAYS), abilities, kernel), *fragment, *released))


def _located(wanted: Iterable[tuple[Probe, Role]], abilities: Abilities, kernel: TypedKernel) -> tuple[Helper, ...]:
    return tuple(
        Helper(replace(place, probe=replace(place.probe, generic=False)), role)
        for probe, role in wanted
        for place in locate(probe, abilities, kernel)
    )


def _is_function(probe: Probe) -> bool:
    return probe.kind is not ProbeKind.RAW_TRACEPOINT
