"""Runs that are planned for recorded kernels: what they say, and what becomes of records that are made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_core.api import BOOL, S64, U16, U32, Blob, Chars, Packet, section
from tracer_core.backend.machine import running_machine
from tracer_core.decode.columns import ColumnDecoder
from tracer_core.errors import PluginError, UsageError
from tracer_core.events.objects import events_of
from tracer_core.kernel.view import Prototype
from tracer_core.plan.plan import Plan, PlannedProbe, PlannedSection
from tracer_core.testing import Record, Tracer, planned, recorded_kernel, recorded_names
from tracer_core.testing.records import batch_of_records
from tracer_core.types import Probe
from tracer_core.wire import layout_of

RECEIVE, XMIT = "tp:net:netif_receive_skb", "tp:net:net_dev_start_xmit"
FRAME = bytes(range(60))


class Stamp(NamedTuple):
    price: U16
    paid: BOOL


@section("parcel")
class Parcel(NamedTuple):
    weight: S64
    name: Annotated[bytes, Chars(5)]
    stamp: Stamp | None = None


@section("letter")
class Letter(NamedTuple):
    size: U32
    text: Annotated[bytes, Blob(200, "size")]


def plan_of(*classes: type[tuple[object, ...]]) -> Plan:
    pieces = [
        (piece, None if piece is layout else layout) for layout in map(layout_of, classes) for piece in layout.placed()
    ]
    sections, shift = [], 0
    for piece, whole in pieces:
        sections.append(PlannedSection(piece, shift, whole))
        shift += piece.bits
    probes = tuple(PlannedProbe(Probe.tracepoint(name), Prototype((), "void", "", 0), 0) for name in ("a:b", "c:d"))
    return Plan("test", (), (), (), tuple(sections), (), probes, ())


PLAN = plan_of(Parcel, Letter)
stamps = st.none() | st.builds(Stamp, st.integers(0, 2**16 - 1), st.booleans())
names = st.binary(max_size=5).map(lambda name: name.rstrip(b"\0"))
parcels = st.builds(Parcel, st.integers(-(2**63), 2**63 - 1), names, stamps)
letters = st.binary(max_size=200).map(lambda text: Letter(len(text), text))
records = st.lists(
    st.builds(
        Record,
        st.fixed_dictionaries({}, optional={"parcel": parcels, "letter": letters}),
        probe=st.integers(0, 1),
        timestamp=st.integers(0, 2**64 - 1),
    )
)


@given(records)
def test_records_are_decoded_to_what_they_were_made_of(made: list[Record]) -> None:
    events = events_of(ColumnDecoder(PLAN, ()).decode(batch_of_records(PLAN, made)))
    assert [event.sections for event in events] == [record.sections for record in made]
    assert [event.header.timestamp for event in events] == [record.timestamp for record in made]
    assert [event.probe.symbol for event in events] == [("a:b", "c:d")[record.probe] for record in made]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (Record({"box": None}), "no section box in this plan, which has letter, parcel"),
        (Record({}, probe=2), "no probe 2 in this plan, which has 2"),
        (Record({"parcel": Parcel("heavy", b"")}), r"parcel\.weight cannot be 'heavy'"),  # type: ignore[arg-type]
        (Record({"letter": Letter(300, bytes(300))}), r"letter\.text takes up to 200 bytes"),
    ],
)
def test_records_that_no_program_could_write_are_refused(record: Record, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        record.packed(PLAN)


def packet(size: int) -> Packet:
    return Packet(len(FRAME), size, FRAME[:size])


def test_a_run_says_what_the_command_would_say_of_it(tracer: Tracer) -> None:
    from tracer_skb.plugin import SkbOptions

    run = planned("skb", "dev", probes=[XMIT], options={"skb": SkbOptions(("meta", "gso"))}, kernel="6.1", typed=False)
    assert tracer.run(*run.arguments, "--print-bpf").stdout == run.composed(running_machine()).text
    assert tracer.run(*run.arguments, "--dry-run").stdout.splitlines() == list(run.plan.describe())


def test_records_are_shown_as_users_would_see_them(tracer: Tracer) -> None:
    run = planned("skb", "dev", probes=[RECEIVE, XMIT])
    from tracer_dev.plugin import Dev

    records = [Record({"dev": Dev(b"eth0", 3, 0)}), Record({"dev": Dev(b"lo", 1, 2)}, probe=1, timestamp=7, cpu=1)]
    assert run.replayed(tracer, records, "--format", "single-line").splitlines() == [
        "1000000000 (0) [test] 1 [tp] net:netif_receive_skb if 3 (eth0)",
        "7 (1) [test] 1 [tp] net:net_dev_start_xmit if 1 (lo) rxif 2",
    ]
    assert [event.get(Dev) for event in run.events(records)] == [Dev(b"eth0", 3, None), Dev(b"lo", 1, 2)]


def test_records_are_written_as_users_would_have_them(tracer: Tracer, tmp_path: Path) -> None:
    from tracer_dev.plugin import Dev

    run, path = planned("dev", probes=[RECEIVE]), tmp_path / "events.json"
    assert run.replayed(tracer, [Record({"dev": Dev(b"eth0", 3, 0)})], "-o", str(path)) == ""
    (event,) = (json.loads(line) for line in path.read_text().splitlines()[1:])
    assert event["dev"] == {"name": "eth0", "ifindex": 3}


def test_a_command_that_fails_says_why(tracer: Tracer) -> None:
    with pytest.raises(AssertionError, match="No such option"):
        planned("dev", probes=[RECEIVE]).replayed(tracer, [], "--no-such-option")


def test_what_cannot_be_planned_is_refused() -> None:
    with pytest.raises(PluginError, match="no collector named no-such"):
        planned("no_such")
    with pytest.raises(UsageError, match=r"no recorded kernel 1\.0"):
        planned("dev", probes=[RECEIVE], kernel="1.0")


@pytest.mark.bpf
@pytest.mark.parametrize("name", recorded_names())
def test_memory_is_laid_out_as_on_the_kernel_that_is_planned_for(name: str) -> None:
    from tracer_dev.plugin import Dev

    run = planned("dev", probes=[XMIT], kernel=name, typed=False)
    with run.tried() as tried:
        tried.fill("sk_buff", 0, {"dev": tried.address(4096), "skb_iif": 5})
        tried.fill("net_device", 4096, {"name": b"eth0", "ifindex": 3})
        (event,) = tried.events(tried.address(), 0)
        assert event.get(Dev) == Dev(b"eth0", 3, 5)
        tried.clear()
        assert tried.events(tried.address(), 0) == []
        with pytest.raises(KeyError, match=r"sk_buff\.no_such"):
            tried.fill("sk_buff", 0, {"no_such": 1})


@pytest.mark.bpf
def test_bits_beside_a_bit_field_are_left_alone() -> None:
    with planned("dev", probes=[XMIT], typed=False).tried() as tried:
        kernel = recorded_kernel("6.12")
        place = kernel.member("sk_buff", "pkt_type")
        assert place is not None
        at = place.bit_offset // 8
        tried.memory[at] = 0xFF
        tried.fill("sk_buff", 0, {"pkt_type": 2})
        assert tried.memory[at] == 0xFF & ~(7 << place.bit_offset % 8) | 2 << place.bit_offset % 8
