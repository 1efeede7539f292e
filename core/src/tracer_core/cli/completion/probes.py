"""Probes that this kernel has, by the beginning of their names: without root what anybody may read, and no errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from tracer_core.cli.completion.shells import OPEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click

_TYPES = {
    "tp": "tracepoint, GROUP:NAME",
    "kprobe": "entry of a function, by kprobe",
    "kretprobe": "return of a function, by kretprobe",
    "fentry": "entry of a function, by trampoline",
    "fexit": "return of a function, by trampoline",
}
_SHORT = {"raw_tracepoint": "tp", "k": "kprobe", "kr": "kretprobe"}
_OPTIONS = {"stack": "show the calls that led there", "ftrace": "show what the function calls for a packet, too"}
_TRACING = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
_SYMBOLS = "/proc/kallsyms"
_CODE = b"tTwW"  # types of symbols that are functions, as nm(1) has them


def places(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """``[TYPE:]TARGET``: types, tracepoints a step at a time, functions."""
    return list(_places(incomplete))


def probes(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The same, and their options behind a ``/``."""
    before, slash, last = incomplete.rpartition("/")
    if not slash:
        return list(_places(incomplete))
    found = (name for name in _OPTIONS if name.startswith(last) and name not in before.split("/"))
    return [CompletionItem(f"{before}/{name}", help=_OPTIONS[name]) for name in found]


def _places(incomplete: str) -> Iterator[CompletionItem[str]]:
    kind, colon, target = incomplete.partition(":")
    known = _SHORT.get(kind, kind)
    if colon and known == "tp":
        yield from _events(f"{kind}:", target)
    elif colon and known in _TYPES:
        yield from (CompletionItem(f"{kind}:{name}") for name in functions(target))
    elif colon:
        yield from _events("", incomplete)
    else:
        for name, meaning in _TYPES.items():
            if name.startswith(incomplete):
                yield CompletionItem(f"{name}:", type=OPEN, help=meaning)
        if incomplete:  # else they hide the types
            yield from _events("", incomplete)
        yield from map(CompletionItem, functions(incomplete))


def _events(prefix: str, target: str) -> Iterator[CompletionItem[str]]:
    """Tracepoints: groups first, and then what is in one, or may be where tracefs cannot be read."""
    known = events()
    group, colon, start = target.partition(":")
    if colon and not known:
        names = _names(start) if prefix or group in _groups() else []
        yield from (CompletionItem(f"{prefix}{group}:{name}") for name in names)
    elif colon:
        yield from (CompletionItem(prefix + name) for name in known if name.startswith(target))
    else:
        groups = dict.fromkeys(name.partition(":")[0] for name in known) or _groups()
        found = (name for name in groups if name.startswith(group))
        yield from (CompletionItem(f"{prefix}{name}:", type=OPEN, help="group of tracepoints") for name in found)


def events() -> list[str]:
    """Tracepoints, ``group:name``; none where tracefs cannot be read."""
    return sorted(set(_tracefs("available_events").decode(errors="replace").split()))


def _groups() -> list[str]:
    """Groups of tracepoints without tracefs: those that have a symbol, or else those of the usual probes.

    ``TRACE_SYSTEM_STRING`` of include/trace/stages/init.h is listed where the kernel lists data (``KALLSYMS_ALL``).
    """
    found = {name.decode() for name in re.findall(rb" str__(\w+)__trace_system_name[\t\n]", _read(_SYMBOLS))}
    if not found:
        from tracer_core.plan.request import DEFAULT_PROBES, DEFAULT_STACK_PROBES  # noqa: PLC0415 - for those who ask

        found = {probe.split(":")[1] for probe in (*DEFAULT_PROBES, *DEFAULT_STACK_PROBES)}
    return sorted(found)


def _names(start: str) -> list[str]:
    """Tracepoints with names that begin so, by the kernel's types, which do not tell groups; of all, too many."""
    if not start:
        return []
    from tracer_core.kernel.live import LiveKernel  # noqa: PLC0415 - for those who ask

    return sorted(name for name in LiveKernel().tracepoint_names() if name.startswith(start))


def functions(start: str) -> list[str]:
    """Functions with names that begin so; of all, there are too many.

    Where tracefs cannot be read, those of the kernel's list of symbols.
    """
    if not start:
        return []
    wanted = re.escape(start.encode())
    # patterns begin with what they look for: others take many times as long for 100,000 lines
    if text := _tracefs("available_filter_functions"):
        names = re.findall(rb"\n(" + wanted + rb"\w*)(?=[ \n])", b"\n" + text)
    else:
        text = _read(_SYMBOLS)
        found = re.finditer(rb" (" + wanted + rb"\w*)[\t\n]", text)
        names = [match[1] for match in found if text[match.start() - 1] in _CODE]
    return sorted({name.decode() for name in names})


def _tracefs(name: str) -> bytes:
    texts = (_read(f"{folder}/{name}") for folder in _TRACING)
    return next(filter(None, texts), b"")


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib takes its time
            return file.read()
    except OSError:
        return b""
