"""Processes that are made up: every place that a collector names in one is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.types import ProbeKind
from tracer_core.userspace.live import UserPlace
from tracer_core.userspace.usdt_arguments import Constant, UsdtArgument

if TYPE_CHECKING:
    from tracer_core.types import Probe

_ARGUMENTS = (UsdtArgument(8, False, Constant(0)),) * 12  # as many as sys/sdt.h allows


class MadeUpProcesses:
    """For :class:`~tracer_core.plan.request.Request`: programs for probes in processes are composed without any."""

    def places(self, probe: Probe) -> tuple[UserPlace, ...]:
        """See :class:`~tracer_core.plan.request.Userspace`."""
        arguments = _ARGUMENTS if probe.kind is ProbeKind.USDT else None
        return (UserPlace(1, "/proc/1/exe", f"/made/up/{probe.process}", 0x1000, arguments=arguments),)
