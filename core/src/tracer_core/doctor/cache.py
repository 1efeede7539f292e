"""Check of the cache of compiled programs: where it is, how much it holds, whether it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.backend.cache import MAX_BYTES, VARIABLE, held
from tracer_core.doctor.check import Check, Finding, denied, missing, ok

if TYPE_CHECKING:
    from tracer_core.doctor.system import System

_MIB = 1 << 20


def compile_cache(system: System) -> Finding:
    """Without it a run takes a quarter of a second longer to start, and seconds on slow machines."""
    path = system.cache
    if path is None:
        return ok(f"none, every run compiles: {VARIABLE} can say where one may be")
    try:
        found = held(path)
    except FileNotFoundError:
        return ok(f"{path}: not there yet")
    except OSError as error:
        return missing(f"{path} is not used, every run compiles: {error.strerror}", f"set {VARIABLE} to a folder")
    if found.distrust:
        return denied(f"{path} is not used, every run compiles: {found.distrust}", f"remove it, or set {VARIABLE}")
    return ok(f"{path}: {found.files} files, {found.size / _MIB:.1f} of {MAX_BYTES // _MIB} MiB")


CHECKS = (Check("compile cache", compile_cache),)
