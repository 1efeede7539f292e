"""Asks the process of Open vSwitch about flows that the kernel looks up, and reports what it says."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer_core.api import RunError, UsageError
from tracer_ovs.enrich.daemon import control_socket
from tracer_ovs.enrich.requests import Requests
from tracer_ovs.enrich.sections import Flow, OvsDetrace
from tracer_ovs.enrich.ufid import ufid_text
from tracer_ovs.enrich.unixctl import Control, ControlError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Iterator

    from tracer_core.api import Columns, Group, Session, Watch

DETRACE = "ofproto/detrace"
"""Command that gives the rules of a flow, since Open vSwitch 3.4."""

_NO_THREAD = f"pmd={0x7FFFFFFF}"  # NON_PMD_CORE_ID of Open vSwitch: flows of the kernel are of none of its threads
_NOT_YET = "Cache was not found"  # the flow is new, and what it was made of is not collected yet
_GONE = "UFID was not found"
_FIELDS = ("ufid_0", "ufid_1", "ufid_2", "ufid_3", "flow", "sf_acts")
_PATIENCE = 5.0  # seconds for a question that is under way when the run ends


@contextmanager
def enriched(session: Session, section: type[Any], rate: int, process: str | int) -> Iterator[None]:
    """Within this, what Open vSwitch says of flows is reported.

    Args:
        session: Of the collector.
        section: That records look-ups, in a group ``lookup``.
        rate: Flows that are asked for in a second, at most.
        process: Name or PID of the one that is asked.

    Raises:
        UsageError: the rate is none.
        RunError: there is no Open vSwitch that can be asked.
    """
    if rate < 1:
        raise UsageError(f"--ovs-enrich-rate: {rate} is no number of flows in a second", hint="give 1 or more")
    with _connected(process) as (control, commands):
        if DETRACE not in commands:
            what = "Running OpenvSwitch does not support '%s', only datapath flows will be enriched"
            session.log.warning(what, DETRACE)
        enricher = Enricher(session.watch(section), session.reporter(OvsDetrace), control, rate, session.log)
        with enricher.running(with_rules=DETRACE in commands):
            yield


@contextmanager
def _connected(process: str | int) -> Iterator[tuple[Control, frozenset[str]]]:
    with Control(lambda: control_socket(process)) as control:
        try:
            commands = control.commands()
        except ControlError as error:
            what = f"Failed to connect to OVS via unixctl: {error}"
            raise RunError(what, hint="start ovs-vswitchd, or leave out --ovs-enrich-flows") from error
        yield control, commands


class Enricher:
    """A thread that asks.

    Args:
        watch: On look-ups.
        report: Takes what is said.
        control: Whom to ask.
        rate: Flows in a second, at most.
        log: For the user.
    """

    def __init__(
        self, watch: Watch, report: Callable[[OvsDetrace], None], control: Control, rate: int, log: logging.Logger
    ) -> None:
        self._watch = watch
        self._report = report
        self._control = control
        self._requests = Requests(rate)
        self._log = log
        self._expired = 0
        self._error: BaseException | None = None

    @contextmanager
    def running(self, *, with_rules: bool) -> Iterator[None]:
        """Within this, it asks.

        Args:
            with_rules: For the OpenFlow rules, too.
        """
        # a daemon, so that a run ends whatever it waits for
        thread = threading.Thread(target=self._work, args=(with_rules,), name="ovs-enrich", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._watch.close()
            thread.join(_PATIENCE)
            self._tell()
        if self._error is not None:
            raise self._error

    def _work(self, with_rules: bool) -> None:
        try:
            while self._watch.is_open:
                for columns in self._watch.take(self._requests.wait(time.monotonic())):
                    for flow in looked_up(columns):
                        self._requests.seen(flow, time.monotonic())
                self._ask(with_rules=with_rules)
                self._warn_expired()
        except BaseException as error:  # noqa: BLE001 - raised again when the run ends
            self._error = error
            self._watch.close()
            self._log.warning("flows are not enriched any more: %s: %s", type(error).__name__, error)

    def _ask(self, *, with_rules: bool) -> None:
        request = self._requests.next(time.monotonic())
        if request is None:
            return
        flow, name = request.flow, f"ufid:{ufid_text(request.flow.ufid)}"
        try:
            dpflow = self._control.call("dpctl/get-flow", name).strip()
            rules = self._control.call(DETRACE, name, _NO_THREAD) if with_rules else None
            if rules is not None and rules.startswith(_GONE):  # an answer like others
                raise ControlError(rules.strip())
        except ControlError as error:
            self._requests.fail(request, time.monotonic())
            self._log.debug("%s: %s", name, error)
            return
        if rules is not None and (not rules.strip() or rules.startswith(_NOT_YET)):
            self._requests.put_back(request, time.monotonic())
            return
        lines = (line.strip() for line in (rules or "").splitlines())
        self._report(OvsDetrace(*flow, dpflow, tuple(line for line in lines if line)))
        self._requests.answered(time.monotonic())

    def _warn_expired(self) -> None:
        more = self._requests.expired - self._expired
        if more:
            self._expired = self._requests.expired
            self._log.warning("%d flow(s) were not asked for: they waited for too long", more)

    def _tell(self) -> None:
        requests = self._requests
        if dropped := requests.dropped + self._watch.missed:
            self._log.warning("%d look-up(s) were not asked about: too many waited", dropped)
        if requests.failed:
            self._log.warning("%d request(s) to Open vSwitch failed", requests.failed)
        if requests.unsent:
            self._log.info("%d request(s) to Open vSwitch were not sent any more", requests.unsent)


def looked_up(columns: Columns) -> Iterable[Flow]:
    """The flows that were found by look-ups, each once, in the order in which they came.

    Args:
        columns: Of records, with a group ``lookup``.
    """
    group: Group | None = columns["lookup"]
    if group is None:
        return
    fields = np.column_stack([np.asarray(group.columns[name], np.uint64) for name in _FIELDS])
    fields = fields[fields[:, 4] != 0]  # others found none
    _, first = np.unique(fields, axis=0, return_index=True)
    for *ufid, flow, sf_acts in fields[np.sort(first)].tolist():
        yield Flow(tuple(ufid), flow, sf_acts)
