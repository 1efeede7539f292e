"""The places of a kernel at which collectors can learn something, by pattern: what ``tracer inspect`` lists."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tracer_core.errors import MachineError, UsageError
from tracer_core.plan.places import MOUNT, TRAMPOLINES, fits_trampoline, is_known, pattern, unknown
from tracer_core.plan.plan import PlannedFragment, PlannedGetter
from tracer_core.plan.reading import reach, runs_at
from tracer_core.plan.request import parse_probe
from tracer_core.plan.tracking import PACKET, TRACKED
from tracer_core.plugins.declaration import shown
from tracer_core.types import Probe, ProbeKind

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    from tracer_core.kernel.view import TypedKernel
    from tracer_core.plan.reading import Reach
    from tracer_core.plugins.declaration import Declaration, Owner

    Readers = tuple[tuple[Owner, tuple["Source", ...]], ...]

_ANY = re.compile(r"[\w*]+", re.ASCII)
_OTHERS = "choose other collectors with -c, or another pattern; all that can be read: tracer inspect"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Places that somebody asks for.

    Attributes:
        text: How.
        kind: Way to attach, if they care.
        target: Name, in which ``*`` stands for any characters.
    """

    text: str
    kind: ProbeKind | None
    target: str


@dataclass(frozen=True, slots=True)
class Source:
    """What a collector reads at a place.

    Attributes:
        c_type: Type of the value.
        position: Of the argument that it is; nothing if a getter finds it.
        getter: The C function that does; empty for an argument.
    """

    c_type: str
    position: int | None
    getter: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A place at which at least one collector can learn something.

    Attributes:
        probe: As for ``-p``: its text is one that can be given.
        readers: The collectors, with what they read.
    """

    probe: Probe
    readers: Readers


def wanted(text: str) -> Wanted:
    """Parse ``[TYPE:]PATTERN``.

    Raises:
        UsageError: it is none.
    """
    if _ANY.fullmatch(text):
        return Wanted(text, None, text)
    probe = parse_probe(text)
    if "/" in text:
        raise UsageError(f"{text!r}: options of probes are not for inspect", hint="leave out what follows the '/'")
    kind = ProbeKind.KPROBE if probe.kind is ProbeKind.FUNCTION else probe.kind
    return Wanted(text, kind, probe.target)


class Inspection:
    """What collectors can learn where.

    Args:
        declarations: Of the collectors.
        kernel: Whose places.
    """

    def __init__(self, declarations: Sequence[Declaration], kernel: TypedKernel) -> None:
        self._kernel = kernel
        self._fragments = [PlannedFragment(d.owner, fragment) for d in declarations for fragment in d.fragments]
        self._getters = [PlannedGetter(d.owner, getter) for d in declarations for getter in d.getters]
        self._c_types = list(
            dict.fromkeys(
                [t for f in self._fragments for t in f.reads]
                + [t for g in self._getters for t in (g.getter.gives, *g.getter.needs)]
                + [PACKET]
            )
        )
        self._readers: dict[Hashable, Readers] = {}

    def places(self, asked: Wanted, entry: ProbeKind | None = ProbeKind.KPROBE) -> list[Found]:
        """Those that are asked for, functions first, each sorted by name.

        Without tracefs, functions are those that have an address, and of tracepoints only one that is named is known.

        Args:
            asked: What for.
            entry: How functions are attached to, where that is not asked for. Nothing if they cannot be: then there are
                only those whose name or way is given.

        Raises:
            MachineError: only tracefs knows, or there are only functions that cannot be attached to.
            UsageError: there is none.
        """
        found: list[Found] = []
        kind = asked.kind or entry or (None if "*" in asked.target else ProbeKind.KPROBE)
        if kind not in (ProbeKind.RAW_TRACEPOINT, None):
            found += self._functions(asked, kind)
        if asked.kind in (None, ProbeKind.RAW_TRACEPOINT):
            found += self._tracepoints(asked)
        if not found:
            raise self._nothing(asked) if kind else self._no_way(asked)
        return found

    def _functions(self, asked: Wanted, kind: ProbeKind) -> Iterator[Found]:
        taking = self._kernel.functions_taking(self._c_types)
        named = (name for name in self._named if self._kernel.function(name) is not None)
        candidates = self._kernel.function_names() if self._needs_nothing else {*taking, *named}
        matches = pattern(asked.target)
        for name in sorted(filter(matches, candidates)):
            if self._is_traceable(name) and (kind not in TRAMPOLINES or self._fits_trampoline(name)):
                yield from self._found(Probe(kind, name), taking.get(name, {}))

    def _tracepoints(self, asked: Wanted) -> Iterator[Found]:
        taking = self._kernel.tracepoints_taking(self._c_types)
        candidates = self._kernel.tracepoint_names() if self._needs_nothing else {*taking, *self._named}
        for event in self._events(asked):
            name = event.partition(":")[2]
            if name in candidates and self._kernel.tracepoint(name) is not None:
                yield from self._found(Probe.tracepoint(event), taking.get(name, {}))

    def _events(self, asked: Wanted) -> list[str]:
        events, matches = self._kernel.events, pattern(asked.target)
        if events is not None:
            # without a type, a name may be meant that stands without its group
            alone = asked.kind is None
            return sorted(e for e in events if matches(e) or (alone and matches(e.partition(":")[2])))
        if asked.kind is None:
            return []
        if "*" in asked.target:
            raise MachineError(f"{asked.text}: '*' needs tracefs, which cannot be read", hint=MOUNT)
        return [asked.target]

    def _found(self, probe: Probe, positions: Mapping[str, int]) -> Iterator[Found]:
        name = probe.target.rpartition(":")[2]
        # thousands of places are alike, but for those that collectors name
        key = probe.kind, name if name in self._named else "", tuple(positions.items())
        if key not in self._readers:
            self._readers[key] = self._readers_at(probe, positions)
        if readers := self._readers[key]:
            yield Found(probe, readers)

    def _readers_at(self, probe: Probe, positions: Mapping[str, int]) -> Readers:
        there = reach(probe, positions, self._getters, self._fragments)
        known = there.known | ({TRACKED} if PACKET in there.known else set())
        readers: dict[Owner, dict[Source, None]] = {}
        for planned in self._fragments:
            if runs_at(planned, probe, known):
                sources = readers.setdefault(planned.owner, {})
                sources |= dict.fromkeys(_source(c_type, there) for c_type in planned.reads if c_type in known)
        return tuple((owner, tuple(sources)) for owner, sources in readers.items())

    @cached_property
    def _needs_nothing(self) -> bool:
        """Whether somebody learns something everywhere."""
        return any(not f.reads and not f.fragment.probes for f in self._fragments)

    @cached_property
    def _named(self) -> frozenset[str]:
        """Places that collectors name, without groups."""
        items = (*(f.fragment.probes for f in self._fragments), *(g.getter.probes for g in self._getters))
        return frozenset(probe.target.rpartition(":")[2] for probes in items for probe in probes)

    def _is_traceable(self, name: str) -> bool:
        functions = self._kernel.functions
        return self._kernel.symbol(name) is not None if functions is None else name in functions

    def _fits_trampoline(self, name: str) -> bool:
        prototype = self._kernel.function(name)
        return prototype is not None and fits_trampoline(prototype)

    def _no_way(self, asked: Wanted) -> UsageError | MachineError:
        """The error for a pattern that matches no tracepoint, where functions cannot be attached to."""
        if self._kernel.events is None:
            what = f"{asked.text}: functions cannot be probed on this machine, and tracepoints are not known"
            return MachineError(f"{what} without tracefs, which cannot be read", hint=MOUNT)
        if not any(self._functions(asked, ProbeKind.KPROBE)):
            return self._nothing(asked)
        what = f"{asked.text}: there are only functions, which cannot be probed on this machine"
        return MachineError(what, hint=f"see: tracer doctor; list them with: tracer inspect -p 'kprobe:{asked.target}'")

    def _nothing(self, asked: Wanted) -> UsageError:
        probe = Probe(asked.kind or ProbeKind.FUNCTION, asked.target)
        if not probe.is_pattern and not is_known(probe, self._kernel):
            return unknown(probe, self._kernel)
        collectors = ", ".join(dict.fromkeys(shown(f.owner.name) for f in self._fragments))
        return UsageError(
            f"{asked.text}: there is nothing that {collectors or 'nobody'} could retrieve data from", hint=_OTHERS
        )


def _source(c_type: str, there: Reach) -> Source:
    c_type = PACKET if c_type == TRACKED else c_type
    if c_type in there.positions:
        return Source(c_type, there.positions[c_type])
    return Source(c_type, None, next(g.getter.function for g in there.getters if g.getter.gives == c_type))
