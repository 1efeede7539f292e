"""What a program does about what it meets, as C: filters and the namespace are asked, packets are followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.compose import stacks
from tracer_core.filters.metadata.condition import asks_result
from tracer_core.filters.metadata.translate import asked
from tracer_core.plan.following import Sight
from tracer_core.types import Gate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tracer_core.plan.plan import PlannedFragment, Shape

_ENTERED = "ctx->timestamp = bpf_ktime_get_ns();"
_NETNS = ("if (!tracer_wants_netns(ctx))", "\treturn 0;")

# what the program at an entry tells the one at the return: in call.matched, before what it asked of metadata
_MATCHED, _PACKET, _ASKED = stacks.MATCHED.bit_length() - 1, 1, 2


@dataclass(frozen=True, slots=True)
class Judge:
    """The statements of a program before its event begins. After them ``ctx->tracer_tracked`` and verdicts are known.

    Attributes:
        shape: Of the program.
        fragments: What it runs.
        condition: Number of what it asks of metadata, if it does.
        result: Where it finds what its function returned, if it is at a return.
        traces: It says what it found.
    """

    shape: Shape
    fragments: Sequence[PlannedFragment]
    condition: int = 0
    result: str = ""
    traces: bool = False

    def sight(self) -> str:
        """The statements of the program itself."""
        if self.shape.result is not None:
            return _indented(self._at_return())
        return _indented(self._filtered() if self.shape.is_judging else self._unfiltered())

    def sight_at_entry(self) -> str:
        """Those of the program at a function's entry, for the one at its return: by then the packet may be gone."""
        if not self.shape.is_judging:
            return "" if self._is_about_others else _indented(_NETNS)
        return _indented(self._at_entry())

    def verdict(self, gate: Gate) -> str:
        """The condition, in C, for a fragment of that gate to run; empty if there is none, or it was asked before."""
        if gate is Gate.ALWAYS:
            return ""
        if not self.shape.is_judging:
            return "" if self._least else stacks.gate(self.shape)
        name = "packet" if gate is Gate.PACKET and self._tells_packets else "matched"
        return "" if name == self._least else name

    @property
    def _is_about_others(self) -> bool:
        """Whether there is nothing that could be in another namespace; what runs for a packet was judged with it."""
        return self.shape.anonymous or stacks.inherits(self.shape)

    @property
    def _least(self) -> str:
        """The verdict without which nothing runs; empty if something always does."""
        gates = {planned.fragment.gate for planned in self.fragments}
        if Gate.ALWAYS in gates:
            return ""
        return "packet" if Gate.PACKET in gates and self._tells_packets else "matched"

    @property
    def _tells_packets(self) -> bool:
        """Whether there is a difference between the verdict of the packet filter and that of all."""
        return self.shape.condition is not None

    @property
    def _asks_result(self) -> bool:
        return self.shape.condition is not None and asks_result(self.shape.condition)

    def _unfiltered(self) -> Iterator[str]:
        yield _ENTERED
        yield from () if self._is_about_others else _NETNS
        if self.shape.sight is not None:
            yield from _followed("tracer_head(ctx)", "" if self.shape.sight is Sight.LATER else "true")

    def _filtered(self) -> Iterator[str]:
        """Filters come first, the time and all else after them: of most packets nothing else is asked."""
        yield from self._judged()
        yield from _left(self._least)
        yield _ENTERED
        yield from _NETNS
        if self.shape.sight is not None:
            yield from _followed("head", "" if self.shape.sight is Sight.LATER else "matched")

    def _at_entry(self) -> Iterator[str]:
        yield from self._judged()
        least = "packet" if self._asks_result and self._least else self._least
        yield from _left(least)
        yield from _NETNS
        if self.shape.sight is not None:
            yield "struct tracer_tracked tracked;"
            yield "ctx->timestamp = call.entered;"
            yield "if (matched && !tracer_find(head, ctx->timestamp, &tracked))"
            yield "\ttracer_track(ctx, head, &tracked);"
        yield f"call.matched = (u64)matched << {_MATCHED} | (u64)packet << {_PACKET};"
        if self._asks_result:
            yield f"call.matched |= {asked(self.condition)}_before(ctx) << {_ASKED};"

    def _at_return(self) -> Iterator[str]:
        """Everything was asked at the entry, but for the result."""
        yield _ENTERED
        if self.shape.is_judging:
            yield f"bool packet = call.matched >> {_PACKET} & 1;"
            yield f"bool matched = call.matched >> {_MATCHED} & 1;"
        if self._asks_result:
            yield "if (!matched && packet)"
            yield f"\tmatched = {asked(self.condition)}_after(ctx, call.matched >> {_ASKED}, {self.result});"
        if self.shape.sight is not None:
            yield from _followed("tracer_head(ctx)", "")
        if self.shape.is_judging:
            yield from _left(self._least)

    def _judged(self) -> Iterator[str]:
        """Declarations of ``head``, ``packet`` and ``matched``; who is followed already is not asked again."""
        known = "false"
        if self.shape.filtered:
            yield "struct tracer_offsets offsets = {};"
            yield "bool packet, matched;"
            yield "u64 head;"
            yield "if (ctx->sk_buff)"
            yield "\ttracer_offsets(ctx, ctx->sk_buff, &offsets);"
            yield "head = (u64)offsets.head;"
            known, packet = "tracer_knows(head)", "(ctx->sk_buff && tracer_filter(ctx, &offsets))"
        else:
            yield "bool packet, matched;"
            if self.shape.sight is not None:
                yield "u64 head = tracer_head(ctx);"
                known = "tracer_knows(head)"
            packet = "true"
        condition = "true"
        if self.shape.condition is not None:
            # the result is not there yet
            condition = "false" if self._asks_result else f"{asked(self.condition)}(ctx)"
        yield f"matched = {known};"
        yield f"packet = matched || {packet};"
        yield f"matched = matched || (packet && {condition});"
        if self.traces:
            yield 'TRACER_LOG(ctx, trace, "packet filter %d, all filters %d", packet, matched);'


def _followed(head: str, begins: str) -> Iterator[str]:
    """Statements that say which packet it is, and follow it from here on if *begins* holds."""
    track = "" if not begins else " || tracer_track(ctx, at, &tracked)"
    track = track if begins in ("", "true") else f" || ({begins} && tracer_track(ctx, at, &tracked))"
    yield "struct tracer_tracked tracked;"
    yield f"u64 at = {head};"
    yield f"if (tracer_find(at, ctx->timestamp, &tracked){track})"
    yield "\tctx->tracer_tracked = &tracked;"


def _left(unless: str) -> tuple[str, ...]:
    """Statements that leave the program unless something holds; none if nothing must."""
    return (f"if (!{unless})", "\treturn 0;") if unless else ()


def _indented(lines: Iterable[str]) -> str:
    return "\n".join(f"\t{line}" for line in lines)
