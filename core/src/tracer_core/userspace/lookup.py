"""Where the probes of a run are in the running processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from tracer_core.types import Probe
    from tracer_core.userspace.live import UserPlace
    from tracer_core.userspace.process import Process


class LiveUserspace:
    """See :class:`~tracer_core.plan.request.Userspace`. What was found once stays, so that all plans of a run agree."""

    def __init__(self) -> None:
        self._processes: dict[str | int, Process] = {}
        self._places: dict[object, tuple[UserPlace, ...]] = {}

    def places(self, probe: Probe) -> tuple[UserPlace, ...]:
        """Where a probe in a process is.

        Raises:
            MachineError: there is no such process, or no such probe in it, or it cannot be used.
        """
        if probe.key not in self._places:
            self._places[probe.key] = self._find(probe)
        return self._places[probe.key]

    def _find(self, probe: Probe) -> tuple[UserPlace, ...]:
        # imported when a collector asks for such a probe: see there
        from tracer_core.userspace.live import find_process, function_place, usdt_places  # noqa: PLC0415

        process = self._processes.get(probe.process) or find_process(probe.process)
        self._processes[probe.process] = process
        if probe.kind is ProbeKind.USDT:
            return usdt_places(process, probe.target)
        return (function_place(process, probe.target),)
