"""Recording a kernel: the facts that :mod:`tracer_core.kernel.roots` chooses, as a small directory.

The same kernel gives the same bytes. What is kept is as in the kernel, to the bit; the rest is gone.
"""

from __future__ import annotations

import json
import lzma
import re
from typing import TYPE_CHECKING

from tracer_core.kernel import roots
from tracer_core.kernel.base import TRACEPOINT_CALLER, BtfKernel
from tracer_core.kernel.btf_types import TRACEPOINT, Kind
from tracer_core.kernel.recorded import FORMAT, META
from tracer_core.kernel.trim import Trim

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tracer_core.kernel.source import Source


def record(source: Source, out: Path, **meta: str) -> dict[str, int]:
    """Record a kernel.

    Args:
        source: Its raw material.
        out: The directory to write to, made if need be; files of an earlier recording are replaced.
        meta: What else to note in ``meta.json``; ``release`` overrides the source's.

    Returns:
        Bytes written, by file name.

    Raises:
        MachineError: the kernel has no type information, or its configuration is none.
    """
    kernel = BtfKernel(source)
    trims = {"vmlinux": Trim(kernel.btf)}
    for module in sorted(roots.MODULES & set(source.split_modules())):
        trims[module] = Trim(kernel.module_btf(module), base=trims["vmlinux"])
    functions: set[str] = set()
    events: set[str] = set()
    for trim in trims.values():
        _keep_types(trim)
        functions |= _keep_functions(trim, kernel)
        events |= _keep_tracepoints(trim, kernel)
    of_events = (prefix + name for name in events for prefix in ("__tracepoint_", TRACEPOINT_CALLER))
    symbols = functions | set(of_events) | roots.SYMBOLS
    files = {f"{name}.btf": trim.encode() for name, trim in trims.items()}
    files["kallsyms"] = _cut(source.kallsyms(), 2, symbols)
    files["modules"] = b"".join(b"%s\n" % name.encode() for name in sorted(kernel.modules))
    files |= _tracefs(source, functions, events)
    files |= _config(kernel)
    return _write(out, files, {"release": source.release, **meta})


def _keep_types(trim: Trim) -> None:
    for names, kinds in (
        (roots.STRUCTS, (Kind.STRUCT, Kind.UNION)),
        (roots.ENUMS, (Kind.ENUM, Kind.ENUM64)),
    ):
        for kind in kinds:
            known = trim.source.all_of(kind)
            for name in sorted(names & known.keys()):
                trim.keep(known[name])


def _keep_functions(trim: Trim, kernel: BtfKernel) -> set[str]:
    kept = set()
    for name, type_id in trim.source.all_of(Kind.FUNC).items():
        if name not in roots.NAMED:
            if not roots.FUNCTIONS.fullmatch(name):
                continue
            prototype = kernel.function(name)
            if prototype is None or not any(p.type in roots.PACKET_TYPES for p in prototype.params):
                continue
        trim.keep(type_id)
        kept.add(name)
    return kept


def _keep_tracepoints(trim: Trim, kernel: BtfKernel) -> set[str]:
    functions = trim.source.all_of(Kind.FUNC)
    kept = set()
    for typedef, type_id in trim.source.all_of(Kind.TYPEDEF).items():
        name = typedef.removeprefix(TRACEPOINT)
        prototype = kernel.tracepoint(name) if name != typedef else None
        if prototype is None:
            continue
        if name in roots.NAMED or any(p.type in roots.EVENT_TYPES for p in prototype.params):
            trim.keep(type_id)
            kept.add(name)
            if (caller := functions.get(TRACEPOINT_CALLER + name)) is not None:  # which knows the names of parameters
                trim.keep(caller)
    return kept


def _tracefs(source: Source, functions: Iterable[str], events: Iterable[str]) -> dict[str, bytes]:
    files = {}
    text = source.available_events()
    if text is not None:
        wanted = {event.encode() for event in events}
        files["available_events"] = b"".join(
            line for line in text.splitlines(keepends=True) if line.strip().rpartition(b":")[2] in wanted
        )
    text = source.available_functions()
    if text is not None:
        files["available_filter_functions"] = _cut(text, 0, functions)
    return files


def _cut(text: bytes, field: int, names: Iterable[str]) -> bytes:
    """Lines of which a field is one of the names, or a variant of it that the compiler made."""
    wanted = {name.encode() for name in names}
    return b"".join(
        line
        for line in text.splitlines(keepends=True)
        if len(words := line.split(None, field + 1)) > field and words[field].partition(b".")[0] in wanted
    )


def _config(kernel: BtfKernel) -> dict[str, bytes]:
    options = kernel.options
    kept = sorted(name for name in options if roots.CONFIG.fullmatch(name))
    text = "".join(_option(name, options[name]) for name in kept)
    return {"config": text.encode()} if text else {}


def _option(name: str, value: str) -> str:
    if value == "n":
        return f"# {name} is not set\n"
    plain = re.fullmatch(r"[ym]|-?\d+|0x[0-9a-fA-F]+", value)
    return f"{name}={value}\n" if plain else f'{name}="{value}"\n'


def _write(out: Path, files: dict[str, bytes], meta: dict[str, str]) -> dict[str, int]:
    out.mkdir(parents=True, exist_ok=True)
    for stale in out.glob("*.xz"):
        stale.unlink()
    for name, content in files.items():
        (out / f"{name}.xz").write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))
    text = json.dumps({"format": FORMAT, **meta}, indent=2, sort_keys=True) + "\n"
    (out / META).write_text(text, encoding="utf-8")
    return {path.name: path.stat().st_size for path in sorted(out.iterdir())}
