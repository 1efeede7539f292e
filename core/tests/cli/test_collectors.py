"""Selection of collectors, and their options: parsed in two passes, so that only those selected are imported."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.cli.collectors import names
from tracer_core.testing import kernels

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Result

KERNEL = str(Path(kernels.__file__).parent / "6.18")
PLAN = ("collect", "-p", "tp:net:netif_receive_skb", "--kernel", KERNEL, "--dry-run")
SOURCE = ("collect", "-p", "tp:net:netif_receive_skb", "--kernel", KERNEL, "--print-bpf")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["skb,dev"], ("skb", "dev")),
        (["skb", "dev"], ("skb", "dev")),
        (["skb-drop", "skb_drop"], ("skb_drop",)),
        ([" skb , dev ,"], ("skb", "dev")),
        ([","], ()),
        (["auto", "skb"], ("auto", "skb")),
    ],
)
def test_lists_of_names_may_be_several_and_dashes_are_underscores(values: list[str], expected: tuple[str, ...]) -> None:
    assert names(values) == expected


@pytest.mark.parametrize(
    "selection", [["-c", "castor,pollux"], ["-c", "castor", "-c", "pollux"], ["-eccastor", "--collectors=pollux"]]
)
def test_every_way_to_select_selects(
    install: Callable[..., None], run: Callable[..., Result], selection: list[str]
) -> None:
    install("twins")
    # they cannot be together, which shows that both are there
    assert "castor (fixture-twins 1.0) and collector pollux" in run(*PLAN, *selection).error


def test_a_c_in_a_value_behind_its_short_option_selects_nothing(
    install: Callable[..., None], run: Callable[..., Result]
) -> None:
    install("good")
    result = run("collect", "-ptp:net:netif_receive_skb", "--kernel", KERNEL, "--dry-run", "-csample")
    assert (result.code, result.err) == (0, "")


def test_a_collector_can_be_written_with_dashes(install: Callable[..., None], run: Callable[..., Result]) -> None:
    install("bad_c")
    result = run(*PLAN, "-c", "bad-c")
    assert "collector bad-c (fixture-bad-c 1.0): tracer_fragments failed: KeyError" in result.error


def test_who_asks_for_all_collectors_is_told_what_they_are_called(run: Callable[..., Result]) -> None:
    result = run(*PLAN, "-c", "all")
    assert result.code == 3
    assert result.error.startswith("no collector named all is installed (installed: ")
    assert result.error.endswith("; all that can run here: -c auto")


def test_only_the_selected_collector_is_imported(install: Callable[..., None], run: Callable[..., Result]) -> None:
    install("good", "raising", "unimportable")
    result = run(*PLAN, "-c", "sample")
    assert (result.code, result.err) == (0, "")
    assert {name.split(".")[0] for name in sys.modules if name.startswith("fixture_")} == {"fixture_good"}


def test_auto_takes_all_that_load_and_says_which_do_not(
    install: Callable[..., None], run: Callable[..., Result]
) -> None:
    install("good", "unimportable")
    result = run(*PLAN)
    assert result.code == 0
    assert "collector sample (fixture-good 1.2)" in result.out
    lines = result.err.splitlines()
    assert len(lines) == 5
    assert all(line.startswith("WARN  left out: collector ") for line in lines)


def test_auto_may_stand_beside_names(install: Callable[..., None], run: Callable[..., Result]) -> None:
    install("good")
    assert run(*PLAN, "-c", "auto,sample").out == run(*PLAN, "-c", "auto").out


def test_a_named_collector_that_is_broken_ends_the_run(
    install: Callable[..., None], run: Callable[..., Result]
) -> None:
    install("good", "unimportable")
    result = run(*PLAN, "-c", "sample,raises")
    assert result.code == 3
    assert "collector raises (fixture-unimportable 1.0) cannot be imported" in result.error
    assert result.out == ""


def test_options_reach_the_collector(install: Callable[..., None], run: Callable[..., Result]) -> None:
    install("good")
    assert "#define SAMPLE_MIN_LEN 0\n" in run(*SOURCE, "-c", "sample").out
    assert "#define SAMPLE_MIN_LEN 60\n" in run(*SOURCE, "-c", "sample", "--sample-min-len", "60").out
    assert "#define SAMPLE_MIN_LEN 61\n" in run(*SOURCE, "--sample-min-len=61", "--sample-loud").out


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--sample-min-len", "x"], "'x' is not a valid integer"),
        (["--sample-min-len=-1"], "collector sample (fixture-good 1.2): min_len must not be negative"),
        (["--sample-nosuch"], "No such option"),
    ],
)
def test_a_bad_option_is_one_line(
    install: Callable[..., None], run: Callable[..., Result], arguments: list[str], error: str
) -> None:
    install("good")
    result = run(*PLAN, "-c", "sample", *arguments)
    assert result.code == 2
    assert error in result.error.replace('"', "'")
    assert "see: tracer collect --help" in result.error


def test_an_option_of_a_collector_that_is_not_selected_does_nothing_and_is_told_of(
    install: Callable[..., None], run: Callable[..., Result]
) -> None:
    install("good")
    result = run(*PLAN, "-c", "skb", "--sample-min-len", "1")
    assert result.code == 0
    assert result.err == "WARN  --sample-min-len does nothing: collector sample is not selected; add -c sample\n"
    assert result.out == run(*PLAN, "-c", "skb").out
    assert "o such option" in run(*PLAN, "-c", "skb", "--sample-no-such").error


def test_options_that_raise_are_a_bug_of_the_collector(
    install: Callable[..., None], run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    install("raising")
    monkeypatch.setenv("FIXTURE_RAISES", "options")
    result = run(*PLAN, "-c", "raising")
    assert result.code == 3
    assert "collector raising (fixture-raising 1.0): its options failed: ZeroDivisionError" in result.error


def test_help_has_a_heading_per_collector_with_its_options(
    install: Callable[..., None], run: Callable[..., Result]
) -> None:
    install("good", "unimportable", "castor")
    result = run("collect", "--help")
    assert (result.code, result.err) == (0, "")
    own, heading, theirs = result.out.partition("Collector 'sample':\n")
    assert heading
    assert "--netns" in own
    assert "--sample" not in own
    lines = [" ".join(line.split()) for line in theirs.splitlines()]
    assert "--sample-min-len INTEGER Shortest packet to report. [default: 0]" in lines
    assert "--sample-loud Say more." in lines
    assert "--sample-title TEXT What to call it. [default: sample]" in lines
    assert "--sample-kinds LIST Kinds to report. [default: one,two]" in lines
