"""What the user says with the options of ``tracer collect``. Each field is the parameter of its name: see its help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.cli.options.kernel import KernelChoice
from tracer_core.cli.options.text import TextChoice

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class CollectOptions(KernelChoice, TextChoice):
    """All options of the command, but those of collectors."""

    # what is traced
    collectors: tuple[str, ...]
    probes: tuple[str, ...]
    all_skb: bool
    stack: bool
    probe_stack: bool
    follow_stack: bool
    # which packets
    filters: tuple[str, ...]
    metadata: tuple[str, ...]
    netns: tuple[str, ...]
    # where events go
    out: Path | None
    rotate: int | None
    rotate_count: int | None
    also_print: bool
    to_fd: int | None
    queue: int
    sort: bool
    sort_timeout: float
    most: int
    # when it ends
    command: str | None
    stop_after: int
    # how it runs
    may_change: bool
    ring_size: int
    reads: str
    # for finding faults
    dry_run: bool
    print_bpf: bool
    ready_file: Path | None
    record_raw: Path | None
    replay_raw: Path | None
