"""Nobody but us tells a terminal what to do, or begins a line."""

from __future__ import annotations

import io
import logging
import sys
import unicodedata
from typing import Annotated, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_core.cli.main import run
from tracer_core.cli.messages import configure
from tracer_core.display.printable import printable
from tracer_core.display.startup import startup_text
from tracer_core.display.stats import Stats
from tracer_core.display.text import TextFormat
from tracer_core.events.about import About
from tracer_core.events.form import UnknownSection
from tracer_core.own import FORMATTERS
from tracer_core.plugins.declaration import Owner
from tracer_core.run.tallies import Count
from tracer_core.sections import Event, Header, ProbeInfo, Unjoined
from tracer_core.testing.events import batch_of, text_of
from tracer_core.types import Formatter, Place, Tally, TextOptions
from tracer_core.wire import U8, U32, Chars, recorded, section

EVIL = "\x1b]0;mine\x07 \x9b2J\r\n1 (0) [init] 1 [tp] \u202ekfree"
SHOWN = r"\x1b]0;mine\x07 \x9b2J\r\n1 (0) [init] 1 [tp] \u202ekfree"


class Inner(NamedTuple):
    number: U32
    label: Annotated[bytes, Chars(64)]


@section("named", reported=True)
class Named(NamedTuple):
    name: Annotated[bytes, Chars(64)]
    text: str
    lines: tuple[str, ...]
    inner: Inner | None
    data: bytes = b""


@section("told")
class Told(NamedTuple):
    what: Annotated[str, recorded(U8)]


def written(named: Named, options: TextOptions) -> str:
    """All of it, in lines if there may be some."""
    inner = named.inner.label.decode() if named.inner else ""
    return ("\n" if options.multi_line else " ").join((named.name.decode(), named.text, *named.lines, inner))


def event(*, comm: bytes = b"ping", probe: str = "net:netif_receive_skb", **sections: tuple[object, ...]) -> Event:
    header = Header(2048, 0, 0, 1, 1, 1, 0, comm)
    return Event(header, ProbeInfo(probe, "raw_tracepoint", "tp", f"/bin/{probe}"), sections)


def text(formatter: Formatter, *, multi_line: bool = True, coloured: bool = False) -> TextFormat:
    return TextFormat([(Owner("demo"), formatter)], TextOptions(multi_line=multi_line), coloured=coloured)


@given(st.text())
def test_what_is_printable_stays_and_all_else_is_ascii(found: str) -> None:
    assert printable(found).isprintable()
    assert not any(unicodedata.category(each) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for each in printable(found))
    if found.isprintable():
        assert printable(found) == found


@pytest.mark.parametrize("multi_line", [True, False])
def test_no_name_moves_the_cursor_or_begins_a_line(multi_line: bool) -> None:
    named = Named(EVIL.encode(), EVIL, (EVIL, "naïve — 漢字"), Inner(1, EVIL.encode()))
    evil = event(comm=EVIL.encode(), probe=EVIL, named=named)
    lines = text_of(text(Formatter(Named, written), multi_line=multi_line), evil).rstrip("\n").split("\n")
    parts = [SHOWN, SHOWN, SHOWN, "naïve — 漢字", SHOWN]
    head = f"2048 (1) [{SHOWN}] 1 [tp] {SHOWN} ({SHOWN})"
    assert lines == ([head, *(f"  {part}" for part in parts)] if multi_line else [" ".join((head, *parts))])


def test_events_beside_are_shown_as_ever_in_every_batch() -> None:
    events = [event(named=Named(b"eth0", EVIL if row % 300 == 299 else str(row), (), None)) for row in range(1000)]
    shown = text(Formatter(Named, written)).lines(batch_of(events))
    expected = [SHOWN if row % 300 == 299 else str(row) for row in range(1000)]
    assert [one.split("\n")[2].strip() for one in shown] == expected


def test_a_formatter_that_makes_control_characters_of_bytes_makes_none() -> None:
    formatter = Formatter(Named, lambda named, _: named.data.decode("latin-1"))
    evil = event(named=Named(b"", "", (), None, b"\x1b[2Ja\nb\x9b"))
    assert text_of(text(formatter), evil).split("\n")[1:] == [r"  \x1b[2Ja", r"  b\x9b", "", ""]


def test_on_the_first_line_and_in_colour_there_is_no_line_end_either() -> None:
    formatter = Formatter(Told, lambda told, _: told.what, place=Place.HEAD)
    assert text_of(text(formatter), event(told=Told("a\nb"))).split("\n")[0].endswith(r" a\nb")
    assert r"\x1b]0;mine" in text_of(text(formatter, coloured=True), event(probe=EVIL))


def test_nor_has_what_nobody_formats() -> None:
    unknown = event(x=UnknownSection.of({"a": EVIL, EVIL: 1}))
    assert text_of(text(Formatter(Told, lambda told, _: told.what)), unknown).split("\n")[1:] == [
        f"  x a {SHOWN} {SHOWN} 1",
        "",
        "",
    ]


def test_a_key_of_a_journey_that_is_no_utf8_is_shown() -> None:
    format_ = TextFormat([(Owner("core"), formatter) for formatter in FORMATTERS], TextOptions())
    assert "no ovs.\ufffd before" in text_of(format_, event(unjoined=Unjoined(b"ovs.\xff")))


def test_what_a_file_says_of_its_run_begins_no_line_of_its_own() -> None:
    about = About(f"tracer {EVIL}", EVIL, 0, 0, EVIL, EVIL, EVIL)
    assert startup_text(about, TextOptions(), dates=False).count("\n") == 5
    counted = Stats(about, is_sorted=False, follows=False)
    counted.add(batch_of([event(probe=EVIL)]))
    assert all(map(str.isprintable, counted.lines()))
    tally = Count(Tally(Told, ("what",), "seen"))
    tally.look(batch_of([event(told=Told(EVIL))]))
    assert tally.text() == f"seen: 1 {SHOWN}"


def test_messages_quote_no_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", said := io.StringIO())
    configure("info")
    logging.getLogger("demo").warning("section %s\nis of nobody", EVIL)
    assert run(["print", f"nothing{EVIL}"]) != 0
    message, forged, second, error = said.getvalue().splitlines()
    assert message == r"WARN  section \x1b]0;mine\x07 \x9b2J\r"
    assert forged == r"  1 (0) [init] 1 [tp] \u202ekfree"
    assert second == "  is of nobody"
    assert error.startswith("Error: ")
    assert error.isprintable()
