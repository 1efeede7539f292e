"""The text and the JSON of verdicts, and the PyPI ``retis`` library's of the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plugins.skb.tests.oracle import retis_texts

from tracer_core.events.form import form_of
from tracer_core.files.json.form import objects, parse, reader
from tracer_core.sections import Event, Header, ProbeInfo
from tracer_core.testing.events import batch_of
from tracer_core.types import TextOptions
from tracer_nft import verdicts
from tracer_nft.decode import decode
from tracer_nft.sections import Nft, Rule
from tracer_nft.text import nft_text

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = TextOptions()
STEP = Nft(1, 2, 3, "accept", False, b"t", b"c", None)
RULE = Rule(5, 1, 3, 0, 'tcp dport 22 accept comment "x"')

names = st.text(st.characters(categories=["L", "N"], max_codepoint=0x24F), min_size=1, max_size=30).map(str.encode)
handles = st.integers(0, (1 << 42) - 1)
steps = st.builds(
    Nft,
    handles,
    handles,
    st.none() | handles,
    st.sampled_from(list(verdicts.CODES)),
    st.booleans(),
    names,
    names,
    st.none() | names,
    st.none(),
)


@pytest.mark.parametrize(
    ("nft", "text"),
    [
        (STEP, "table t (1) chain c (2) handle 3 accept"),
        (
            STEP._replace(verdict="jump", verdict_chain_name=b"cc"),
            "table t (1) chain c (2) handle 3 jump chain cc",
        ),
        (STEP._replace(rule_handle=None, verdict="drop", policy=True), "table t (1) chain c (2) drop (policy)"),
        (STEP._replace(rule=RULE), f"table t (1) chain c (2) handle 3 [{RULE.text}] accept"),
        (
            STEP._replace(rule=RULE._replace(state=1, text="")),
            "table t (1) chain c (2) handle 3 [not there any more] accept",
        ),
        (
            STEP._replace(rule=RULE._replace(state=2, text="")),
            "table t (1) chain c (2) handle 3 [could not be read] accept",
        ),
        (STEP._replace(table_name=b"\xc3"), "table \ufffd (1) chain c (2) handle 3 accept"),
    ],
)
def test_the_text_says_where_which_rule_and_what(nft: Nft, text: str) -> None:
    assert nft_text(nft, OPTIONS) == text


def written(*found: Nft) -> list[dict[str, Any]]:
    """The JSON of sections."""
    header = Header(1, 0, 0, 1, 1, 0, 0, b"ping")
    probe = ProbeInfo("__nft_trace_packet", "kprobe", "k")
    batch = batch_of([Event(header, probe, {"nft": nft}) for nft in found])
    return [parse(text) for section in batch.sections for text in objects(section)]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=st.lists(steps, min_size=1, max_size=10))
def test_the_text_is_that_of_retis_for_what_we_write(tmp_path: Path, found: list[Nft]) -> None:
    events: list[dict[str, object]] = [{"common": {"timestamp": 1}, "nft": section} for section in written(*found)]
    assert retis_texts(tmp_path / "events.json", events) == [nft_text(nft, OPTIONS) for nft in found]


def test_retis_reads_events_with_the_text_of_rules(tmp_path: Path) -> None:
    [section] = written(STEP._replace(rule=RULE))
    assert section["rule"]["text"] == RULE.text
    assert retis_texts(tmp_path / "events.json", [{"common": {"timestamp": 1}, "nft": section}]) == [
        nft_text(STEP, OPTIONS)
    ]


@given(found=st.lists(steps | steps.map(lambda nft: nft._replace(rule=RULE)), min_size=1, max_size=10))
def test_what_is_written_is_read_again(found: list[Nft]) -> None:
    read = reader(form_of(Nft))
    assert [read(section) for section in written(*found)] == [(nft, None) for nft in found]


def test_what_is_not_there_is_left_out() -> None:
    [section] = written(STEP._replace(rule_handle=None))
    assert section == {
        "table_handle": 1,
        "chain_handle": 2,
        "verdict": "accept",
        "policy": False,
        "table_name": "t",
        "chain_name": "c",
    }


@given(st.lists(st.integers(-(2**31), 2**31 - 1) | st.integers(-8, 8)))
def test_codes_get_their_names_and_others_are_unknown(codes: list[int]) -> None:
    known = {code: name for name, code in verdicts.CODES.items()} | {5: "stop"}
    raw = {
        "verdict": np.array(codes, "<i4"),
        "rule_handle": np.arange(len(codes)) - 1,
        "verdict_chain_name": np.array([b"", b"x"] * len(codes), "S128")[: len(codes)],
    }
    found = decode(raw)
    assert found["verdict"] == [known.get(code, "unknown") for code in codes]
    assert found["rule_handle"] == [None, *range(len(codes))][: len(codes)]
    assert found["verdict_chain_name"] == [
        name if known.get(code) in ("jump", "goto") else None
        for code, name in zip(codes, [b"", b"x"] * len(codes), strict=False)
    ]
