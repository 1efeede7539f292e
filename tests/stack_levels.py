"""Functions that keep what a kernel stack runs for, loaded to be called one by one."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tracer_core.backend.machine import running_machine
from tracer_core.compose.compose import compose
from tracer_core.kernel.live import LiveKernel
from tracer_core.plan.following import StackPlace, Stacks
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request
from tracer_core.plugins.declare import declare
from tracer_core.plugins.host import Host
from tracer_core.testing.trial import Trial
from tracer_core.types import Probe

LEVELS = 16
TOP = 0xFFFFC90000004000  # of no task's stack: that of a CPU
STEP = 64
SECOND = 10**9
_CALL = """
int trial_NAME(u64 *args)
{
	u32 key = 0;
	struct tracer_trial *trial = tracer_trial.lookup(&key);
	struct tracer_tracked tracked = {.timestamp = args[3], .orig_head = args[2]};
	struct tracer_ctx context = {}, *ctx = &context;
	struct tracer_level *level = NULL;
	u64 position = args[0], now = args[1], head = args[2];
	u64 result = 0;

	if (!trial)
		return 0;
	CALL;
	if (level && head)
		tracer_fill(level, head, &tracked, now);
	((u64 *)trial->memory)[0] = result;
	((u64 *)trial->memory)[1] = tracked.timestamp;
	return 0;
}
"""
_CALLS = {
    "open_for": "ctx->sk_buff = (struct sk_buff *)1; level = tracer_open(ctx, now, position)",
    "open": "tracer_open(ctx, now, position)",
    "meet": "ctx->sk_buff = (struct sk_buff *)1; level = tracer_meet(ctx, position)",
    "inherit": "result = tracer_inherit(now, position, &tracked)",
    "close": "tracer_close(position)",
    "know": "tracer_know(head, now, &tracked, true)",
    "forget": "tracer_forget(head, NULL)",
    "reset": "{ u64 stack = tracer_stack_at(position); tracer_stacks.delete(&stack); }",
}


@dataclass
class Stack:
    """One stack, and the packets of which the core knows. A packet is a number above 0.

    Attributes:
        trial: What runs.
        follows: Packets are marked outside of windows, too.
    """

    trial: Trial
    follows: bool

    def call(self, name: str, position: int = 0, packet: int = 0, now: int = SECOND) -> int | None:
        """The packet that comes back, if it says yes."""
        self.trial.call(f"trial_{name}", position, now, head(packet), packet)
        result, stamp = struct.unpack_from("<2Q", self.trial.memory)
        return stamp if result & 0xFF else None


def head(packet: int) -> int:
    """Where a packet's data is; 0 for none."""
    return packet and 0xFFFF888100000000 + packet * 1024


@contextmanager
def loaded_stack(*, follow: bool) -> Iterator[Stack]:
    """A stack of one CPU, on which this thread stays meanwhile.

    Args:
        follow: Mark packets outside of windows, too.
    """
    kernel = LiveKernel()
    wanted = Request((Probe.tracepoint("net:netif_receive_skb"),), abilities=Fixed(typed=False, entries=()))
    made = plan([declare(Host().collector("skb_tracking"), kernel, None)], wanted, kernel)
    stacks = Stacks(windows=True, follow=follow)
    made = replace(made, stacks=stacks, stack_place=StackPlace(task_stack=0, thread_size=16384))
    texts = [_CALL.replace("NAME", name).replace("CALL", call) for name, call in _CALLS.items()]
    composition = compose(made, kernel, running_machine())
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        names = [f"trial_{name}" for name in _CALLS]
        with Trial(made, composition, extra="".join(texts), functions=names) as trial:
            yield Stack(trial, follow)
    finally:
        os.sched_setaffinity(0, allowed)
