"""Which events are of probes that the user names: by name alone, without a kernel to ask."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tracer_core.files.contents import in_process, is_nowhere
from tracer_core.files.json.events import kind_shown
from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tracer_core.events.batch import EventBatch
    from tracer_core.sections import ProbeInfo
    from tracer_core.types import Probe


class ProbeChoice:
    """Events of probes in the kernel.

    Args:
        probes: Which of them; all if there are none. A function, or a kprobe, is any probe that files show as a kprobe,
            and so is a kretprobe; other kinds are meant as they are named.
    """

    def __init__(self, probes: Sequence[Probe]) -> None:
        self._wanted = [(probe, _matcher(probe)) for probe in probes]
        self._known: dict[ProbeInfo, bool] = {}
        self._met: set[Probe] = set()

    def rows(self, batch: EventBatch) -> list[int]:
        """Those events of a batch."""
        indices = batch.header["probe"].tolist()
        chosen = {index for index in set(indices) if self._is_chosen(batch.probes[index])}
        return [row for row, index in enumerate(indices) if index in chosen]

    @property
    def unmet(self) -> list[Probe]:
        """Those of the probes that no event was of so far."""
        return [probe for probe, _ in self._wanted if probe not in self._met]

    def _is_chosen(self, probe: ProbeInfo) -> bool:
        found = self._known.get(probe)
        if found is None:
            found = self._known[probe] = self._look(probe)
        return found

    def _look(self, probe: ProbeInfo) -> bool:
        if in_process(probe) or is_nowhere(probe):
            return False
        matching = [wanted for wanted, matches in self._wanted if matches(probe)]
        self._met.update(matching)
        return bool(matching) or not self._wanted


def _matcher(wanted: Probe) -> Callable[[ProbeInfo], bool]:
    kind = (ProbeKind.KPROBE if wanted.kind is ProbeKind.FUNCTION else wanted.kind).value
    # what Python's classes of characters leave out is not in names of the kernel
    matches = re.compile(re.escape(wanted.target).replace(r"\*", ".*")).fullmatch
    return lambda probe: kind in {probe.kind, kind_shown(probe)} and matches(probe.symbol) is not None
