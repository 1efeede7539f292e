"""A process as ovs-vswitchd is one, for plans on recorded kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request
from tracer_core.plugins.declare import declare
from tracer_core.plugins.host import Host
from tracer_core.userspace.live import UserPlace
from tracer_core.userspace.usdt_arguments import parse_arguments
from tracer_ovs.plugin import OvsOptions

if TYPE_CHECKING:
    from tracer_core.kernel.view import Kernel
    from tracer_core.plan.plan import Plan
    from tracer_core.types import Probe

ARGUMENTS = {
    "dpif_recv:recv_upcall": "8@%rdx 4@%ecx 8@%rax 4@12(%rbx) 8@576(%rbx) 8@584(%rbx)",
    "dpif_netlink_operate__:op_flow_put": "8@%rdi 8@%rbx 8@%rsi 8@%rdx",
    "dpif_netlink_operate__:op_flow_execute": "8@%rdi 8@%rbx 8@%rax 4@%ecx 8@%rdx",
}
"""As a build of 4.0 for x86_64 has them."""


class Daemon:
    """Its probes are where one can attach."""

    def places(self, probe: Probe) -> tuple[UserPlace, ...]:
        arguments = parse_arguments(ARGUMENTS[probe.target], "x86_64")
        return (UserPlace(7, "/proc/7/exe", "/usr/sbin/ovs-vswitchd", 0x10, 0, arguments),)


def planned(kernel: Kernel, *collectors: str, track: bool = True, **request: object) -> Plan:
    """A run of ``ovs`` and others, with their defaults."""
    host = Host()
    made = [host.collector(name) for name in ("ovs", *collectors)]
    options = {"ovs": OvsOptions(track=track)}
    declarations = [declare(each, kernel, options.get(each.spec.name, each.spec.options())) for each in made]
    return plan(declarations, Request(userspace=Daemon(), **{"abilities": Fixed(), **request}), kernel)  # type: ignore[arg-type]
