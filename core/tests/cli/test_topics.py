"""Help on collecting: short, by topic, and all of it for who asks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click
import pytest

from tracer_core.cli.commands.collect import collect
from tracer_core.cli.commands.inspect import inspect
from tracer_core.cli.options.topics import COLLECT, INSPECT, Topic, brief

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Result

FLAG = re.compile(r"^  (?:-\w, )?(--?[\w-]+)", re.MULTILINE)


def headings(text: str) -> list[str]:
    return re.findall(r"^(\w.*):$", text, re.MULTILINE)


@pytest.mark.parametrize("command", ["collect --help-all", "inspect --help"])
def test_every_option_has_a_topic(run: Callable[..., Result], command: str) -> None:
    assert "Other options" not in run(*command.split()).out


@pytest.mark.parametrize(("command", "topics"), [(collect, COLLECT), (inspect, INSPECT)])
def test_every_topic_is_of_options_that_there_are(command: click.Command, topics: tuple[Topic, ...]) -> None:
    there = {param.name for param in command.params}
    named = [name for topic in topics for name in (*topic.common, *topic.rare)]
    assert sorted(named) == sorted(there & {*named})


def test_help_is_in_the_order_of_topics_with_help_last(run: Callable[..., Result]) -> None:
    titles = [topic.title for topic in COLLECT]
    found = headings(run("collect", "--help-all").out)
    assert found[: len(titles)] == titles
    assert found[-1] == "Help"
    assert [title for title in found if title.startswith("Collector ")] == found[len(titles) : -1]


def test_where_nobody_can_ask_for_all_of_it_help_says_all_of_it(run: Callable[..., Result]) -> None:
    text = run("inspect", "--help").out
    assert {"--probe", "--collectors", "--kconf", "--kernel"} <= set(FLAG.findall(text))
    assert "--help-all" not in text
    assert "with a TYPE" in " ".join(text.split())  # the middle of a sentence that is not the first


def test_help_is_short_and_leaves_out_what_is_rare(run: Callable[..., Result]) -> None:
    short, full = (set(FLAG.findall(run("collect", flag).out)) for flag in ("--help", "--help-all"))
    assert short < full
    assert {"--probe", "--filter-packet", "--netns", "--out", "--sort", "--cmd", "--help-all"} <= short
    assert {"--reads", "--kernel", "--ring-size"} <= full - short
    assert full - short == {
        option.opts[-1]
        for topic in COLLECT
        for option in collect.params
        if option.name in topic.rare and isinstance(option, click.Option)
    }


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_short_help_has_one_sentence_for_an_option(run: Callable[..., Result], flag: str) -> None:
    said = " ".join(run("collect", flag).out.split())
    assert "as in tcpdump: 'icmp and host 192.0.2.1'. -m" in said
    assert "They are followed" not in said
    assert "They are followed from then on" in " ".join(run("collect", "--help-all").out.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Print it.", "Print it."),
        ("Print it. Or not. Or so.", "Print it."),
        ("Like 1.5 MB, FILE.0. Not less.  [default: 3. x]", "Like 1.5 MB, FILE.0.  [default: 3. x]"),
        ("No stop", "No stop"),
        ("", ""),
    ],
)
def test_the_first_sentence_and_what_click_adds_stay(text: str, expected: str) -> None:
    assert brief(text) == expected
