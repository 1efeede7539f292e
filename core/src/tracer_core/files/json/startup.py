"""The first line of JSON lines: what the events' run was. Those of Retis 1.5 to 1.7 can be read."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tracer_core.events.about import About, Split
from tracer_core.files.json.form import FormError, compact, integer, shown
from tracer_core.sections import ProbeInfo
from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = "1.7.0"
"""Version of Retis whose format is written."""

OWN = "tracer"
"""The section for what the format has no place for."""

OLDEST = (1, 5)
"""Version of Retis whose files can be read."""

NEWEST = (sys.maxsize,)
"""Taken for the version of Retis where a file tells none, as builds that are no release: ``unspec``."""

_UNKNOWN = "unknown"  # what Retis itself says where files before 1.7 say nothing
_KINDS = {kind.value: kind.label for kind in ProbeKind}


def startup_line(about: About) -> str:
    """The first event of a file."""
    seconds, ns = divmod(about.clock_offset, 10**9)
    startup: dict[str, Any] = {
        "retis_version": version_of(about),
        "cmdline": about.command,
        "clock_monotonic_offset": {"sec": seconds, "nsec": ns},
        "machine": {
            "kernel_release": about.kernel_release,
            "kernel_version": about.kernel_version,
            "hardware_name": about.hardware,
        },
    }
    if about.split is not None:
        startup["split_file"] = {"id": about.split.number, "policy": {"kind": "size", "limit": about.split.limit}}
    return compact({"common": {"timestamp": about.started}, "startup": startup, OWN: startup_own(about)})


def startup_own(about: About) -> dict[str, Any]:
    """What it says in the section that is ours."""
    probes = [{"symbol": p.symbol, "probe_type": p.kind} | ({"path": p.path} if p.path else {}) for p in about.probes]
    return {"probes": probes, "collectors": dict(about.collectors), "sections": dict(about.sections)}


def read_startup(values: Mapping[str, Any]) -> tuple[About, tuple[int, ...]]:
    """What a first event says, and the version of Retis whose format the file has.

    Raises:
        FormError: it is of a version that cannot be read.
        KeyError, TypeError, ValueError, AttributeError: it is no such event.
    """
    startup, own = values["startup"], values.get(OWN, {})
    if type(startup) is not dict:
        raise FormError(f"startup is {shown(startup)}, no object")
    writer, version = _version(startup["retis_version"])
    if version < (1, 7):
        startup = {"machine": dict.fromkeys(_MACHINE, _UNKNOWN), "cmdline": _UNKNOWN, **startup}
    offset, machine, split = startup["clock_monotonic_offset"], startup["machine"], startup.get("split_file")
    about = About(
        writer=writer,
        command=startup["cmdline"],
        started=values["common"]["timestamp"],
        clock_offset=_whole(offset, "sec") * 10**9 + _whole(offset, "nsec"),
        kernel_release=machine["kernel_release"],
        kernel_version=machine["kernel_version"],
        hardware=machine["hardware_name"],
        probes=tuple(place(p, p.get("path", "")) for p in own.get("probes", ())),
        collectors=dict(own.get("collectors", {})),
        sections=dict(own.get("sections", {})),
        split=Split(split["id"], split["policy"]["limit"]) if split else None,
    )
    return about, version


def _whole(values: Mapping[str, Any], name: str) -> int:
    try:
        return integer(values[name], "int64")
    except FormError as error:
        raise FormError(f"{name} is {shown(values[name])}, {error}") from error


def version_of(about: About) -> str:
    """Version of the format, and who recorded the events."""
    return f"v{FORMAT}+{about.writer.replace(' ', '.')}"


_MACHINE = ("kernel_release", "kernel_version", "hardware_name")


def place(values: Mapping[str, Any], path: str = "", ip: int = 0) -> ProbeInfo:
    """A probe as JSON names it.

    Raises:
        FormError: a name is no text.
        KeyError: it has none.
    """
    names = values["probe_type"], values["symbol"], path
    for name in names:
        if type(name) is not str:
            raise FormError(f"the name of a probe is {shown(name)}, no text")
    return probe_info(*names, ip)


@lru_cache(4096)
def probe_info(kind: str, symbol: str, path: str, ip: int) -> ProbeInfo:
    """A probe as events name it."""
    return ProbeInfo(symbol, kind, _KINDS.get(kind, "invalid" if kind else ""), path, ip)


def _version(text: object) -> tuple[str, tuple[int, ...]]:
    if type(text) is not str:
        raise FormError(f"retis_version is {shown(text)}, no text")
    numbers, _, build = text.partition("+")
    parts = numbers.removeprefix("v").partition("-")[0].split(".")
    version = tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else NEWEST
    if version < OLDEST:
        raise FormError(f"it is of Retis {text}; files of {'.'.join(map(str, OLDEST))} and later can be read")
    return build.replace(".", " ", 1) if build else f"Retis {text}", version
