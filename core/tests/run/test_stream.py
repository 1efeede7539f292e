"""Events through a pipe to another process."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, TypeVar

import pytest

from tracer_core.errors import RunError
from tracer_core.events.about import About
from tracer_core.events.form import form_of
from tracer_core.events.objects import events_of
from tracer_core.files.arrow.pipe import EventStream, Pipe
from tracer_core.files.contents import Contents
from tracer_core.run.stream import StreamOutput
from tracer_core.sections import Event, Header, Packet, ProbeInfo
from tracer_core.testing.events import batch_of
from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

PROBE = ProbeInfo("net:netif_rx", "raw_tracepoint", "tp")
ABOUT = About("tracer 0", "tracer collect", 1, 2, "6", "#1", "x", probes=(PROBE,), sections={"packet": 1})
CONTENTS = Contents((form_of(Packet),))
AT_ONCE = 50


class Ends:
    """Both ends of a pipe."""

    def __init__(self, room: int) -> None:
        self.fd, theirs = os.pipe()
        self.pipe = Pipe(theirs, room)
        self.output = StreamOutput(self.pipe, ABOUT, CONTENTS)
        self.stream = EventStream(self.fd, [Packet])

    def write(self, first: int) -> None:
        """Some events, that compress badly."""
        self.output.write(batch_of(list(map(event, range(first, first + AT_ONCE)))))
        self.output.tick()

    def end_meanwhile(self) -> threading.Thread:
        """End it; that waits until all is read."""
        thread = threading.Thread(target=self.output.end, args=({"lost": {"a": 1}},))
        thread.start()
        return thread

    def rest(self) -> list[Event]:
        """What can be read."""
        found = []
        while self.stream.wait():
            if (batch := self.stream.read()) is not None:
                found += events_of(batch)
        return found


def event(number: int) -> Event:
    return Event(Header(number, 0, 0, 1, 1, 0, 0, b"x"), PROBE, {"packet": Packet(200, 200, os.urandom(200))})


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends(1 << 20)
    yield made
    os.close(made.fd)


def test_what_is_written_is_read_in_order_and_then_what_is_known_at_the_end(ends: Ends) -> None:
    assert ends.stream.begin()
    assert ends.stream.about == ABOUT
    for first in range(0, 3 * AT_ONCE, AT_ONCE):
        ends.write(first)
    thread = ends.end_meanwhile()
    assert [found.header.timestamp for found in ends.rest()] == list(range(3 * AT_ONCE))
    thread.join(patience(10))
    assert (ends.stream.end, ends.stream.dropped) == ({"lost": {"a": 1}}, 0)


def test_who_writes_never_waits_and_what_has_no_room_is_counted() -> None:
    ends = Ends(1)
    assert ends.stream.begin()
    started = time.monotonic()
    for first in range(0, 40 * AT_ONCE, AT_ONCE):
        ends.write(first)
    assert time.monotonic() - started < patience(5)  # though nobody reads
    thread = ends.end_meanwhile()
    found = [one.header.timestamp for one in ends.rest()]
    thread.join(patience(10))
    assert ends.stream.dropped > 0
    assert len(found) + ends.stream.dropped == 40 * AT_ONCE
    assert found == sorted(found)
    os.close(ends.fd)


def test_who_writes_is_told_that_nobody_reads_any_more() -> None:
    ends = Ends(1 << 20)
    os.close(ends.fd)
    with pytest.raises(RunError, match="the program that reads the events is gone"):
        ends.output.tick()
    with pytest.raises(RunError, match="gone"):
        ends.output.end({})


def test_a_writer_that_is_killed_ends_the_stream_wherever_it_was(ends: Ends) -> None:
    ends.write(0)
    thread = ends.end_meanwhile()
    data = bytearray()
    while piece := os.read(ends.fd, 1 << 20):
        data += piece
    thread.join(patience(10))
    for size in (0, 7, 100, len(data) // 2, len(data) - 1):
        fd, theirs = os.pipe()
        os.write(theirs, data[:size])
        os.close(theirs)
        stream = EventStream(fd, [Packet])
        if stream.begin():
            while stream.wait():
                stream.read()
        assert stream.end == {}
        os.close(fd)


def test_who_reads_can_be_interrupted_anywhere(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    ends.write(0)
    thread = ends.end_meanwhile()
    read, calls = os.read, 0

    def interrupted(fd: int, _size: int) -> bytes:
        nonlocal calls
        calls += 1
        if calls % 2:
            raise KeyboardInterrupt
        return read(fd, 100)

    monkeypatch.setattr(os, "read", interrupted)

    def patient(do: Callable[[], T]) -> T:
        while True:
            try:
                return do()
            except KeyboardInterrupt:
                continue

    assert patient(ends.stream.begin)
    count = 0
    while patient(ends.stream.wait):
        batch = patient(ends.stream.read)
        count += batch.count if batch is not None else 0
    assert count == AT_ONCE
    monkeypatch.undo()
    thread.join(patience(10))
