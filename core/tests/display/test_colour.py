"""Colour in the text of events: it shows structure, and is nothing but added."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_core.api import Formatter, Place, Style, TextOptions, recorded, section
from tracer_core.display.text import TextFormat
from tracer_core.plugins.declaration import Owner
from tracer_core.sections import Event, Header, ProbeInfo
from tracer_core.testing.events import batch_of
from tracer_core.wire import U32

if TYPE_CHECKING:
    from collections.abc import Sequence

OWNER = Owner("demo")
SGR = re.compile(r"\x1b\[[0-9;]*m")
RED, BOLD = "\x1b[31m{}\x1b[0m", "\x1b[1m{}\x1b[0m"


@section("alpha")
class Alpha(NamedTuple):
    text: Annotated[str, recorded(U32)]


@section("beta")
class Beta(NamedTuple):
    text: Annotated[str, recorded(U32)]


def told(value: Alpha | Beta, _: TextOptions) -> str:
    return value.text


def event(symbol: str = "ip_rcv", **sections: tuple[str, ...]) -> Event:
    return Event(Header(2048, 0, 0, 10, 10, 1, 0, b"ping"), ProbeInfo(symbol, "kprobe", "k"), sections)


def shown(
    formatters: Sequence[Formatter],
    events: Sequence[Event],
    *,
    coloured: bool,
    multi_line: bool = True,
    series: Sequence[int] | None = None,
) -> str:
    text = TextFormat([(OWNER, one) for one in formatters], TextOptions(multi_line=multi_line), coloured=coloured)
    return "".join(text.lines(batch_of(events, series))) + text.end()


# characters that end lines for Python only are in no text of ours; escape sequences are what is looked for
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), include_characters="\n "), max_size=20)
FORMATTERS = st.tuples(
    *(
        st.builds(Formatter, st.just(cls), st.just(told), st.sampled_from(Place), style=st.sampled_from(Style))
        for cls in (Alpha, Beta)
    )
)
EVENTS = st.lists(
    st.builds(
        lambda symbol, alpha, beta: event(
            symbol,
            **({"alpha": Alpha(alpha)} if alpha is not None else {}),
            **({"beta": Beta(beta)} if beta is not None else {}),
        ),
        st.sampled_from(["ip_rcv", "net:netif_rx", ""]),
        st.none() | TEXTS,
        st.none() | TEXTS,
    ),
    min_size=1,
    max_size=5,
)


@given(FORMATTERS, EVENTS, st.booleans(), st.booleans())
def test_without_the_escape_sequences_it_is_the_text_to_the_byte(
    formatters: tuple[Formatter, ...], events: list[Event], multi_line: bool, is_sorted: bool
) -> None:
    series = [at // 2 for at in range(len(events))] if is_sorted else None
    plain, coloured = (
        shown(formatters, events, coloured=coloured, multi_line=multi_line, series=series) for coloured in (False, True)
    )
    assert "\x1b" not in plain
    assert SGR.sub("", coloured) == plain
    for line in coloured.split("\n"):  # a pager shows lines, each for itself
        assert line.count("\x1b[0m") * 2 == line.count("\x1b[")


def test_the_place_is_bold_and_trouble_is_red() -> None:
    formatters = [Formatter(Alpha, told, Place.HEAD, style=Style.TROUBLE), Formatter(Beta, told)]
    found = shown(formatters, [event(alpha=Alpha("drop"), beta=Beta("plain"))], coloured=True)
    assert found == f"2048 (1) [ping] 10 [k] {BOLD.format('ip_rcv')} {RED.format('drop')}\n  plain\n\n"


def test_each_line_of_a_part_has_its_colour() -> None:
    formatter = Formatter(Alpha, lambda alpha, _: "\n".join(alpha.text), style=Style.TROUBLE)
    found = shown([formatter], [event("", alpha=Alpha("ab"))], coloured=True)
    assert found == f"2048 (1) [ping] 10\n  {RED.format('a')}\n  {RED.format('b')}\n\n"


def colour(text: str) -> str:
    found = shown([Formatter(Alpha, told, style=Style.IDENTITY)], [event("", alpha=Alpha(text))], coloured=True)
    match = SGR.search(found)
    assert match is not None
    return match[0]


@pytest.mark.parametrize("more", ["", " (skb ffff)", " (skb eeee) n 3"])
def test_a_packet_has_one_colour_wherever_it_is(more: str) -> None:
    assert colour(f"#1baa83{more}") == colour("#1baa83")


def test_packets_have_several_colours_and_none_is_that_of_trouble() -> None:
    found = {colour(f"#{number:x}") for number in range(100)}
    assert len(found) > 5
    assert "\x1b[31m" not in found
