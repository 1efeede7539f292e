"""``tracer collect``."""

from __future__ import annotations

import logging
import os
import shlex
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import click

from tracer_core.cli.collectors import CollectorCommand, selection
from tracer_core.cli.output import DEFAULT_OUT, Kind, Sorting, make_sinks, max_buffer_option, open_output
from tracer_core.cli.size import file_size, size
from tracer_core.cli.text import text_format, text_options
from tracer_core.errors import ExitCode, MachineError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tracer_core.backend.base import Backend
    from tracer_core.changes.changes import Changes
    from tracer_core.compose.composition import Machine
    from tracer_core.display.text import TextFormat
    from tracer_core.files.target_files import TargetFiles
    from tracer_core.filters.metadata.wanted import MetadataFilter
    from tracer_core.filters.packet import PacketFilter
    from tracer_core.kernel.view import Kernel
    from tracer_core.plan.request import Abilities, Userspace
    from tracer_core.run.prepare import Prepared

log = logging.getLogger(__name__)

DEFAULT_PROBES = ("tp:net:netif_receive_skb", "tp:net:net_dev_start_xmit")
"""Attached to if the user leaves both probes and collectors to us."""


@click.command(cls=CollectorCommand)
@click.option(
    "-c",
    "--collectors",
    multiple=True,
    metavar="LIST",
    help="Collectors to run, comma-separated; 'auto' takes all that can.  [default: auto]",
)
@click.option(
    "-p",
    "--probe",
    "probes",
    multiple=True,
    metavar="[TYPE:]TARGET[/stack][/ftrace]",
    help="Where to attach: FUNCTION or tp:GROUP:NAME, with '*' for any characters; "
    "TYPE may be kprobe, kretprobe, fentry, fexit. /stack shows the calls that led there; with /ftrace, what the "
    "function calls for a packet is shown, too, where it is probed.",
)
@click.option(
    "-f",
    "--filter-packet",
    "filters",
    multiple=True,
    metavar="EXPRESSION",
    help="Only packets that match, as in tcpdump: 'icmp and host 192.0.2.1'; they are followed from then on, whatever "
    "becomes of them. Several must all match.",
)
@click.option(
    "-m",
    "--filter-meta",
    "metadata",
    multiple=True,
    metavar="EXPRESSION",
    help="Only packets whose metadata match: 'sk_buff.mark == 0x100 and sk_buff.dev.mtu > 1500'; also members of "
    "other arguments, and retval. Several must all match.",
)
@click.option(
    "--follow-stack",
    is_flag=True,
    help="Also show probes without a packet while they run for one: on the kernel stack where it was last met.",
)
@click.option(
    "--netns",
    multiple=True,
    metavar="NAME|PATH|INODE",
    help="Only packets of this network namespace; several may be given.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    is_flag=False,
    flag_value=DEFAULT_OUT,
    metavar="[FILE]",
    help=f"Write events to a file instead of stdout: FILE.arrow or FILE.json; {DEFAULT_OUT} if not named.",
)
@click.option(
    "-r",
    "--out-rotate",
    "rotate",
    type=file_size,
    metavar="LIMIT",
    help="Begin a new file when one has this size, like 10MB or 1GB: FILE.0, FILE.1, …",
)
@click.option(
    "-R",
    "--out-rotate-count",
    "rotate_count",
    type=click.IntRange(min=1),
    metavar="COUNT",
    help="Keep so many of those files, the newest.",
)
@click.option("--print", "also_print", is_flag=True, help="Print events, too, when they are written to a file.")
@click.option("--cmd", "command", metavar="COMMAND", default="", help="Run this shell command, and stop when it ends.")
@click.option(
    "--stop-after",
    type=click.IntRange(min=0),
    default=0,
    metavar="COUNT",
    help="Stop after that many events; 0 for no limit.",
)
@click.option(
    "--ring-size",
    type=size,
    default="32M",
    show_default=True,
    metavar="BYTES",
    help="Room for events that wait to be taken: a number with K, M or G, rounded up to a power of two.",
)
@click.option(
    "--sort", is_flag=True, help="Put events together to the journeys of packets, each out when it has ended."
)
@click.option(
    "--sort-timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="With --sort, a journey has ended, too, when nothing was heard of it for so long.",
)
@max_buffer_option
@text_options
@click.option(
    "--allow-system-changes",
    "may_change",
    is_flag=True,
    help="Change what collectors need changed, and mount tracefs where it is missing; undone at the end. Needs root.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan and stop.")
@click.option("--print-bpf", is_flag=True, help="Print the composed C and stop.")
@click.option(
    "--reads",
    type=click.Choice(["auto", "load", "probe"]),
    default="auto",
    show_default=True,
    help="How programs read kernel memory: by plain loads or by probe reads.",
)
@click.option("--kconf", type=click.Path(path_type=Path), help="Kernel configuration to read instead of the one found.")
@click.option("--kernel", "recorded", type=click.Path(path_type=Path), help="Use a recorded kernel; not to attach.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Create this file when events can come.")
@click.option("--record-raw", type=click.Path(path_type=Path), help="Record raw events as well, for --replay-raw.")
@click.option("--replay-raw", type=click.Path(path_type=Path), help="Take events from a recording; attach to nothing.")
@click.pass_context
def collect(ctx: click.Context, /, **values: Any) -> int:  # noqa: ANN401 - click's parameters
    """Attach to the kernel and print an event for every packet that passes.

    Ends on ^C, SIGTERM, SIGQUIT or SIGHUP, with --cmd or after --stop-after. Events go to stdout, everything else to
    stderr.
    """
    # imported here, so that --help need not pay for it
    from tracer_core.backend.machine import running_machine  # noqa: PLC0415
    from tracer_core.compose.compose import compose  # noqa: PLC0415
    from tracer_core.plan.request import Request, parse_probe  # noqa: PLC0415
    from tracer_core.run.collect import Collection, phase, run  # noqa: PLC0415
    from tracer_core.run.netns import inode  # noqa: PLC0415
    from tracer_core.run.prepare import prepare  # noqa: PLC0415

    chosen = selection(ctx, values)
    probes = tuple(map(parse_probe, _probes(values, by_name=bool(chosen.named))))
    netns = tuple(map(inode, values["netns"]))
    wanted, metadata = _filter(values), _metadata(values)
    machine = running_machine(values["ring_size"])
    if values["may_change"] and not values["dry_run"] and os.geteuid() != 0:
        raise MachineError("tracer needs to be run as root when --allow-system-changes is used")
    with ExitStack() as resources:
        # before anything else, since a compiler takes its time to get ready
        make_backend = _backend(values, machine)
        backend = resources.enter_context(make_backend()) if make_backend else None
        changes = resources.enter_context(_changes(values)) if make_backend and not values["replay_raw"] else None
        with phase("kernel view"):
            kernel = _kernel(values)
        with phase("plan"):
            request = Request(
                probes,
                netns,
                _abilities(values, kernel),
                _userspace(values),
                wanted,
                metadata,
                sort=values["sort"],
                follow_stack=values["follow_stack"],
            )
            run_name = f"{os.getpid()}_{token_hex(2)}" if values["may_change"] else ""
            prepared = prepare(chosen, request, kernel, run=run_name)
        sorting = _sorting(prepared, values, live=bool(backend and backend.live))
        if values["dry_run"]:
            click.echo("\n".join((*prepared.plan.describe(), *_described(prepared))))
        elif values["print_bpf"]:
            click.echo(compose(prepared.plan, kernel, machine).text, nl=False)
        if make_backend is not None and backend is not None:
            text = _text(prepared, values) if _prints(values) else None
            files, kind = _files(values)
            if files is not None:
                resources.enter_context(files)
            sinks = partial(make_sinks, prepared, files, kind, text, sorting)
            collection = Collection(
                prepared,
                request,
                kernel,
                machine,
                make_backend,
                sinks,
                ready_file=values["ready_file"],
                command=values["command"],
                stop_after=values["stop_after"],
                tells=sorting.tells if sorting is not None else None,
                changes=changes,
            )
            run(collection, backend)
            if files is not None and files.limit:
                log.info("Wrote %d event file(s)", files.files)
    return ExitCode.OK


@contextmanager
def _changes(values: Mapping[str, Any]) -> Iterator[Changes | None]:
    """What makes changes, if the user allows them, with the core's own made. First, what others left is undone."""
    from tracer_core.changes.changes import Changes, clean  # noqa: PLC0415 - only runs need it

    clean()
    if not values["may_change"]:
        yield None
        return
    from tracer_core.changes.tracefs import mounted  # noqa: PLC0415 - only some runs need it

    changes = Changes()
    with mounted(changes):
        yield changes


def _described(prepared: Prepared) -> Iterator[str]:
    """What would be changed on the machine."""
    for owner, changes in (prepared.changes or {}).items():
        yield from (f"change for {owner.name}: {change.what}: {shlex.join(change.do)}" for change in changes)


def _probes(values: Mapping[str, Any], *, by_name: bool) -> tuple[str, ...]:
    if values["probes"] or by_name:
        return tuple(values["probes"])
    log.info("No probe(s) given: using %s", ", ".join(DEFAULT_PROBES))
    return DEFAULT_PROBES


def _filter(values: Mapping[str, Any]) -> PacketFilter | None:
    if not values["filters"]:
        return None
    from tracer_core.filters.packet import packet_filter  # noqa: PLC0415 - only some runs need it

    found = packet_filter(values["filters"])
    for text, reason in found.no_datagrams:
        log.debug("packets without a link layer do not match %s: %s", text, reason)
    log.info("%s packet filter(s) loaded", "L2" if found.no_datagrams else "L2+L3")
    return found


def _metadata(values: Mapping[str, Any]) -> MetadataFilter | None:
    if not values["metadata"]:
        return None
    from tracer_core.filters.metadata.wanted import metadata_filter  # noqa: PLC0415 - only some runs need it

    return metadata_filter(values["metadata"])


def _kernel(values: Mapping[str, Any]) -> Kernel:
    if values["recorded"]:
        from tracer_core.kernel.recorded import RecordedKernel  # noqa: PLC0415

        return RecordedKernel(values["recorded"])
    from tracer_core.kernel.live import LiveKernel  # noqa: PLC0415

    return LiveKernel(kconf=values["kconf"])


def _abilities(values: Mapping[str, Any], kernel: Kernel) -> Abilities:
    """What there is to attach with: tried on the running kernel, taken for granted on a recorded one."""
    typed = None if values["reads"] == "auto" else values["reads"] == "load"
    if values["recorded"]:
        from tracer_core.plan.request import Fixed  # noqa: PLC0415

        return Fixed(typed=typed is not False)
    from tracer_core.backend.abilities import LiveAbilities  # noqa: PLC0415

    return LiveAbilities(lambda: kernel.btf, typed=typed)


def _userspace(values: Mapping[str, Any]) -> Userspace | None:
    if values["recorded"]:
        return None
    from tracer_core.userspace.lookup import LiveUserspace  # noqa: PLC0415

    return LiveUserspace()


def _backend(values: Mapping[str, Any], machine: Machine) -> Callable[[], Backend] | None:
    """Makes the backend the user wants, or nothing if the run ends before it needs one."""
    if values["dry_run"] or values["print_bpf"]:
        return None
    from tracer_core.backend.bcc import BccBackend  # noqa: PLC0415
    from tracer_core.backend.replay import RecordingBackend, ReplayBackend  # noqa: PLC0415

    if values["replay_raw"]:
        return lambda: ReplayBackend(values["replay_raw"])
    if values["recorded"]:
        hint = "add --dry-run, --print-bpf or --replay-raw"
        raise UsageError("--kernel: a recorded kernel cannot be traced", hint=hint)
    if values["record_raw"]:
        return lambda: RecordingBackend(BccBackend(machine), values["record_raw"])
    return lambda: BccBackend(machine)


def _prints(values: Mapping[str, Any]) -> bool:
    if values["also_print"] and not values["out"]:
        raise UsageError("--print needs -o: without a file, events are printed anyway", hint="leave it out")
    return values["also_print"] or not values["out"]


def _sorting(prepared: Prepared, values: Mapping[str, Any], *, live: bool) -> Sorting | None:
    """How events are sorted, if they are."""
    if not values["sort"]:
        return None
    from tracer_core.run.tells import Tells  # noqa: PLC0415 - only some runs need it

    if all(declaration.spec.identity is None for declaration in prepared.declarations):
        what = "--sort: no selected collector tells which packet an event is of"
        raise UsageError(what, hint="add one that follows packets to -c, or leave -c out; see: tracer plugins")
    return Sorting(Tells(prepared.plan), values["most"], values["sort_timeout"], live)


def _text(prepared: Prepared, values: Mapping[str, Any]) -> TextFormat:
    return text_format([(d.owner, f) for d in prepared.readers for f in d.formatters], values)


def _files(values: Mapping[str, Any]) -> tuple[TargetFiles | None, Kind | None]:
    """The files that events go to, if they do, and their kind."""
    limit, count = values["rotate"] or 0, values["rotate_count"] or 0
    if not values["out"]:
        if limit or count:
            raise UsageError("--out-rotate needs -o: without a file, there is nothing to rotate", hint="add -o FILE")
        return None, None
    if count and not limit:
        raise UsageError("--out-rotate-count needs --out-rotate", hint="say how large each file may be: -r 10MB")
    kind = Kind.of(values["out"])
    if kind is Kind.PARQUET:
        hint = "write FILE.arrow, and then: tracer convert FILE.arrow FILE.parquet"
        raise UsageError("-o: a Parquet file is useless until it is whole, so runs do not write any", hint=hint)
    return open_output(values["out"], kind, limit=limit, count=count), kind
