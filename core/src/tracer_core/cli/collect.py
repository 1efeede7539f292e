"""``tracer collect``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracer_core.cli.collectors import CollectorCommand, selection
from tracer_core.errors import ExitCode, RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tracer_core.backend.base import Backend
    from tracer_core.compose.composition import Machine
    from tracer_core.display.text import TextFormat
    from tracer_core.kernel.view import Kernel
    from tracer_core.run.prepare import Prepared
    from tracer_core.sections import Event

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
@click.option("-p", "--probe", "probes", multiple=True, metavar="PROBE", help="Where to attach, as in tp:GROUP:NAME.")
@click.option(
    "--netns",
    multiple=True,
    metavar="NAME|PATH|INODE",
    help="Only packets of this network namespace; several may be given.",
)
@click.option("-e", "link_layer", is_flag=True, help="Show the link layer.")
@click.option(
    "--format",
    "layout",
    type=click.Choice(["multi-line", "single-line"]),
    default="multi-line",
    show_default=True,
    help="Layout of the text.",
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
def collect(ctx: click.Context, **values: Any) -> int:  # noqa: ANN401 - click's parameters
    """Attach to the kernel and print an event for every packet that passes.

    Ends on ^C, SIGTERM or SIGQUIT. Events go to stdout, everything else to stderr.
    """
    # imported here, so that --help need not pay for it
    from tracer_core.backend.machine import running_machine  # noqa: PLC0415
    from tracer_core.plan.request import Request, parse_probe  # noqa: PLC0415
    from tracer_core.run.collect import Collection, phase  # noqa: PLC0415
    from tracer_core.run.collect import collect as run  # noqa: PLC0415
    from tracer_core.run.netns import inode  # noqa: PLC0415
    from tracer_core.run.prepare import prepare  # noqa: PLC0415

    chosen = selection(ctx, values)
    probes = tuple(map(parse_probe, _probes(values, by_name=bool(chosen.named))))
    netns = tuple(map(inode, values["netns"]))
    with phase("kernel view"):
        kernel = _kernel(values)
        typed = _typed(values, kernel)
    with phase("plan"):
        request = Request(probes, netns, typed)
        prepared = prepare(chosen, request, kernel)
    if values["dry_run"]:
        click.echo("\n".join(prepared.plan.describe()))
        return ExitCode.OK
    machine = running_machine()
    if values["print_bpf"]:
        from tracer_core.compose.compose import compose  # noqa: PLC0415

        click.echo(compose(prepared.plan, kernel.btf, machine).text, nl=False)
        return ExitCode.OK
    run(
        Collection(
            prepared=prepared,
            request=request,
            kernel=kernel,
            machine=machine,
            backend=_backend(values, machine),
            emit=_Output(_text(prepared, values)).emit,
            ready_file=values["ready_file"],
        )
    )
    return ExitCode.OK


def _probes(values: Mapping[str, Any], *, by_name: bool) -> tuple[str, ...]:
    import logging  # noqa: PLC0415

    if values["probes"] or by_name:
        return tuple(values["probes"])
    logging.getLogger(__name__).info("No probe(s) given: using %s", ", ".join(DEFAULT_PROBES))
    return DEFAULT_PROBES


def _kernel(values: Mapping[str, Any]) -> Kernel:
    if values["recorded"]:
        from tracer_core.kernel.recorded import RecordedKernel  # noqa: PLC0415

        return RecordedKernel(values["recorded"])
    from tracer_core.kernel.live import LiveKernel  # noqa: PLC0415

    return LiveKernel(kconf=values["kconf"])


def _typed(values: Mapping[str, Any], kernel: Kernel) -> bool:
    """Whether programs may be typed: by order, or by trying on the running kernel."""
    if values["reads"] != "auto" or values["recorded"]:
        return bool(values["reads"] != "probe")
    from tracer_core.backend.features import typed_tracepoints  # noqa: PLC0415

    return typed_tracepoints(kernel.btf)


def _backend(values: Mapping[str, Any], machine: Machine) -> Callable[[], Backend]:
    from tracer_core.backend.bcc import BccBackend  # noqa: PLC0415
    from tracer_core.backend.replay import RecordingBackend, ReplayBackend  # noqa: PLC0415

    if values["replay_raw"]:
        return lambda: ReplayBackend(values["replay_raw"])
    if values["record_raw"]:
        return lambda: RecordingBackend(BccBackend(machine), values["record_raw"])
    return lambda: BccBackend(machine)


def _text(prepared: Prepared, values: Mapping[str, Any]) -> TextFormat:
    from tracer_core.display.text import TextFormat  # noqa: PLC0415
    from tracer_core.types import TextOptions  # noqa: PLC0415

    options = TextOptions(link_layer=values["link_layer"], multi_line=values["layout"] == "multi-line")
    return TextFormat([(d.owner, f) for d in prepared.declarations for f in d.formatters], options)


class _Output:
    """Writes the text of events to stdout, a batch at a time."""

    def __init__(self, text: TextFormat) -> None:
        self._text = text

    def emit(self, events: list[Event]) -> None:
        if not events:
            return
        try:
            sys.stdout.write("".join(map(self._text.text, events)))
            sys.stdout.flush()
        except BrokenPipeError as error:
            # what Python still holds for stdout must not fail again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise RunError("stdout was closed by its reader", hint="detached; nothing is left attached") from error
