"""The core's own C, and the marks by which a compile error names the file that is to blame."""

from __future__ import annotations

from functools import cache

from tracer_core.types import BpfSource

GENERATED = "tracer"
"""Origin of the text that belongs to nobody's file."""


@cache
def core_source(name: str) -> BpfSource:
    """A file of ``compose/bpf``."""
    return BpfSource.resource("tracer_core", f"compose/bpf/{name}")


def line(origin: str) -> str:
    """Says that what follows is the beginning of a file."""
    return f'#line 1 "{origin}"\n'


def marked(source: BpfSource) -> str:
    """The text of a file, marked as such."""
    return f"{line(source.origin)}{source.text.rstrip()}\n"
