"""A collection: build, attach, show events as they come, detach."""

from __future__ import annotations

import logging
import signal
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.compose.compose import compose
from tracer_core.errors import RunError, TracerError
from tracer_core.plugins.session import Session, guarded
from tracer_core.run.blame import explain
from tracer_core.run.prepare import without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tracer_core.backend.base import Backend
    from tracer_core.compose.composition import Composition, Machine
    from tracer_core.kernel.view import Kernel
    from tracer_core.plan.request import Request
    from tracer_core.run.prepare import Prepared
    from tracer_core.sections import Event

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
        emit: Takes the events of a batch, in order.
        ready_file: Created when events can come.
    """

    prepared: Prepared
    request: Request
    kernel: Kernel
    machine: Machine
    backend: Callable[[], Backend]
    emit: Callable[[list[Event]], None]
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
        try:
            with phase("attach"):
                backend.attach()
                backend.enable()
            log.info("%d probe(s) loaded", len(prepared.plan.probes))
            if backend.live and collection.kernel.events is None:
                log.warning("tracefs cannot be read, so '*' in probes is refused: see tracer doctor")
            if collection.ready_file is not None:
                _touch(collection.ready_file)
            count = _drain(backend, collection, stopped)
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


def _drain(backend: Backend, collection: Collection, stopped: Callable[[], bool]) -> int:
    from tracer_core.decode.decoder import EventDecoder  # noqa: PLC0415 - numpy, imported while events already come

    decoder = EventDecoder(collection.prepared.plan, collection.prepared.readers)
    count = 0
    while not stopped():
        batch = backend.read(_POLL)
        if batch is None:
            return count
        count += len(batch.offsets)
        collection.emit(decoder.decode(batch))
    log.info("Received signal, terminating...")
    backend.disable()
    while (batch := backend.read(0)) and batch.offsets:
        count += len(batch.offsets)
        collection.emit(decoder.decode(batch))
    return count


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
