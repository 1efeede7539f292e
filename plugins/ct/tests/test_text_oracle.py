"""Text and JSON of connections, compared with what the PyPI `retis` library makes of the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import retis
from hypothesis import given, settings
from hypothesis import strategies as st
from plugins.ct.tests.samples import cts, others

from tracer_core.events.about import About
from tracer_core.sections import Event, Header, ProbeInfo
from tracer_core.testing.events import written_json
from tracer_ct.text import format_ct

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tracer_ct.sections import Ct, CtOther

ABOUT = About("tracer 0.1.0", "tracer collect -o x", 17, 5, "6.1", "#1 SMP", "x86_64")


def event(**sections: Any) -> Event:  # noqa: ANN401 - sections
    named = {name.replace("_", "-"): section for name, section in sections.items()}
    return Event(Header(7, 0, 0, 1, 1, 0, 0, b"x"), ProbeInfo("ip_rcv", "kprobe", "k"), named)


def written(path: Path, events: list[Event]) -> Path:
    return written_json(path, events, ABOUT)


@settings(max_examples=80)
@given(found=st.lists(cts, min_size=1, max_size=20))
def test_connections_have_the_text_of_retis(tmp_path_factory: pytest.TempPathFactory, found: list[Ct]) -> None:
    path = written(tmp_path_factory.mktemp("oracle") / "events.json", [event(ct=ct) for ct in found])
    _, *theirs = map(str, retis.EventReader(str(path)))
    first = "7 (0) [x] 1 [k] ip_rcv\n  "
    assert [text.replace("\n  ", "\n") for text in theirs] == [
        (first + format_ct(ct, multi_line=True)).replace("\n  ", "\n") for ct in found
    ]


@settings(max_examples=40)
@given(found=cts)
def test_their_values_are_ours(tmp_path_factory: pytest.TempPathFactory, found: Ct) -> None:
    path = written(tmp_path_factory.mktemp("oracle") / "events.json", [event(ct=found)])
    _, theirs = retis.EventReader(str(path))
    assert theirs.to_dict()["ct"] == json.loads(path.read_text().splitlines()[1])["ct"]


@settings(max_examples=40)
@given(found=st.lists(others, min_size=1, max_size=5))
def test_what_they_have_no_form_for_does_not_disturb_them(
    tmp_path_factory: pytest.TempPathFactory, found: list[CtOther]
) -> None:
    path = written(tmp_path_factory.mktemp("oracle") / "events.json", [event(ct_other=other) for other in found])
    _, *theirs = map(str, retis.EventReader(str(path)))
    assert theirs == ["7 (0) [x] 1 [k] ip_rcv"] * len(found)
