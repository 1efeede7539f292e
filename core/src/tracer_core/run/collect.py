"""A collection: build, attach, show events as they come, detach."""

from __future__ import annotations

import logging
import signal
import time
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.compose.compose import compose
from tracer_core.errors import RunError, TracerError
from tracer_core.plugins.session import Session, guarded
from tracer_core.run.blame import explain
from tracer_core.run.prepare import without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tracer_core.backend.base import Backend, Batch
    from tracer_core.compose.composition import Composition, Machine
    from tracer_core.kernel.view import Kernel
    from tracer_core.plan.request import Request
    from tracer_core.run.prepare import Prepared
    from tracer_core.run.sinks import Sink

log = logging.getLogger(__name__)

_POLL = 0.2  # seconds; the longest that a signal waits
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)


@dataclass(frozen=True, slots=True)
class Collection:
    """Everything a run consists of.

    Attributes:
        prepared: The plan and who made it.
        request: What the plan was made for.
        kernel: What the plan was made on.
        machine: What the program is composed for.
        backend: Makes a backend, for trials when something was refused.
        sinks: Makes what takes the events; called when they can already come, since it may import much.
        ready_file: Created when events can come.
    """

    prepared: Prepared
    request: Request
    kernel: Kernel
    machine: Machine
    backend: Callable[[], Backend]
    sinks: Callable[[], Sequence[Sink]]
    ready_file: Path | None = None


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Log how long a part of the start takes; ``bench/startup.py`` reads this."""
    start = time.perf_counter()
    yield
    log.debug("phase %s: %.1f ms", name, (time.perf_counter() - start) * 1e3)


def run(collection: Collection, backend: Backend) -> None:
    """Run until a signal comes or a replay ends.

    Args:
        collection: What to run.
        backend: How, entered by the caller, whose leaving it detaches whatever happened.

    Raises:
        TracerError: something failed; its message says what and whose.
    """
    prepared = collection.prepared
    with _stop_signals() as stopped, ExitStack() as sessions:
        with phase("compose"):
            composition = compose(prepared.plan, collection.kernel.btf, collection.machine)
        try:
            _build(backend, collection, composition)
        except TracerError as error:
            raise explain(error, prepared, lambda name: _trial(collection, name)) from error
        if backend.live:
            _enter_sessions(sessions, collection)
        with ExitStack() as endings:  # of files, when nothing can be lost any more
            try:
                with phase("attach"):
                    backend.attach()
                    backend.enable()
                log.info("%d probe(s) loaded", len(prepared.plan.probes))
                if backend.live and collection.kernel.events is None:
                    log.warning("tracefs cannot be read, so '*' in probes is refused: see tracer doctor")
                if collection.ready_file is not None:
                    _touch(collection.ready_file)
                sinks = endings.enter_context(_ending(collection, backend))
                count = _drain(backend, sinks, stopped)
            finally:
                backend.detach()
        log.info("%d event(s) processed", count)
        _report_losses(backend, collection)


def _build(backend: Backend, collection: Collection, composition: Composition) -> None:
    with phase("compile"):
        backend.compile(collection.prepared.plan, composition)
    with phase("load"):
        backend.load()


def _touch(path: Path) -> None:
    try:
        path.touch()
    except OSError as error:
        raise RunError(f"--ready-file: cannot create {path}: {error.strerror}", hint="name another file") from error


def _trial(collection: Collection, name: str) -> None:
    plan = without(collection.prepared, name, collection.request, collection.kernel)
    with collection.backend() as backend:
        backend.compile(plan, compose(plan, collection.kernel.btf, collection.machine))
        backend.load()


def _enter_sessions(sessions: ExitStack, collection: Collection) -> None:
    prepared = collection.prepared
    collectors = {collector.owner: collector for collector in prepared.collectors}
    options = {declaration.owner: declaration.options for declaration in prepared.declarations}
    for owner in prepared.plan.owners:  # in the order in which their code runs
        session = Session(collection.kernel, options[owner], logging.getLogger(owner.name))
        manager = collectors[owner].call("tracer_session", session=session)
        if manager is not None:
            sessions.enter_context(guarded(owner, manager, session.log))


@contextmanager
def _ending(collection: Collection, backend: Backend) -> Iterator[Sequence[Sink]]:
    """The sinks, which are ended whatever happens, so that files have all that was taken."""
    sinks = collection.sinks()
    try:
        yield sinks
    except BaseException:
        lost = _lost(backend, collection)
        for sink in sinks:
            with suppress(TracerError):  # what is already on its way says more
                sink.end(lost)
        raise
    lost = _lost(backend, collection)
    for sink in sinks:
        sink.end(lost)


def _drain(backend: Backend, sinks: Sequence[Sink], stopped: Callable[[], bool]) -> int:
    count = 0
    while not stopped():
        batch = backend.read(_POLL)
        if batch is None:
            return count
        count += _give(batch, sinks)
    log.info("Received signal, terminating...")
    backend.disable()
    while (batch := backend.read(0)) and batch.offsets:
        count += _give(batch, sinks)
    return count


def _give(batch: Batch, sinks: Sequence[Sink]) -> int:
    for sink in sinks:
        sink.take(batch)
    return len(batch.offsets)


def _lost(backend: Backend, collection: Collection) -> Counter[str]:
    """Losses by probe: one that is at several places of a process is several probes of the plan."""
    lost: Counter[str] = Counter()
    for planned, count in zip(collection.prepared.plan.probes, backend.losses().by_probe, strict=True):
        lost[str(planned.probe)] += count
    return +lost


def _report_losses(backend: Backend, collection: Collection) -> None:
    losses = backend.losses()
    for planned, lost in zip(collection.prepared.plan.probes, losses.by_probe, strict=True):
        if lost:
            log.warning("lost %d event(s) from %s", lost, planned.probe.target)
    if losses.total:
        log.warning("total events lost: %d", losses.total)


@contextmanager
def _stop_signals() -> Iterator[Callable[[], bool]]:
    """The first signal asks for an end; later ones change nothing."""
    seen: list[int] = []
    previous = {number: signal.signal(number, lambda number, _: seen.append(number)) for number in _SIGNALS}
    try:
        yield lambda: bool(seen)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
