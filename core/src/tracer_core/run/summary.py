"""What a run has seen, in a few lines at its end: packets, journeys, losses, and what collectors have counted."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tracer_core.backend.base import Losses
    from tracer_core.events.batch import EventBatch
    from tracer_core.run.distinct import Distinct
    from tracer_core.run.tallies import Count
    from tracer_core.types import CollectorSpec

log = logging.getLogger(__name__)


class Summary:
    """Counts what passes.

    Args:
        specs: Of the collectors of the run.
    """

    def __init__(self, specs: Iterable[CollectorSpec]) -> None:
        specs = tuple(specs)
        self._identity = next((spec.identity for spec in specs if spec.identity is not None), None)
        self._tallies = tuple(tally for spec in specs for tally in spec.tallies)
        self._packets: Distinct | None = None
        self._counts: tuple[Count, ...] | None = None
        self.journeys: int | None = None
        """Those that were given, if events are sorted."""

    def look(self, batch: EventBatch) -> None:
        """Look at some events."""
        if self._counts is None:
            from tracer_core.run.tallies import Count  # noqa: PLC0415 - numpy, when events already come

            self._counts = tuple(map(Count, self._tallies))
        for count in self._counts:
            count.look(batch)
        if self._identity is not None:
            self._look_at_packets(batch)

    def lines(self, losses: Losses, seconds: float | None) -> Iterator[str]:
        """The lines of the summary.

        Args:
            losses: Of the run; only those that matter.
            seconds: That it took, if it was one and no replay.
        """
        parts = []
        if self.packets is not None:
            parts.append(f"{self.packets} packet(s)")
        if self.journeys is not None:
            parts.append(f"{self.journeys} journey(s)")
        parts.append(f"{losses.total} event(s) lost")
        if missed := sum(one.most for one in losses.missed):
            parts.append(f"up to {missed} hit(s) missed")
        yield f"seen{'' if seconds is None else f' in {seconds:.1f} s'}: {', '.join(parts)}"
        yield from self.tallies()

    @property
    def packets(self) -> str | None:
        """How many there were; nothing if no collector tells them apart."""
        if self._identity is None:
            return None
        if self._packets is None:
            return "0"
        return f"{'at least ' if self._packets.is_full else ''}{self._packets.count}"

    def tallies(self) -> Iterator[str]:
        """What collectors wanted counted, of which something was seen."""
        yield from filter(None, (count.text() for count in self._counts or ()))

    def tell(self, losses: Losses, seconds: float | None) -> None:
        """Say it. The arguments are as for :meth:`lines`."""
        for line in self.lines(losses, seconds):
            log.info("%s", line)

    def _look_at_packets(self, batch: EventBatch) -> None:
        from tracer_core.run.distinct import Distinct, numbers  # noqa: PLC0415 - numpy, when events already come

        if self._packets is None:
            self._packets = Distinct()
        for section in batch.sections:
            if section.form.cls is self._identity and not self._packets.is_full:
                times, heads = (section.columns[name] for name in ("timestamp", "orig_head"))
                self._packets.add(numbers(times), numbers(heads))
