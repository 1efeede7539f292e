"""The JSON of events: a batch of them at a time, each column once."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tracer_core.errors import PluginError
from tracer_core.files.contents import in_process, is_nowhere
from tracer_core.files.json.form import chars, compact, objects, parse
from tracer_core.files.json.startup import OWN
from tracer_core.sections import Stack
from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tracer_core.events.batch import EventBatch, SectionColumns
    from tracer_core.sections import ProbeInfo

RESERVED = frozenset({"common", "kernel", "userspace", "startup", OWN})
"""Names that no section of a collector can have in these files."""

_AS = {ProbeKind.FENTRY.value: ProbeKind.KPROBE.value, ProbeKind.FEXIT.value: ProbeKind.KRETPROBE.value}
"""Kinds that the format does not know, and what they are to its readers: the same place, attached to otherwise."""

_REMEMBERED = 1 << 14  # tasks, probes


def texts_of(batch: EventBatch) -> list[str]:
    """A JSON object for each event.

    Raises:
        PluginError: a section cannot be written.
    """
    probes = batch.header["probe"].tolist()
    places = [_place(probe) for probe in batch.probes]
    users = [in_process(probe) for probe in batch.probes]
    texts = _heads(batch, [places[probe][0] for probe in probes])
    if any(users):
        ids = zip(probes, batch.header["pid"].tolist(), batch.header["tgid"].tolist(), strict=True)
        _append(texts, (f',"pid":{pid or 0},"tid":{tgid or 0}' if users[probe] else "" for probe, pid, tgid in ids))
    stacks = next((section for section in batch.sections if section.form.cls is Stack), None)
    if stacks is not None:
        _append_stacks(texts, stacks, batch, [bool(places[probe][0]) + users[probe] for probe in probes])
    _append(texts, ("}" if places[probe][0] else "" for probe in probes))
    for section in batch.sections:
        if section is not stacks:
            _append_section(texts, section, batch)
    own = [places[probe][1] for probe in probes]
    _append(texts, map(_own, own, batch.header["lost"].tolist()))
    _append(texts, "}" * batch.count)
    for row, others in enumerate(batch.undeclared or ()):
        if others:
            texts[row] = _with(texts[row], others)
    return texts


def _heads(batch: EventBatch, places: Iterable[str]) -> list[str]:
    header = batch.header
    tasks = map(_task, *(header[name].tolist() for name in ("cpu", "comm", "pid", "tgid")))
    return [
        f'{{"common":{{"timestamp":{time}{task}{place}'
        for time, task, place in zip(header["timestamp"].tolist(), tasks, places, strict=True)
    ]


def _append_stacks(texts: list[str], stacks: SectionColumns, batch: EventBatch, places: list[int]) -> None:
    """Put stacks where they belong: of probes that are nowhere (0), in the kernel (1), and in processes (2)."""
    for row, stack in zip(stacks.rows_in(batch), stacks.objects, strict=True):
        frames = compact(stack.frames)
        if places[row] == 1:
            texts[row] += f',"stack_trace":{frames}'
            continue
        # the format has a place for stacks of the kernel alone
        begin, end = ("}", "") if places[row] else ("", "}")
        texts[row] += f'{begin},"stack":{{"size":{stack.size},"frames":{frames}{end}'


def _append_section(texts: list[str], section: SectionColumns, batch: EventBatch) -> None:
    name = section.form.name
    if name in RESERVED:
        raise PluginError(f"section {name} cannot be written as JSON: the name is taken", hint="rename it")
    try:
        found = objects(section)
    except Exception as error:
        raise PluginError(
            f"section {name} cannot be written as JSON: {type(error).__name__}: {error}",
            hint="its values are not of the types that it declares; leave its collector out of -c",
        ) from error
    for row, text in zip(section.rows_in(batch), found, strict=True):
        texts[row] += f',"{name}":{text}'


def _append(texts: list[str], more: Iterable[str]) -> None:
    texts[:] = [text + end for text, end in zip(texts, more, strict=True)]


@lru_cache(_REMEMBERED)
def _task(cpu: int | None, comm: bytes | None, pid: int | None, tgid: int | None) -> str:
    """The end of ``common``."""
    smp_id = "" if cpu is None else f',"smp_id":{cpu}'
    task = "" if comm is None else f',"task":{{"pid":{pid},"tgid":{tgid},"comm":{chars(comm)}}}'
    return f"{smp_id}{task}}}"


@lru_cache(_REMEMBERED)
def _place(probe: ProbeInfo) -> tuple[str, str]:
    """The start of ``kernel`` or ``userspace``, if events have that, and what goes into our own section."""
    if is_nowhere(probe):
        return "", ""
    symbol = compact(text_name(probe.symbol))
    if in_process(probe):
        # readers insist on the address, which not all events have
        where = f'"symbol":{symbol},"ip":{probe.ip},"path":{compact(text_name(probe.path))}'
        return f',"userspace":{{"probe_type":"{probe.kind}",{where}', ""
    shown = kind_shown(probe)
    own = "" if shown == probe.kind else f'"probe_type":"{probe.kind}"'
    return f',"kernel":{{"symbol":{symbol},"probe_type":{compact(shown)}', own


def kind_shown(probe: ProbeInfo) -> str:
    """The kind of a probe as these files name it: where it is, not how it is attached to."""
    return _AS.get(probe.kind, probe.kind)


def text_name(name: str) -> str:
    """A name without what stands for bytes that are no UTF-8: readers refuse it."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


def _own(own: str, lost: int) -> str:
    if lost:
        own += f'{"," if own else ""}"lost":{lost}'
    return own and f',"{OWN}":{{{own}}}'


def _with(text: str, others: Mapping[str, Any]) -> str:
    """An event with what nobody here declares."""
    return compact(_merged(parse(text), others))


def _merged(values: dict[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    for name, other in others.items():
        value = values.get(name)
        values[name] = _merged(value, other) if isinstance(value, dict) and isinstance(other, dict) else other
    return values
