"""The text of what Open vSwitch says of flows, compared with that of the PyPI `retis` library."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import retis
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_core.api import TextOptions
from tracer_core.events.about import About
from tracer_core.sections import Event, Header, ProbeInfo
from tracer_core.testing.events import written_json
from tracer_ovs.enrich.sections import OvsDetrace
from tracer_ovs.enrich.text import detrace_text
from tracer_ovs.enrich.ufid import ufid_text

if TYPE_CHECKING:
    import pytest

ABOUT = About("tracer 0.1.0", "tracer collect -o x", 17, 5, "6.1", "#1 SMP", "x86_64")
words = st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=1, max_size=20)
numbers = st.integers(0, 2**32 - 1)
detraces = st.builds(
    OvsDetrace,
    st.tuples(numbers, numbers, numbers, numbers),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1),
    words,
    st.lists(words, min_size=1, max_size=3).map(tuple),
)


@settings(max_examples=60)
@given(found=st.lists(detraces, min_size=1, max_size=10))
def test_text_and_values_are_those_of_retis(tmp_path_factory: pytest.TempPathFactory, found: list[OvsDetrace]) -> None:
    header = Header(7, 0, 0, None, None, None, 0, None)
    events = [Event(header, ProbeInfo("", "", ""), {"ovs-detrace": detrace}) for detrace in found]
    path = written_json(tmp_path_factory.mktemp("oracle") / "events.json", events, ABOUT)
    _, *theirs = retis.EventReader(str(path))
    for event, detrace in zip(theirs, found, strict=True):
        ours = f"7\n{detrace_text(detrace, TextOptions())}".replace("\n", "\n  ")
        assert str(event) == ours
    values = [json.loads(line)["ovs-detrace"] for line in path.read_text().splitlines()[1:]]
    assert [event.to_dict()["ovs-detrace"] for event in theirs] == values


def test_on_a_single_line_all_is_joined_by_spaces() -> None:
    detrace = OvsDetrace((1, 2, 3, 4), 5, 6, "in_port(1)", ("one", "two"))
    options = TextOptions(multi_line=False)
    ufid = "00000001-0000-0002-0000-000300000004"
    assert detrace_text(detrace, options) == f"ufid:{ufid} in_port(1) openflow: one two"
    assert detrace_text(detrace._replace(ofpflows=()), options) == f"ufid:{ufid} in_port(1)"


@given(st.tuples(numbers, numbers, numbers, numbers))
def test_an_identifier_has_its_digits_in_groups(ufid: tuple[int, ...]) -> None:
    text = ufid_text(ufid)
    assert list(map(len, text.split("-"))) == [8, 4, 4, 4, 12]
    assert text.replace("-", "") == "".join(f"{part:08x}" for part in ufid)
