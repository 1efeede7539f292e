"""``tracer pcap``."""

from __future__ import annotations

import logging
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracer_core.cli.commands.schema import schema_of
from tracer_core.cli.completion.demand import on_demand
from tracer_core.cli.options.input import Input, batches, input_argument
from tracer_core.cli.profiles.command import ProfiledCommand
from tracer_core.cli.stdout import ClosedError, pour
from tracer_core.errors import ExitCode, RunError, TracerError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracer_core.display.text import TextFormat
    from tracer_core.files.events import EventSet
    from tracer_core.files.pcap.probe_choice import ProbeChoice
    from tracer_core.files.pcap.writer import PcapWriter
    from tracer_core.files.target import Target

log = logging.getLogger(__name__)


@click.command(cls=ProfiledCommand)
@input_argument
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write to a file instead of stdout.")
@click.option(
    "-p",
    "--probe",
    "probes",
    multiple=True,
    metavar="[TYPE:]TARGET",
    shell_complete=on_demand("probes", "places"),
    help="Only packets of this probe, named as for tracer collect, with '*' for any characters; several may be given.",
)
def pcap(file: Path | None, out: Path | None, probes: tuple[str, ...]) -> int:
    """Write the packets of a file's events as pcapng, which Wireshark, tshark and tcpdump read.

    FILE is as for tracer print, sorted or not. Each probe in the kernel becomes an interface. With a packet come
    the text of its event, as a comment, and all of the event but the packet, as JSON.
    """
    from tracer_core.files.pcap.probe_choice import ProbeChoice  # noqa: PLC0415 - not for --help
    from tracer_core.plan.request import parse_probe  # noqa: PLC0415 - ditto

    if out is None and sys.stdout.isatty():
        raise UsageError("packets are no text, and stdout is a terminal", hint="name a file: -o FILE")
    if str(out) == "-":
        raise UsageError("-: no file has that name", hint="for stdout, leave -o out")
    choice = ProbeChoice([parse_probe(probe) for probe in probes])
    known = Input()
    with known.open(file) as events, _Output(out) as output:
        writer = _writer(known, output.put, choice)
        with suppress(ClosedError):
            _write(events, writer, choice, progress=out is not None)
    return ExitCode.OK


def _writer(known: Input, put: Callable[[bytes], object], choice: ProbeChoice) -> PcapWriter:
    from tracer_core.files.pcap.writer import PcapWriter  # noqa: PLC0415 - not for --help

    return PcapWriter(put, _text(known), lambda: schema_of(known.sections()), choice)


def _text(known: Input) -> TextFormat:
    from tracer_core.display.text import TextFormat  # noqa: PLC0415 - not for --help
    from tracer_core.types import TextOptions  # noqa: PLC0415 - ditto

    return TextFormat(known.formatters(), TextOptions(link_layer=False, multi_line=True))


def _write(events: EventSet, writer: PcapWriter, choice: ProbeChoice, *, progress: bool) -> None:
    """Write all packets of events, and say what became of them.

    Raises:
        RunError: there is none, or they cannot be read or written.
    """
    stopped: list[bool] = []
    count = 0
    try:
        for batch in batches(events, progress=progress, stopped=lambda: stopped.append(True)):
            count += batch.count
            writer.write(batch, events.about)
    except TracerError as error:
        if writer.packets and not isinstance(error, ClosedError):
            _tell(writer)
        raise
    _tell(writer)
    if stopped:
        return
    if not writer.events:
        what = "Probe not found in the events" if choice.unmet else "no event is of a probe in the kernel"
        what = what if count else "there are no events in it"
        raise RunError(f"{events.reader.path}: {what}", hint="see: tracer stats")
    for probe in choice.unmet:
        log.warning("no event is of probe %s", probe)
    if not writer.packets:
        raise RunError("there is nothing to write: no event has a packet", hint="collect them with their packets")


def _tell(writer: PcapWriter) -> None:
    if not writer.events:
        return
    log.info("%d event(s) were processed", writer.events)
    if skipped := writer.events - writer.packets:
        log.warning("%d event(s) were skipped because of missing raw packet", skipped)
    if writer.bare:
        log.warning("%d packet(s) come without their event as JSON: it is larger than a block can hold", writer.bare)


class _Output(ExitStack):
    """Where blocks go. A file is opened when there are any, so that none is left where there are none.

    Args:
        path: Of the file; nothing for stdout.
    """

    def __init__(self, path: Path | None) -> None:
        super().__init__()
        self._path = path
        self._target: Target | None = None

    def put(self, data: bytes) -> None:
        """Write whole blocks.

        Raises:
            UsageError: the file must not be overwritten, or cannot be written.
            RunError: they cannot be written; what is left of the file is whole.
        """
        if self._path is None:
            pour(data)
            return
        if self._target is None:
            self._target = self.enter_context(_opened(self._path))
        self._target.write(data)
        self._target.commit()


def _opened(path: Path) -> Target:
    from tracer_core.files.pcap.writer import is_pcap  # noqa: PLC0415 - not for --help
    from tracer_core.files.target import open_target  # noqa: PLC0415 - ditto

    return open_target(path, is_pcap, "pcapng file")
