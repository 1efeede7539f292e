"""Where colours are: at terminals, if nobody minds."""

from __future__ import annotations

import contextlib
import io
import logging
import sys

import pytest

from tracer_core.cli import colour, messages


class Screen(io.StringIO):
    """What says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def capable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "LESS"):
        monkeypatch.delenv(name, raising=False)


def for_events(choice: str, pager: list[str] | None = None) -> bool:
    """With a terminal as stdout."""
    with contextlib.redirect_stdout(Screen()):
        return colour.for_events(choice, pager)


def test_a_terminal_has_colours_and_anything_else_none() -> None:
    assert colour.is_wanted(Screen())
    assert not colour.is_wanted(io.StringIO())


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": ""}, False),
        ({"TERM": "xterm-256color"}, True),
    ],
    ids=str,
)
def test_who_minds_has_none(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: bool) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert colour.is_wanted(Screen()) is expected
    assert for_events(colour.AUTO) is expected
    assert for_events(colour.ALWAYS)
    assert not for_events(colour.NEVER)


def test_a_terminal_that_is_not_said_what_it_is_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TERM")
    assert not colour.is_wanted(Screen())


@pytest.mark.parametrize(
    ("pager", "less", "expected"),
    [
        (["less"], None, True),
        (["/usr/bin/less"], "FRX", True),
        (["less"], "-S", False),
        (["less"], "-S --RAW-CONTROL-CHARS", True),
        (["less", "-R"], "-S", True),
        (["less"], "", False),
        (["more"], "FRX", False),
    ],
)
def test_a_pager_must_be_known_to_show_them(
    monkeypatch: pytest.MonkeyPatch, pager: list[str], less: str | None, expected: bool
) -> None:
    if less is not None:
        monkeypatch.setenv("LESS", less)
    assert for_events(colour.AUTO, pager) is expected
    assert for_events(colour.ALWAYS, pager)


@pytest.mark.parametrize("level", ["debug", "trace"])
def test_in_detail_messages_have_the_time_of_day_and_their_level(monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    record = logging.LogRecord("any", logging.INFO, "", 0, "so", (), None)
    record.created = 4 * 86_400 + 9 * 3600 + 41 * 60 + 7 + 0.25  # UTC, whatever the zone here
    try:
        messages.configure(level)
        logging.getLogger("any").handle(record)
    finally:
        root.handlers[:], root.level = before
    assert screen.getvalue() == "09:41:07.250000 INFO  so\n"


@pytest.mark.parametrize(
    ("level", "line"),
    [
        (logging.ERROR, "\x1b[31mERROR\x1b[0m so"),
        (logging.WARNING, "\x1b[33mWARN \x1b[0m so"),
        (logging.INFO, "so"),
    ],
)
def test_of_messages_the_level_is_coloured(monkeypatch: pytest.MonkeyPatch, level: int, line: str) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    try:
        messages.configure("info")
        logging.getLogger("any").log(level, "so")
    finally:
        root.handlers[:], root.level = before
    assert screen.getvalue() == f"{line}\n"
