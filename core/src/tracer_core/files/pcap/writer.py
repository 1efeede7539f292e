"""Packets of events as pcapng: an interface for each probe, and with each packet all else that its event says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tracer_core import __version__
from tracer_core.events.select import rows_of, without
from tracer_core.files.json.events import kind_shown, texts_of
from tracer_core.files.pcap import pcapng
from tracer_core.sections import Packet
from tracer_core.wire import layout_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tracer_core.display.text import TextFormat
    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch, SectionColumns
    from tracer_core.files.pcap.probe_choice import ProbeChoice
    from tracer_core.sections import ProbeInfo

_WRITER = "tracer "
_LAST = (1 << 64) - 1  # ns since 1970 that a block can tell
_PACKET = layout_of(Packet).name


def is_pcap(head: bytes) -> bool:
    """Whether a file that begins like this was written here."""
    return pcapng.application_of(head).startswith(_WRITER.encode())


class PcapWriter:
    """Writes them.

    Args:
        put: Called with whole blocks, the first time when there is a first packet.
        text: Of the comments.
        schema: Gives that of the JSON that packets have beside them; asked once, if there are any.
        choice: Which events count.
    """

    def __init__(
        self,
        put: Callable[[bytes], object],
        text: TextFormat,
        schema: Callable[[], Mapping[str, Any]],
        choice: ProbeChoice,
    ) -> None:
        self._put = put
        self._text = text
        self._schema = schema
        self._choice = choice
        self._interfaces: dict[str, int] = {}
        self.events = 0
        """Events that count."""
        self.packets = 0
        """Packets written. Other events have none."""
        self.bare = 0
        """Packets without their event, which has no room in a block."""

    def write(self, batch: EventBatch, about: About) -> None:
        """Write events.

        Args:
            batch: They.
            about: The run that they are of.

        Raises:
            PluginError: a section has no text or no JSON.
            RunError: putting failed.
        """
        self._text.begin(about)
        chosen = self._choice.rows(batch)
        left = rows_of(batch, _with_packet(batch, chosen))
        if (packets := _packets(left)) is not None:
            self._put(b"".join(self._blocks(left, packets.columns, about)))
            self.packets += left.count
        self.events += len(chosen)

    def _blocks(self, batch: EventBatch, packets: Mapping[str, Any], about: About) -> Iterator[bytes]:
        if not self._interfaces:
            yield _section(about)
            yield _described(self._schema())
        probes = batch.header["probe"].tolist()
        names = {index: _name(batch.probes[index]) for index in dict.fromkeys(probes)}
        for name in names.values():
            if name not in self._interfaces:
                self._interfaces[name] = len(self._interfaces)
                yield pcapng.interface(name, f"Fake interface for probe {name}")
        numbers = {index: self._interfaces[name] for index, name in names.items()}
        comments = self._text.lines(replace(batch, series=None))  # each stands for itself
        columns = (batch.header["timestamp"], packets["len"], packets["data"])
        rows = zip(probes, *(column.tolist() for column in columns), comments, self._events(batch), strict=True)
        for probe, timestamp, length, data, comment, event in rows:
            time = min(max(timestamp + about.clock_offset, 0), _LAST)
            found, text = data[: pcapng.SNAPLEN], pcapng.text(comment.removesuffix("\n\n"))
            yield pcapng.packet(numbers[probe], time, max(length, len(data)), found, comment=text, event=event)

    def _events(self, batch: EventBatch) -> Iterator[bytes]:
        """The JSON of each event but its packet; nothing if it is too large."""
        for text in texts_of(without(batch, _PACKET)):
            fits = len(text) <= pcapng.CUSTOM_MAX
            self.bare += not fits
            yield text.encode("ascii") if fits else b""


def _packets(batch: EventBatch) -> SectionColumns | None:
    return next((section for section in batch.sections if section.form.cls is Packet), None)


def _with_packet(batch: EventBatch, rows: list[int]) -> list[int]:
    """Those of the events that have one."""
    packets = _packets(batch)
    if packets is None:
        return []
    if packets.rows is None:
        return rows
    holders = set(packets.rows.tolist())
    return [row for row in rows if row in holders]


def _name(probe: ProbeInfo) -> str:
    """Of an interface: the probe as JSON names it."""
    return f"{kind_shown(probe)}/{probe.symbol}"


def _section(about: About) -> bytes:
    return pcapng.section(f"{_WRITER}{__version__}", f"Linux {about.kernel_release}", about.hardware)


def _described(schema: Mapping[str, Any]) -> bytes:
    text = json.dumps(schema, separators=(",", ":")).encode()
    return pcapng.custom(text + b" " * (-len(text) % 4))  # blanks may follow JSON, and the block needs no padding
