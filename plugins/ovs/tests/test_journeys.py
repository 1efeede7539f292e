"""Journeys over the border: our events by their upcall, those of Retis by the number of the packet."""

from __future__ import annotations

from typing import Any

import pytest

from tracer_core.events.about import About
from tracer_core.events.form import form_of
from tracer_core.events.objects import events_of
from tracer_core.files.contents import Contents
from tracer_core.plugins.joins import joins_of
from tracer_core.sections import Event, Header, ProbeInfo
from tracer_core.sort.sorter import Sorter
from tracer_core.testing.events import batch_of
from tracer_ovs.plugin import tracer_collector
from tracer_ovs.sections import Ovs, OvsUpcall
from tracer_skb_tracking.plugin import SkbTracking

ABOUT = About("tracer 1", "", 0, 0, "", "", "")
CONTENTS = Contents((form_of(SkbTracking), form_of(Ovs), form_of(OvsUpcall)))
PROBE = ProbeInfo("openvswitch:any", "raw_tracepoint", "tp")
FIRST, SECOND, OTHER = (10, 0xA), (60, 0xB), (15, 0xC)


def event(time: int, packet: tuple[int, int] | None, kind: str = "", **fields: Any) -> Event:  # noqa: ANN401 - of any field
    """An event of a packet, that which it was first seen as, or of none; of the upcall ``began``, if it tells."""
    began = fields.pop("began", None)
    sections: dict[str, Any] = {}
    if packet is not None:
        sections["skb-tracking"] = SkbTracking(packet[1], packet[0], time)
    if kind:
        sections["ovs"] = Ovs(**{**dict.fromkeys(Ovs._fields), "event_type": kind, **fields})
    if began is not None:
        sections["ovs-upcall"] = OvsUpcall(began[1], began[0], time - began[1])
    return Event(Header(time, 0, 0, 1, 1, 0, 0, b"x"), PROBE, sections)


def crossing(packet: tuple[int, int], back: tuple[int, int], queue: int, *, by_upcall: bool) -> list[Event]:
    """All that happens to a packet that goes to the process and back."""
    start, cpu = packet[0], 3
    of_upcall = {"upcall_ts": start + 2, "upcall_cpu": cpu}
    later = {"began": (cpu, start + 2)} if by_upcall else {}
    batch = {"batch_ts": start + 20, "batch_idx": 0}
    return [
        event(start, packet),
        event(start + 1, packet, "flow_lookup", flow=0),
        event(start + 2, packet, "upcall", cmd=1, port=5, cpu=cpu),
        event(start + 3, None, "upcall_enqueue", ret=0, queue_id=queue, **of_upcall),
        event(start + 4, packet, "upcall_return", ret=0, **of_upcall),
        event(start + 20, None, "recv_upcall", queue_id=queue, **batch, **later),
        event(start + 21, None, "flow_operation", op_type="put", queue_id=queue, **batch, **later),
        event(start + 22, None, "flow_operation", op_type="exec", queue_id=queue, **batch, **later),
        event(back[0], back, "action_execute", action="output", port=2, recirc_id=0, queue_id=queue, **later),
        event(back[0] + 1, back),
    ]


def journeys(events: list[Event]) -> tuple[list[list[int]], dict[str, int]]:
    """Times of events, by series, and what was not joined."""
    sorter = Sorter(CONTENTS, ABOUT, "skb-tracking", 0, joins_of(tracer_collector()))
    found: dict[int, list[int]] = {}
    for batch in (*sorter.add(batch_of(events)), *sorter.finish()):
        assert batch.series is not None
        for number, one in zip(batch.series.tolist(), events_of(batch), strict=True):
            found.setdefault(number, []).append(one.header.timestamp)
    return list(found.values()), dict(sorter.unjoined)


def times(events: list[Event]) -> list[int]:
    return [one.header.timestamp for one in events]


@pytest.mark.parametrize("by_upcall", [True, False], ids=["ours", "of Retis"])
def test_a_packet_that_comes_back_as_another_goes_on_with_its_journey(by_upcall: bool) -> None:
    life = crossing(FIRST, SECOND, 77, by_upcall=by_upcall)
    found, unjoined = journeys([*life[:5], event(17, OTHER), *life[5:]])
    assert found == [times(life), [17]]
    assert not unjoined


def test_two_packets_of_one_number_are_told_apart_by_their_upcalls() -> None:
    first, second = crossing(FIRST, SECOND, 77, by_upcall=True), crossing((11, 0xD), (61, 0xE), 77, by_upcall=True)
    mixed = sorted((*first, *second), key=lambda one: one.header.timestamp)
    found, unjoined = journeys(mixed)
    assert found == [times(first), times(second)]
    assert not unjoined


def test_an_event_of_the_process_may_come_before_that_of_the_queue() -> None:
    life = crossing(FIRST, SECOND, 77, by_upcall=True)
    life[3], life[5] = life[5], life[3]
    found, unjoined = journeys(life)
    assert found == [times(life)]
    assert not unjoined


@pytest.mark.parametrize("missing", range(10))
@pytest.mark.parametrize("by_upcall", [True, False], ids=["ours", "of Retis"])
def test_whatever_event_is_missing_the_others_are_all_there(by_upcall: bool, missing: int) -> None:
    life = crossing(FIRST, SECOND, 77, by_upcall=by_upcall)
    del life[missing]
    found, unjoined = journeys(life)
    assert sorted(time for series in found for time in series) == times(life)
    if missing not in (2, 3, 8):  # what opens a key, and what adopts the packet that comes back
        assert found == [times(life)]
        assert not unjoined
