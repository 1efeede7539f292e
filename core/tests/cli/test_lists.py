"""Options of collectors that are lists: what may be in them, and what users still have in their scripts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.testing import kernels

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Result

KERNEL = str(Path(kernels.__file__).parent / "6.18")
SOURCE = ("collect", "-p", "tp:net:netif_receive_skb", "--kernel", KERNEL, "--print-bpf")


@pytest.fixture
def seen(install: Callable[..., None], run: Callable[..., Result]) -> Callable[..., tuple[set[str], set[str], str]]:
    """The parts that the collector sees, the collectors that run, and what is said."""
    install("choosing")

    def command(*arguments: str) -> tuple[set[str], set[str], str]:
        result = run(*SOURCE, "-c", "chooser", *arguments)
        assert result.code == 0, result.err
        parts = set(re.findall(r"#define PART_(\w+) 1", result.out))
        return parts, set(re.findall(r"int (\w+)_run\(", result.out)), result.err

    return command


def test_without_the_option_its_default_is_seen(seen: Callable[..., tuple[set[str], set[str], str]]) -> None:
    assert seen() == ({"one"}, {"chooser"}, "")


@pytest.mark.parametrize(
    "arguments", [["--chooser-parts", "one,two"], ["--chooser-parts=two, one,"], ["--chooser-parts", "one"] * 2]
)
def test_a_list_may_be_given_again_for_more(
    seen: Callable[..., tuple[set[str], set[str], str]], arguments: list[str]
) -> None:
    parts, _, said = seen(*arguments, "--chooser-parts", "two")
    assert (parts, said) == ({"one", "two"}, "")


def test_what_is_of_no_use_any_more_is_left_out_with_the_reason(
    seen: Callable[..., tuple[set[str], set[str], str]],
) -> None:
    parts, collectors, said = seen("--chooser-parts", "two,old,silent")
    assert (parts, collectors) == ({"two"}, {"chooser"})
    assert said == "WARN  Use of 'old' in --chooser-parts is deprecated: it is always done\n"


def test_what_is_a_collector_now_selects_it(seen: Callable[..., tuple[set[str], set[str], str]]) -> None:
    parts, collectors, said = seen("--chooser-parts", "chosen")
    assert (parts, collectors) == (set(), {"chooser", "chosen"})
    assert said == "WARN  Use of 'chosen' in --chooser-parts is deprecated: it is now a collector\n"


def test_a_collector_that_is_not_installed_is_told(seen: Callable[..., tuple[set[str], set[str], str]]) -> None:
    _, collectors, said = seen("--chooser-parts", "gone")
    assert collectors == {"chooser"}
    assert "it is now a collector, which is not installed: pip install tracer-gone" in said


def test_what_is_no_choice_is_refused(install: Callable[..., None], run: Callable[..., Result]) -> None:
    install("choosing")
    result = run(*SOURCE, "-c", "chooser", "--chooser-parts", "one,three")
    assert result.code == 2
    assert result.error == "--chooser-parts: there is no 'three'; choose from one, two"
