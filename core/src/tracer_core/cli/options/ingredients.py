"""What a collection is made of, as the options of ``tracer collect`` say."""

from __future__ import annotations

import logging
import shlex
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tracer_core.cli.options.output import Kind, Sorting, open_output
from tracer_core.cli.options.rotation import refuse_small
from tracer_core.cli.options.text import text_format
from tracer_core.errors import UsageError
from tracer_core.plugins.declaration import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tracer_core.backend.base import Backend
    from tracer_core.changes.changes import Changes
    from tracer_core.cli.options.collect import CollectOptions
    from tracer_core.cli.options.kernel import KernelChoice
    from tracer_core.compose.composition import Machine
    from tracer_core.display.text import TextFormat
    from tracer_core.files.target_files import TargetFiles
    from tracer_core.filters.metadata.wanted import MetadataFilter
    from tracer_core.filters.packet import PacketFilter
    from tracer_core.kernel.view import TypedKernel
    from tracer_core.plan.request import Abilities, Userspace
    from tracer_core.run.prepare import Prepared
    from tracer_core.run.summary import Summary

log = logging.getLogger(__name__)


@contextmanager
def changes_of(options: CollectOptions) -> Iterator[Changes | None]:
    """What makes changes, if the user allows them, with the core's own made. First, what others left is undone."""
    from tracer_core.changes.changes import Changes, clean  # noqa: PLC0415 - only runs need it

    clean()
    if not options.may_change:
        yield None
        return
    from tracer_core.changes.tracefs import mounted  # noqa: PLC0415 - only some runs need it

    changes = Changes()
    with mounted(changes):
        yield changes


def described(prepared: Prepared) -> Iterator[str]:
    """What would be changed on the machine, and what does not work as it should."""
    for owner, changes in (prepared.changes or {}).items():
        yield from (f"change for {shown(owner.name)}: {change.what}: {shlex.join(change.do)}" for change in changes)
    if prepared.plan.weakness:
        yield f"tracking: {prepared.plan.weakness}"


def packet_filter_of(options: CollectOptions) -> PacketFilter | None:
    """What packets must look like, if the user says so."""
    if not options.filters:
        return None
    from tracer_core.filters.packet import packet_filter  # noqa: PLC0415 - only some runs need it

    found = packet_filter(options.filters)
    for text, reason in found.no_datagrams:
        log.debug("packets without a link layer do not match %s: %s", text, reason)
    log.info("%s packet filter(s) loaded", "L2" if found.no_datagrams else "L2+L3")
    return found


def metadata_filter_of(options: CollectOptions) -> MetadataFilter | None:
    """What metadata must be, if the user says so."""
    if not options.metadata:
        return None
    from tracer_core.filters.metadata.wanted import metadata_filter  # noqa: PLC0415 - only some runs need it

    return metadata_filter(options.metadata)


def kernel_of(choice: KernelChoice) -> TypedKernel:
    """The kernel that is traced, or a recorded one."""
    if choice.recorded:
        from tracer_core.kernel.recorded import RecordedKernel  # noqa: PLC0415

        return RecordedKernel(choice.recorded)
    from tracer_core.kernel.live import LiveKernel  # noqa: PLC0415

    return LiveKernel(kconf=choice.kconf)


def abilities_of(choice: KernelChoice, kernel: TypedKernel, reads: str = "auto") -> Abilities:
    """What there is to attach with: tried on the running kernel, taken for granted on a recorded one.

    Args:
        choice: Which kernel.
        kernel: That.
        reads: How programs read its memory, a value of ``--reads``.
    """
    typed = None if reads == "auto" else reads == "load"
    if choice.recorded:
        from tracer_core.plan.request import Fixed  # noqa: PLC0415

        return Fixed(typed=typed is not False)
    from tracer_core.backend.abilities import LiveAbilities  # noqa: PLC0415

    return LiveAbilities(lambda: kernel.btf, typed=typed)


def userspace_of(choice: KernelChoice) -> Userspace | None:
    """The processes beside the kernel; a recorded one has none."""
    if choice.recorded:
        return None
    from tracer_core.userspace.lookup import LiveUserspace  # noqa: PLC0415

    return LiveUserspace()


def backend_of(options: CollectOptions, machine: Machine) -> Callable[[], Backend] | None:
    """Makes the backend the user wants, or nothing if the run ends before it needs one."""
    if options.dry_run or options.print_bpf:
        return None
    from tracer_core.backend.bcc import BccBackend  # noqa: PLC0415
    from tracer_core.backend.replay import RecordingBackend, ReplayBackend  # noqa: PLC0415

    if raw := options.replay_raw:
        return lambda: ReplayBackend(raw)
    if options.recorded:
        hint = "add --dry-run, --print-bpf or --replay-raw"
        raise UsageError("--kernel: a recorded kernel cannot be traced", hint=hint)
    if record := options.record_raw:
        return lambda: RecordingBackend(BccBackend(machine), record)
    return lambda: BccBackend(machine)


def prints(options: CollectOptions) -> bool:
    """Whether events are printed."""
    if options.also_print and not options.out:
        raise UsageError("--print needs -o: without a file, events are printed anyway", hint="leave it out")
    return options.also_print or not (options.out or pipe_of(options))


def pipe_of(options: CollectOptions) -> tuple[int, int] | None:
    """The pipe to the program that started us, if it takes the events, and how many bytes may wait there.

    Raises:
        UsageError: they are to go to stdout, too, or there will be none.
    """
    if options.to_fd is None:
        return None
    flags = {"--print": options.also_print, "--dry-run": options.dry_run, "--print-bpf": options.print_bpf}
    for flag, is_given in flags.items():
        if is_given:
            raise UsageError(
                f"{flag}: a program takes the events, and nobody reads what is printed", hint="leave it out"
            )
    return options.to_fd, options.queue


def sorting_of(prepared: Prepared, options: CollectOptions, *, live: bool) -> Sorting | None:
    """How events are sorted, if they are."""
    if not options.sort:
        return None
    from tracer_core.run.tracked_data import TrackedDataRecords  # noqa: PLC0415 - only some runs need it

    if all(declaration.spec.identity is None for declaration in prepared.declarations):
        what = "--sort: no selected collector tells which packet an event is of"
        raise UsageError(what, hint="add one that follows packets to -c, or leave -c out; see: tracer plugins")
    return Sorting(TrackedDataRecords(prepared.plan), options.most, options.sort_timeout, live)


def text_of(prepared: Prepared, options: CollectOptions) -> TextFormat:
    """How they are printed."""
    return text_format([(d.owner, f) for d in prepared.readers for f in d.formatters], options)


def advise(options: CollectOptions) -> None:
    """Tell what users do not expect who watch all packets of the machine that they are at the terminal of."""
    from tracer_core.cli.hints.ssh import advice  # noqa: PLC0415 - only some runs need it

    watches_all = not (options.filters or options.metadata or options.netns or options.replay_raw)
    if watches_all and sys.stdout.isatty() and (told := advice()):
        log.info("%s", told)


def summary_of(prepared: Prepared) -> Summary | None:
    """What says at the end what was seen, if such messages are shown."""
    if not log.isEnabledFor(logging.INFO):
        return None
    from tracer_core.run.summary import Summary  # noqa: PLC0415 - ditto

    return Summary(declaration.spec for declaration in prepared.declarations)


def files_of(
    options: CollectOptions, prepared: Prepared, sorting: Sorting | None
) -> tuple[TargetFiles | None, Kind | None]:
    """The files that events go to, if they do, and their kind."""
    limit, count = options.rotate or 0, options.rotate_count or 0
    if not options.out:
        if limit or count:
            raise UsageError("--out-rotate needs -o: without a file, there is nothing to rotate", hint="add -o FILE")
        return None, None
    if count and not limit:
        raise UsageError("--out-rotate-count needs --out-rotate", hint="say how large each file may be: -r 10MB")
    kind = Kind.of(options.out, without=Kind.PARQUET)
    if kind is Kind.PARQUET:
        hint = "write FILE.arrow, and then: tracer convert FILE.arrow FILE.parquet"
        raise UsageError("-o: a Parquet file is useless until it is whole, so runs do not write any", hint=hint)
    if limit:
        refuse_small(limit, kind, prepared, sorting)
    return open_output(options.out, kind, limit=limit, count=count), kind
