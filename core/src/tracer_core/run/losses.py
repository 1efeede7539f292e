"""What was lost, told while it happens and at the end."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracer_core.backend.base import Backend, Losses, Missed
    from tracer_core.plan.plan import Plan

log = logging.getLogger(__name__)

_AT_MOST_EVERY = 5.0  # seconds
_NAMED = 3  # probes of many


class LossReport:
    """Tells the user what was lost.

    Args:
        backend: Counts them.
        plan: Whose probes they are of.
    """

    def __init__(self, backend: Backend, plan: Plan) -> None:
        self._backend = backend
        self._plan = plan
        self._told = (0, 0)
        self._silent_until = 0.0

    def look(self) -> None:
        """Warn if more were lost, but not too often."""
        now = time.monotonic()
        if now < self._silent_until:
            return
        losses = self._backend.losses()
        told = (losses.total, sum(one.most for one in self._missed(losses)))
        if told > self._told:
            self._told, self._silent_until = told, now + _AT_MOST_EVERY
            missed = f", missed up to {told[1]} hit(s)" if told[1] else ""
            log.warning("lost %d event(s)%s so far: trace less, or give more room with --ring-size", told[0], missed)

    @property
    def losses(self) -> Losses:
        """Those so far, without missed hits that would have been no events."""
        losses = self._backend.losses()
        return replace(losses, missed=tuple(self._missed(losses)))

    def facts(self) -> dict[str, Any]:
        """What files tell of it: ``lost``, events by probe, and ``missed``; only what there is.

        A probe at several places of a process is several of the plan, and one here.
        """
        losses = self._backend.losses()
        lost: Counter[str] = Counter()
        for planned, count in zip(self._plan.probes, losses.by_probe, strict=True):
            lost[str(planned.probe)] += count
        missed = [
            {
                "probes": [str(self._plan.probes[index].probe) for index in one.probes],
                "least": one.least,
                "most": one.most,
            }
            for one in self._missed(losses)
        ]
        return {name: value for name, value in (("lost", dict(+lost)), ("missed", missed)) if value}

    def tell(self) -> None:
        """Warn of all, at the end."""
        losses, probes = self._backend.losses(), self._plan.probes
        for planned, lost in zip(probes, losses.by_probe, strict=True):
            if lost:
                log.warning("lost %d event(s) from %s", lost, planned.probe.target)
        if losses.total:
            log.warning("total events lost: %d", losses.total)
        if losses.messages:
            log.warning("lost %d message(s) of programs: give more room with --ring-size", losses.messages)
        for one in self._missed(losses):
            count = str(one.most) if one.least == one.most else f"{one.least} to {one.most}"
            log.warning("missed %s hit(s) of %s", count, _names([probes[index].probe.target for index in one.probes]))
        if uncounted := [probes[index].probe.target for index in losses.uncounted if not self._is_helper(index)]:
            log.info("this kernel does not count the hits that it may have missed of %s", _names(uncounted))

    def _missed(self, losses: Losses) -> list[Missed]:
        """Hits that would have been events. Helpers of tracking make none, and where it matters others stand in."""
        return [one for one in losses.missed if not all(map(self._is_helper, one.probes))]

    def _is_helper(self, index: int) -> bool:
        return self._plan.shapes[self._plan.probes[index].shape].is_helper


def _names(targets: Sequence[str]) -> str:
    more = len(targets) - _NAMED
    return ", ".join(targets[:_NAMED]) + (f" and {more} more" if more > 0 else "")
