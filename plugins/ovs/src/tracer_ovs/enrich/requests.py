"""Which flows are asked for, and when: rules without a clock, a socket or a thread.

They are those of Retis. A flow is asked for once, as long as it is seen at least every 10 s; if its actions are others,
once more. So many wait, and not longer than 10 s. Between an answer and the next question is a pause.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tracer_ovs.enrich.sections import Flow
    from tracer_ovs.enrich.ufid import Ufid

WAITING = 100
"""Questions that may wait."""
AGE = 10.0
"""Seconds that a question waits, and that a flow is known which is not seen."""
KNOWN = (512 << 10) // 40
"""Flows that may be known: 512 KiB of identifier, two addresses and a time."""


class Request(NamedTuple):
    """A question.

    Attributes:
        flow: What is asked for.
        since: When it was first asked, in seconds.
    """

    flow: Flow
    since: float


class _Known(NamedTuple):
    flow: Flow
    seen: float


class Requests:
    """Questions that wait, and flows for which there was one.

    Times are in seconds of any clock, and never go back.

    Args:
        rate: Questions in a second, at most.
    """

    def __init__(self, rate: int) -> None:
        self._pause = 1 / rate
        self._due = float("-inf")
        self._waiting: OrderedDict[Ufid, Request] = OrderedDict()
        self._known: OrderedDict[Ufid, _Known] = OrderedDict()  # what was not seen for longest comes first
        self.dropped = 0
        """Those that there was no room for."""
        self.expired = 0
        """Those that waited for too long."""
        self.failed = 0
        """Those that could not be asked, or were refused."""

    @property
    def unsent(self) -> int:
        """Those that wait."""
        return len(self._waiting)

    def seen(self, flow: Flow, now: float) -> None:
        """A flow was looked up: ask for it, unless that was done."""
        self._expire(now)
        known = self._known.get(flow.ufid)
        if known is not None and known.flow == flow:
            self._know(flow, now)
        elif flow.ufid in self._waiting or len(self._waiting) < WAITING:
            self._waiting[flow.ufid] = Request(flow, now)  # where the one with other actions was
            self._know(flow, now)
        else:
            self.dropped += 1

    def wait(self, now: float) -> float | None:
        """Seconds until the next question may be asked; nothing if there is none."""
        return max(0.0, self._due - now) if self._waiting else None

    def next(self, now: float) -> Request | None:
        """The next question, if it is time for it. It waits no more."""
        self._expire(now)
        if now < self._due or not self._waiting:
            return None
        return self._waiting.popitem(last=False)[1]

    def answered(self, now: float) -> None:
        """The last question has its answer."""
        self._due = now + self._pause

    def put_back(self, request: Request, now: float) -> None:
        """There is no answer to it yet: it is the next one again, if nothing else is asked for that flow now."""
        self.answered(now)
        known = self._known.get(request.flow.ufid)
        if request.flow.ufid in self._waiting or (known is not None and known.flow != request.flow):
            return
        if len(self._waiting) >= WAITING:
            self.dropped += 1
            self._known.pop(request.flow.ufid, None)
            return
        self._waiting[request.flow.ufid] = request
        self._waiting.move_to_end(request.flow.ufid, last=False)

    def fail(self, request: Request, now: float) -> None:
        """It could not be asked, or was refused. When the flow is seen again, it is asked for again."""
        self.answered(now)
        self.failed += 1
        self._forget(request.flow)

    def _know(self, flow: Flow, now: float) -> None:
        self._known[flow.ufid] = _Known(flow, now)
        self._known.move_to_end(flow.ufid)
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)

    def _forget(self, flow: Flow) -> None:
        known = self._known.get(flow.ufid)
        if known is not None and known.flow == flow:
            del self._known[flow.ufid]

    def _expire(self, now: float) -> None:
        while self._known and next(iter(self._known.values())).seen < now - AGE:
            self._known.popitem(last=False)
        # those that were put back are older than what they stand before
        for request in [request for request in self._waiting.values() if request.since < now - AGE]:
            del self._waiting[request.flow.ufid]
            self.expired += 1
            self._forget(request.flow)
