"""A collection: build, attach, take events as they come, detach."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

from tracer_core.compose.compose import compose
from tracer_core.errors import RunError, TracerError
from tracer_core.events.about import clock_offset
from tracer_core.plugins.exchange import Exchange, Link
from tracer_core.plugins.session import Session, guarded
from tracer_core.run.blame import explain
from tracer_core.run.drain import Drain
from tracer_core.run.ending import finish, wait_for_end
from tracer_core.run.losses import LossReport
from tracer_core.run.notices import Notice, command, stop_signals
from tracer_core.run.prepare import without
from tracer_core.run.program_messages import ProgramMessages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tracer_core.backend.base import Backend, Batch
    from tracer_core.changes.changes import Changes
    from tracer_core.compose.composition import Composition, Machine
    from tracer_core.events.batch import EventBatch
    from tracer_core.kernel.view import TypedKernel
    from tracer_core.plan.plan import Plan
    from tracer_core.plan.request import Request
    from tracer_core.run.prepare import Prepared
    from tracer_core.run.sinks import Sink
    from tracer_core.run.stack_probes import StackProbes
    from tracer_core.run.summary import Summary
    from tracer_core.run.tracked_data import TrackedDataRecords

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Collection:
    """Everything a run consists of.

    Attributes:
        prepared: The plan and who made it.
        request: What the plan was made for.
        kernel: What the plan was made on.
        machine: What the program is composed for.
        backend: Makes a backend, for trials when something was refused.
        sinks: Makes what takes the events of what was prepared; called when they can already come, since it may import
            much.
        ready_file: Created when events can come.
        command: For the shell, run meanwhile; the run ends with it.
        stop_after: Events to take; 0 for all.
        tracked_data: Takes the records that say what becomes of packets' data, if events are sorted.
        changes: Makes what collectors have changed; nothing if nothing may be.
        utc: Times in messages are dates, in UTC.
        summary: Says at the end what was seen, if anybody wants to know.
    """

    prepared: Prepared
    request: Request
    kernel: TypedKernel
    machine: Machine
    backend: Callable[[], Backend]
    sinks: Callable[[Prepared], Sequence[Sink]]
    ready_file: Path | None = None
    command: str | None = None
    stop_after: int = 0
    tracked_data: TrackedDataRecords | None = None
    changes: Changes | None = None
    utc: bool = False
    summary: Summary | None = None


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Log how long a part of the start takes; ``bench/startup.py`` reads this."""
    start = time.perf_counter()
    yield
    log.debug("phase %s: %.1f ms", name, (time.perf_counter() - start) * 1e3)


def run(collection: Collection, backend: Backend) -> None:
    """Run until something ends it: a signal, a command, the end of a replay, the number of events asked for.

    Args:
        collection: What to run.
        backend: How, entered by the caller, whose leaving it detaches whatever happened.

    Raises:
        TracerError: something failed; its message says what and whose.
    """
    prepared = collection.prepared
    notices: SimpleQueue[Notice] = SimpleQueue()
    with stop_signals(notices), ExitStack() as sessions:
        with phase("compose"):
            composition = compose(prepared.plan, collection.kernel, collection.machine)
        try:
            _build(backend, collection, composition)
        except TracerError as error:
            raise explain(error, prepared, lambda name: _trial(collection, name)) from error
        exchange = Exchange()
        sessions.callback(_tell_untaken, exchange)  # when all sessions are left
        if backend.live:
            _enter_sessions(sessions, collection, exchange)
        exchange.begin()
        report = LossReport(backend, prepared.plan)
        probes = _stack_probes(collection, notices)
        offset = clock_offset() if collection.utc else None
        messages = ProgramMessages(composition.messages, prepared.plan, clock_offset=offset)
        drain = Drain(
            backend,
            partial(_sinks, collection, exchange, probes),
            limit=collection.stop_after,
            facts=report.facts,
            ended=lambda: notices.put(Notice.DRAINED),
            sift=_sift(collection, messages),
            reported=partial(_reported, exchange, prepared.plan) if exchange.reported else None,
        )
        with drain:  # files end when nothing can be lost any more
            try:
                _attach(collection, backend)
                began = time.monotonic()
                drain.start()
                with command(collection.command, notices) if collection.command is not None else nullcontext():
                    wait_for_end(drain, notices, report, partial(probes.attach, backend) if probes else _nothing)
                backend.disable()
                seconds = time.monotonic() - began
                finish(drain, notices)
            finally:
                with phase("detach"):
                    backend.detach()
        messages.end()
        if probes is not None:
            probes.tell()
        log.info("%d event(s) processed", drain.count)
        if exchange.reported:
            log.debug("%d event(s) reported by collectors", drain.reported)
        report.tell()
        if collection.summary is not None:
            if not drain.count and not report.losses.total:
                log.info("%s", _nothing_seen(collection.prepared.plan))
            collection.summary.tell(report.losses, seconds if backend.live else None)


def _nothing_seen(plan: Plan) -> str:
    """What to think of when no event came."""
    filters = {"-f": plan.filter, "-m": plan.metadata, "--netns": plan.netns}
    asked = " and ".join(option for option, given in filters.items() if given)
    return f"nothing {f'that matches {asked} ' if asked else ''}passed a probe"


def _nothing() -> None:
    pass


def _stack_probes(collection: Collection, notices: SimpleQueue[Notice]) -> StackProbes | None:
    plan = collection.prepared.plan
    if not plan.probe_stack:
        return None
    from tracer_core.run.stack_probes import StackProbes  # noqa: PLC0415 - numpy, which few runs need so early

    return StackProbes(plan, collection.kernel, lambda: notices.put(Notice.STACKS))


def _sift(collection: Collection, messages: ProgramMessages) -> Callable[[Batch], Batch] | None:
    """What takes records that are no events out of a batch; messages first, whose mask says nothing of sections."""
    has_messages, tracked_data = collection.prepared.plan.log_level is not None, collection.tracked_data
    if tracked_data is None:
        return messages.sift if has_messages else None
    return (lambda batch: tracked_data.sift(messages.sift(batch))) if has_messages else tracked_data.sift


def _sinks(collection: Collection, exchange: Exchange, probes: StackProbes | None) -> Sequence[Sink]:
    sinks = collection.sinks(replace(collection.prepared, reported=tuple(exchange.reported)))
    if probes is not None:
        sinks = [*sinks, probes]
    if not exchange.watches:
        return sinks
    from tracer_core.run.sessions import WatchSink  # noqa: PLC0415 - numpy, imported while events already come

    # first, for what it shows may be asked about by those who wait for an answer
    return [WatchSink(collection.prepared.plan, exchange.watches), *sinks]


def _reported(exchange: Exchange, plan: Plan) -> EventBatch | None:
    reports = exchange.take()
    if not reports:
        return None
    from tracer_core.run.sessions import reported_events  # noqa: PLC0415 - ditto

    return reported_events(reports, plan)


def _tell_untaken(exchange: Exchange) -> None:
    for collector, count in exchange.lost.items():
        log.warning("%s: %d event(s) were lost that it reported while too many waited to be written", collector, count)
    if late := len(exchange.take()):
        log.info("%d event(s) were reported when the run had ended, and are left out", late)


def _build(backend: Backend, collection: Collection, composition: Composition) -> None:
    with phase("compile"):
        backend.compile(collection.prepared.plan, composition)
    with phase("load"):
        backend.load()


def _attach(collection: Collection, backend: Backend) -> None:
    with phase("attach"):
        attached = backend.attach()
        backend.enable()
    log.info("%d probe(s) loaded", attached)
    if collection.prepared.plan.weakness:  # told only to those who may trace
        log.warning("%s", collection.prepared.plan.weakness)
    if collection.ready_file is not None:
        _touch(collection.ready_file)


def _touch(path: Path) -> None:
    try:
        path.touch()
    except OSError as error:
        raise RunError(f"--ready-file: cannot create {path}: {error.strerror}", hint="name another file") from error


def _trial(collection: Collection, name: str) -> None:
    plan = without(collection.prepared, name, collection.request, collection.kernel)
    with collection.backend() as backend:
        backend.compile(plan, compose(plan, collection.kernel, collection.machine))
        backend.load()


def _enter_sessions(sessions: ExitStack, collection: Collection, exchange: Exchange) -> None:
    prepared = collection.prepared
    collectors = {collector.owner: collector for collector in prepared.collectors}
    options = {declaration.owner: declaration.options for declaration in prepared.declarations}
    for owner in prepared.plan.owners:  # in the order in which their code runs
        if collection.changes is not None:
            for change in (prepared.changes or {}).get(owner, ()):
                sessions.enter_context(collection.changes.made(change))
        session = Session(
            collection.kernel,
            options[owner],
            logging.getLogger(owner.name),
            Link(exchange, owner, collectors[owner].spec.sections),
            netns=collection.request.netns,
            changed=collection.changes is not None,
        )
        manager = collectors[owner].call("tracer_session", session=session)
        if manager is not None:
            sessions.enter_context(guarded(owner, manager, session.log))
