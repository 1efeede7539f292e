"""Events as JSON lines, in the format of Retis 1.7, which its library and scripts read.

What that format has no place for is written beside it, where its readers ignore it: sections that it does not know,
and a section ``tracer`` in events that need one. ``docs/reference/files.md`` has all of it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from tracer_core.errors import PluginError, RunError
from tracer_core.files.json_form import compact, encoder, text
from tracer_core.sections import Stack
from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tracer_core.files.about import About
    from tracer_core.files.target import Target
    from tracer_core.sections import Event, Header, ProbeInfo

FORMAT = "1.7.0"
"""Version of Retis whose format this is."""

OWN = "tracer"
"""The section for what the format has no place for."""

RESERVED = frozenset({"common", "kernel", "userspace", "startup", OWN})
"""Names that no section of a collector can have in these files."""

USER_KINDS = frozenset({ProbeKind.USDT.value, ProbeKind.UPROBE.value})
"""Kinds that are in ``userspace``; all others are in ``kernel``."""

_AS = {ProbeKind.FENTRY.value: ProbeKind.KPROBE.value, ProbeKind.FEXIT.value: ProbeKind.KRETPROBE.value}
"""Kinds that the format does not know, and what they are to its readers: the same place, attached to otherwise."""

_AT_ONCE = 4096  # events; bounds the memory that a large batch takes as text
_OURS = re.compile(rb'\{"common":\{"timestamp":\d+\},"startup":\{"retis_version":"v[0-9.]+\+tracer\.')


def is_json_lines(head: bytes) -> bool:
    """Whether a file that begins like this was written here."""
    return _OURS.match(head) is not None


class JsonLines:
    """Writes events to a target, which stays the caller's. What a call of its methods wrote is whole lines.

    Args:
        target: Where.
        about: Becomes the first line.

    Raises:
        RunError: the first line cannot be written.
    """

    def __init__(self, target: Target, about: About) -> None:
        self._target = target
        self._sections: dict[str, tuple[type[Any], Any]] = {}
        self._probes: dict[ProbeInfo, tuple[str, str]] = {}
        self._last = about.started
        self.events = 0
        """Events written."""
        self._put(startup_line(about))

    def write(self, events: Iterable[Event]) -> None:
        """Write events.

        Raises:
            PluginError: a section cannot be written; the events before it are.
            RunError: the target failed; whole lines are left of it.
        """
        rest = iter(events)
        while some := list(islice(rest, _AT_ONCE)):
            lines: list[str] = []
            try:
                lines.extend(map(self._line, some))
            finally:
                self._put("".join(lines))
                self.events += len(lines)
            self._last = some[-1].header.timestamp

    def end(self, facts: Mapping[str, Any]) -> None:
        """Write what is only known at the end, if it matters to who reads the file: losses, for example.

        It takes a line of its own, which to others is an event without data.

        Args:
            facts: What JSON can hold, by name.
        """
        self._put(compact({"common": {"timestamp": self._last}, OWN: {"end": dict(facts)}}) + "\n")

    def _put(self, lines: str) -> None:
        try:
            self._target.write(lines.encode("ascii"))
        except RunError as error:
            raise RunError(f"{error.message}, after {self.events} event(s)", hint=error.hint) from error
        self._target.commit()

    def _line(self, event: Event) -> str:
        header, probe, stack = event.header, event.probe, ""
        sections = []
        for name, section in event.sections.items():
            if isinstance(section, Stack) and probe.kind not in USER_KINDS:
                stack = ',"stack_trace":' + compact(section.frames)
            else:
                sections.append(self._section(name, section))
        found = self._probes.get(probe)
        if found is None:
            found = self._probes[probe] = _probe(probe)
        where, own = found
        if probe.kind in USER_KINDS:
            where += f',"pid":{header.pid},"tid":{header.tgid}'
        if header.lost:
            own += f'{"," if own else ""}"lost":{header.lost}'
        own = own and f',"{OWN}":{{{own}}}'
        return f"{{{_common(header)}{where}{stack}}}{''.join(sections)}{own}}}\n"

    def _section(self, name: str, section: Any) -> str:  # noqa: ANN401 - a section class of any collector
        found = self._sections.get(name)
        if found is None or found[0] is not type(section):
            if name in RESERVED:
                raise PluginError(f"section {name} cannot be written as JSON: the name is taken", hint="rename it")
            found = self._sections[name] = type(section), encoder(type(section))
        try:
            return f',"{name}":{found[1](section)}'
        except Exception as error:
            raise PluginError(
                f"section {name} cannot be written as JSON: {type(error).__name__}: {error}",
                hint="its values are not of the types that it declares; leave its collector out of -c",
            ) from error


def startup_line(about: About) -> str:
    """The first line of a file."""
    seconds, ns = divmod(about.clock_offset, 10**9)
    probes = [{"symbol": p.symbol, "probe_type": p.kind} | ({"path": p.path} if p.path else {}) for p in about.probes]
    startup = {
        "retis_version": f"v{FORMAT}+{about.writer.replace(' ', '.')}",
        "cmdline": about.command,
        "clock_monotonic_offset": {"sec": seconds, "nsec": ns},
        "machine": {
            "kernel_release": about.kernel_release,
            "kernel_version": about.kernel_version,
            "hardware_name": about.hardware,
        },
    }
    own = {"probes": probes, "collectors": dict(about.collectors), "sections": dict(about.sections)}
    return compact({"common": {"timestamp": about.started}, "startup": startup, OWN: own}) + "\n"


def _probe(probe: ProbeInfo) -> tuple[str, str]:
    """The start of ``kernel`` or ``userspace``, and what goes into our own section."""
    symbol = compact(_clean(probe.symbol))
    if probe.kind in USER_KINDS:
        # readers insist on the address, which events do not have
        path = compact(_clean(probe.path))
        return f'"userspace":{{"probe_type":"{probe.kind}","symbol":{symbol},"ip":0,"path":{path}', ""
    shown = _AS.get(probe.kind, probe.kind)
    own = "" if shown == probe.kind else f'"probe_type":"{probe.kind}"'
    return f'"kernel":{{"symbol":{symbol},"probe_type":"{shown}"', own


def _common(header: Header) -> str:
    return (
        f'"common":{{"timestamp":{header.timestamp},"smp_id":{header.cpu},'
        f'"task":{{"pid":{header.pid},"tgid":{header.tgid},"comm":{_comm(header.comm)}}}}},'
    )


@lru_cache(4096)
def _comm(name: bytes) -> str:
    return compact(text(name))


def _clean(name: str) -> str:
    """A name without what stands for bytes that are no UTF-8: readers refuse it."""
    return text(name.encode(errors="surrogateescape"))
