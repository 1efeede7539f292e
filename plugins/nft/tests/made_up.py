"""Tables, chains and rules in made-up memory, laid out as in some kernel, and the collector's C run on them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tracer_core.backend.machine import running_machine
from tracer_core.compose.compose import compose
from tracer_core.kernel.base import BtfKernel
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request
from tracer_core.plugins.declare import declare
from tracer_core.plugins.host import Host
from tracer_core.testing.kernels import recorded_kernel
from tracer_core.testing.trial import Trial
from tracer_core.types import Probe
from tracer_nft.plugin import NftOptions
from tracer_nft.sections import Nft

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tracer_core.kernel.view import Kernel, Prototype
    from tracer_core.plugins.declaration import Declaration

FUNCTION = "__nft_trace_packet"
RULE, RETURN, POLICY = 3, 2, 1  # enum nft_trace_types
HEADER = 8  # bytes of struct nft_rule_dp
_EVENT = "nft:trace_packet"


class Tried(BtfKernel):
    """A kernel on which the function is a tracepoint: programs on those can be run without being attached."""

    def tracepoint(self, name: str) -> Prototype | None:
        return self.function(FUNCTION) if _EVENT.endswith(name) else super().tracepoint(name)

    events = frozenset({_EVENT})


@dataclass
class Memory:
    """Made-up memory, filled from its beginning.

    Attributes:
        kernel: Whose layouts it has.
        bytes: It.
        address: In the kernel.
        used: Bytes.
    """

    kernel: Kernel
    bytes: memoryview
    address: int
    used: int = 0

    def take(self, size: int) -> int:
        """Zeroes; gives their offset."""
        at = self.used
        self.used = -(-(at + size) // 8) * 8
        self.bytes[at : at + size] = bytes(size)
        return at

    def text(self, text: str) -> int:
        """A string; gives its address."""
        data = text.encode() + b"\0"
        at = self.take(len(data))
        self.bytes[at : at + len(data)] = data
        return self.address + at

    def struct(self, name: str, /, size: int = 512, **members: int) -> int:
        """A structure; gives its address. Members with dots are written with two underscores."""
        at = self.take(size)
        self.fill(name, at, {member.replace("__", "."): value for member, value in members.items()})
        return self.address + at

    def fill(self, name: str, at: int, members: Mapping[str, int]) -> None:
        for member, value in members.items():
            place = self.kernel.member(name, member)
            assert place is not None, member
            first = at + place.bit_offset // 8
            bits = place.bit_size or place.size * 8
            size = (place.bit_offset % 8 + bits + 7) // 8
            mask = (1 << bits) - 1
            before = int.from_bytes(self.bytes[first : first + size], "little")
            after = before & ~(mask << place.bit_offset % 8) | (value & mask) << place.bit_offset % 8
            self.bytes[first : first + size] = after.to_bytes(size, "little")

    def rules(self, rules: list[tuple[int, int]], chain: int) -> list[int]:
        """Rules, each (handle, bytes of expressions), and what ends them, which has the chain; gives addresses."""
        found = []
        start = self.take(sum(HEADER + size for _, size in rules) + 64)
        for handle, size in rules:
            self.fill("nft_rule_dp", start, {"handle": handle, "dlen": size})
            found.append(self.address + start)
            start += HEADER + size
        self.fill("nft_rule_dp", start, {"is_last": 1})
        if self.kernel.member("nft_rule_dp_last", "chain"):
            self.fill("nft_rule_dp_last", start, {"chain": chain})
        return [*found, self.address + start]


@dataclass
class Nftables:
    """The collector's program on some kernel's layouts, and memory for it."""

    kernel: Kernel
    trial: Trial
    declarations: tuple[Declaration, ...]
    bytes: memoryview

    def memory(self) -> Memory:
        """Empty memory."""
        return Memory(self.kernel, self.bytes, self.trial.address)

    def events(self, memory: Memory, *, chain: int, rule: int, code: int, kind: int, **more: int) -> list[Any]:
        """What is reported of one call of the function.

        Args:
            memory: Where everything is.
            chain: Address of the chain that the packet is in.
            rule: Address of the rule; 0 for none.
            code: Of the verdict.
            kind: Of ``enum nft_trace_types``.
            more: ``target``, address of a chain; ``base``, address of the base chain; ``net``, of a namespace.
        """
        state = memory.struct("nf_hook_state", net=more.get("net", 0))
        packet = memory.struct("nft_pktinfo", skb=more.get("skb", 0), state=state)
        verdict = memory.struct("nft_verdict", code=code, chain=more.get("target", 0))
        members = {"basechain": more.get("base", 0)}
        if self.kernel.member("nft_traceinfo", "pkt"):
            info = memory.struct("nft_traceinfo", pkt=packet, rule=rule, verdict=verdict, **members)
            arguments: tuple[int, ...] = (info, chain, kind)
        else:
            info = memory.struct("nft_traceinfo", **members)
            arguments = (packet, verdict, rule, info, kind)
        return [event.get(Nft) for event in self.trial.events(self.declarations, *arguments)]


@contextmanager
def nftables(name: str, *verdicts: str, rules: bool = False) -> Iterator[Nftables]:
    """The collector compiled for a recorded kernel; it runs on this one, on memory that is laid out like there."""
    kernel = Tried(recorded_kernel(name)._source)
    declared = declare(Host().collector("nft"), kernel, NftOptions(verdicts or ("all",), rules))
    probe = Probe.tracepoint(_EVENT)
    fragments = tuple(replace(fragment, probes=(probe,)) for fragment in declared.fragments)
    declarations = (replace(declared, fragments=fragments, probes=(probe,)),)
    made = plan(declarations, Request(abilities=Fixed(typed=False)), kernel)
    with Trial(made, compose(made, kernel, running_machine())) as trial, trial.memory as memory:
        yield Nftables(kernel, trial, declarations, memory)
