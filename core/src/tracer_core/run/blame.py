"""Whose fault a compiler's or verifier's refusal is.

The compiler names a file and a line, thanks to ``#line``. The verifier names nothing that can be relied on, so the
program is built again without one collector at a time: the one without which it is accepted is to blame.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from tracer_core.backend.compiler import CompileError
from tracer_core.backend.programs import LoadError
from tracer_core.errors import PluginError, RunError, TracerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracer_core.plugins.declaration import Declaration, Owner
    from tracer_core.run.prepare import Prepared

log = logging.getLogger(__name__)

_CLANG_ERROR = re.compile(r"^(?P<file>[^:\n]+):(?P<line>\d+):\d+: (?:fatal )?error: (?P<text>.+)$", re.MULTILINE)


def explain(error: TracerError, prepared: Prepared, build_without: Callable[[str], None]) -> TracerError:
    """Turn a refusal into an error that names the collector, if one is to blame.

    Args:
        error: What was raised.
        prepared: The run that failed.
        build_without: Compiles and loads the run without the collector of that name, raising what it raises.

    Returns:
        A better error, or the same.
    """
    if isinstance(error, (CompileError, LoadError)):
        log.debug("%s", error.log)
    if isinstance(error, CompileError):
        return _from_clang(error, prepared) or _by_trial(error, prepared, build_without, error.message)
    if isinstance(error, LoadError):
        return _by_trial(error, prepared, build_without, _verdict(error.log) or error.message)
    return error


def _from_clang(error: CompileError, prepared: Prepared) -> TracerError | None:
    for match in _CLANG_ERROR.finditer(error.log):
        owner = _owner_of(match["file"], prepared)
        if owner is not None:
            return PluginError(
                f"{owner}: {match['file']}:{match['line']}: {match['text']}",
                hint="its C does not compile for this kernel; leave it out of -c, or see --print-bpf",
            )
    return None


def _owner_of(origin: str, prepared: Prepared) -> Owner | None:
    return next((d.owner for d in prepared.declarations if origin in _origins(d)), None)


def _origins(declaration: Declaration) -> set[str]:
    fragments = {fragment.source.origin for fragment in declaration.fragments}
    return fragments | {getter.source.origin for getter in declaration.getters}


def _by_trial(error: TracerError, prepared: Prepared, build_without: Callable[[str], None], reason: str) -> TracerError:
    text = error.message if reason == error.message else f"{error.message}: {reason}"
    owners = [d.owner for d in prepared.declarations]
    for owner in owners:
        if len(owners) > 1:
            try:
                build_without(owner.name)
            except TracerError:
                continue
        return PluginError(f"{owner}: {text}", hint="leave it out of -c, or see --print-bpf")
    return RunError(text, hint=error.hint)


def _verdict(log: str) -> str:
    """The line of a verifier log that says what is wrong: the last one before the statistics."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("processed ", "verification time", "stack depth"))]
    return told[-1] if told else ""
