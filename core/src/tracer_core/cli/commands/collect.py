"""``tracer collect``."""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any

import click

from tracer_core.cli.collectors import CollectorCommand, selection
from tracer_core.cli.completion.demand import on_demand
from tracer_core.cli.messages import log_level
from tracer_core.cli.options import ingredients
from tracer_core.cli.options.collect import CollectOptions
from tracer_core.cli.options.kernel import kconf_option, kernel_option
from tracer_core.cli.options.output import DEFAULT_OUT, make_sinks, max_buffer_option
from tracer_core.cli.options.size import file_size, size
from tracer_core.cli.options.text import text_options
from tracer_core.cli.options.topics import help_all_option
from tracer_core.cli.profiles.profiled import command_line, doubted, has_profiles, probes_of, profiled_of
from tracer_core.cli.profiles.required import blaming_profiles
from tracer_core.errors import ExitCode, MachineError, UsageError
from tracer_core.plugins.declaration import shown

log = logging.getLogger(__name__)


@click.command(cls=CollectorCommand)
@click.option(
    "-c",
    "--collectors",
    multiple=True,
    metavar="LIST",
    shell_complete=on_demand("values", "collectors"),
    help="Collectors to run, comma-separated; 'auto' takes all that can run here.  [default: auto]",
)
@click.option(
    "-p",
    "--probe",
    "probes",
    multiple=True,
    metavar="[TYPE:]TARGET[/stack][/ftrace]",
    shell_complete=on_demand("probes", "probes"),
    help="Kernel function or tracepoint to attach to: FUNCTION or tp:GROUP:NAME, with '*' for any characters. "
    "TYPE may be kprobe, kretprobe, fentry, fexit. /stack adds a stack trace to its events; with /ftrace, what the "
    "function calls for a packet is shown, too, where it is probed. Several may be given.",
)
@click.option("--all-skb", is_flag=True, help="Attach to every kernel function that takes a packet, a struct sk_buff.")
@click.option("--stack", is_flag=True, help="Add stack traces to the events of all probes, as /stack does for one.")
@click.option(
    "--probe-stack",
    is_flag=True,
    help="While tracing, attach to the functions in the stack traces of events, too, if they take a packet. "
    "Needs a filter.",
)
@click.option(
    "-f",
    "--filter-packet",
    "filters",
    multiple=True,
    metavar="EXPRESSION",
    help="Only packets that match a filter as in tcpdump: 'icmp and host 192.0.2.1'. They are followed "
    "from then on, whatever becomes of them. Several must all match.",
)
@click.option(
    "-m",
    "--filter-meta",
    "metadata",
    multiple=True,
    metavar="EXPRESSION",
    help="Only packets whose metadata match: 'sk_buff.mark == 0x100'. Also with and, or, not, as in "
    "'sk_buff.mark == 0x100 and sk_buff.dev.mtu > 1500'; members of other arguments, and retval, what a function "
    "returns, can be compared, too. Several must all match.",
)
@click.option(
    "--follow-stack",
    is_flag=True,
    help="Also show probes that are passed no packet, while the kernel works on one: on the stack where that was last "
    "seen.",
)
@click.option(
    "--netns",
    multiple=True,
    metavar="NAME|PATH|INODE",
    shell_complete=on_demand("values", "netns"),
    help="Only packets of this network namespace; several may be given.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    is_flag=False,
    flag_value=DEFAULT_OUT,
    metavar="[FILE]",
    help="Write events to FILE.arrow or FILE.json instead of stdout; FILE.data and FILE are JSON, too. "
    f"Without a name, {DEFAULT_OUT}.",
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
    help="Keep the newest COUNT of those files.",
)
@click.option("--print", "also_print", is_flag=True, help="Also print events that are written to a file.")
@click.option(
    "--cmd", "command", metavar="COMMAND", help="Run this shell command, quoted as one word, and stop when it ends."
)
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
    help="Size of the BPF ring buffer, a number with K, M or G: rounded up to a power of two.",
)
@click.option("--sort", is_flag=True, help="Show each packet's events together, when its journey has ended.")
@click.option(
    "--sort-timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="With --sort, a packet's journey has ended, too, when no event of it came for so long.",
)
@max_buffer_option
@text_options
@click.option(
    "--allow-system-changes",
    "may_change",
    is_flag=True,
    help="Let collectors change the system where they need to, and undo it at the end. Mounts tracefs where it is "
    "missing. Needs root.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be attached and read, and stop.")
@click.option("--print-bpf", is_flag=True, help="Print the C source of the BPF programs, and stop.")
@click.option(
    "--reads",
    type=click.Choice(["auto", "load", "probe"]),
    default="auto",
    show_default=True,
    help="How BPF programs read kernel memory: by loads, where the kernel checks types, or by bpf_probe_read_kernel().",
)
@kconf_option
@kernel_option(", with --dry-run, --print-bpf or --replay-raw")
@click.option(
    "--ready-file", type=click.Path(path_type=Path), help="Create this file when all is attached and events can come."
)
@click.option("--record-raw", type=click.Path(path_type=Path), help="Record raw events as well, for --replay-raw.")
@click.option("--replay-raw", type=click.Path(path_type=Path), help="Take events from a recording; attach to nothing.")
@click.option("--to-fd", type=click.IntRange(min=0), hidden=True)  # of a pipe to the program that started us
@click.option("--queue", type=size, default="64M", hidden=True)  # bytes that may wait there
@help_all_option
@click.pass_context
def collect(ctx: click.Context, /, **values: Any) -> int:  # noqa: ANN401 - click's parameters
    """Attach probes to the kernel and print an event for every packet that passes one.

    Ends on ^C, SIGTERM, SIGQUIT or SIGHUP, when the command of --cmd ends, or after the events of --stop-after. Events
    go to stdout, everything else to stderr.
    """
    # imported here, so that --help need not pay for it
    from tracer_core.backend.machine import running_machine  # noqa: PLC0415
    from tracer_core.compose.compose import compose  # noqa: PLC0415
    from tracer_core.plan.request import Request  # noqa: PLC0415
    from tracer_core.run.collect import Collection, phase, run  # noqa: PLC0415
    from tracer_core.run.netns import inodes  # noqa: PLC0415
    from tracer_core.run.prepare import prepare  # noqa: PLC0415

    chosen = selection(ctx, values)
    options = CollectOptions(**values)
    probes = tuple(probes_of(ctx, _probes(options, by_name=bool(chosen.named) or has_profiles(ctx))))
    netns = inodes(options.netns, is_here=not (options.recorded or options.replay_raw))
    wanted, metadata = ingredients.packet_filter_of(options), ingredients.metadata_filter_of(options)
    if options.probe_stack and not (wanted or metadata or netns):
        raise _unfiltered()
    pipe = ingredients.pipe_of(options)
    machine = running_machine(options.ring_size)
    if options.may_change and not options.dry_run and os.geteuid() != 0:
        raise MachineError("tracer needs to be run as root when --allow-system-changes is used")
    with ExitStack() as resources:
        # before anything else, since a compiler takes its time to get ready
        make_backend = ingredients.backend_of(options, machine)
        backend = resources.enter_context(make_backend()) if make_backend else None
        changes = (
            resources.enter_context(ingredients.changes_of(options))
            if make_backend and not options.replay_raw
            else None
        )
        with phase("kernel view"):
            kernel = profiled_of(ctx).kernel or ingredients.kernel_of(options)
        with phase("plan"):
            request = Request(
                probes,
                netns,
                ingredients.abilities_of(options, kernel, options.reads),
                ingredients.userspace_of(options),
                wanted,
                metadata,
                sort=options.sort,
                follow_stack=options.follow_stack,
                all_skb=options.all_skb,
                stack=options.stack,
                probe_stack=options.probe_stack,
                log_level=log_level(),
                doubted=doubted(ctx),
            )
            run_name = f"{os.getpid()}_{token_hex(2)}" if options.may_change else ""
            with blaming_profiles(ctx, request.abilities, kernel):
                prepared = replace(prepare(chosen, request, kernel, run=run_name), command=tuple(command_line(ctx)))
        sorting = ingredients.sorting_of(prepared, options, live=bool(backend and backend.live))
        if options.dry_run:
            click.echo("\n".join((*prepared.plan.describe(), *ingredients.described(prepared))))
        elif options.print_bpf:
            click.echo(compose(prepared.plan, kernel, machine).text, nl=False)
        if make_backend is not None and backend is not None:
            text = ingredients.text_of(prepared, options) if ingredients.prints(options) else None
            if text is not None:
                ingredients.advise(options)
            if any(collector.owner.name not in chosen.wished for collector in chosen.automatic):
                started = sorted(shown(owner.name) for owner in prepared.plan.owners)
                log.info("Collector(s) started: %s", ", ".join(started))
            files, kind = ingredients.files_of(options, prepared, sorting)
            if files is not None:
                resources.enter_context(files)
            summary = ingredients.summary_of(prepared)
            sinks = partial(make_sinks, files=files, kind=kind, text=text, sorting=sorting, summary=summary, pipe=pipe)
            collection = Collection(
                prepared,
                request,
                kernel,
                machine,
                make_backend,
                sinks,
                ready_file=options.ready_file,
                command=options.command,
                stop_after=options.stop_after,
                tracked_data=sorting.tracked_data if sorting is not None else None,
                changes=changes,
                utc=options.utc,
                summary=summary,
            )
            run(collection, backend)
            if files is not None and files.limit:
                log.info("Wrote %d event file(s)", files.files)
    return ExitCode.OK


def _unfiltered() -> UsageError:
    what = "--probe-stack needs a filter, so that it finds the way of your packets and not that of all"
    return UsageError(what, hint="add --filter-packet, --filter-meta or --netns")


def _probes(options: CollectOptions, *, by_name: bool) -> tuple[str, ...]:
    if options.probes or options.all_skb or by_name:
        return options.probes
    from tracer_core.plan.request import DEFAULT_PROBES, DEFAULT_STACK_PROBES  # noqa: PLC0415 - not for --help

    default = DEFAULT_STACK_PROBES if options.probe_stack else DEFAULT_PROBES
    log.info("No probe(s) given: using %s", ", ".join(default))
    return default
