"""Whatever a filter is, it is taken, or refused in one line: no crash, no hang. ``scripts/fuzz.py`` takes longer.

``TRACER_FILTER_FUZZ`` and ``TRACER_FILTER_SEED`` are as in ``test_agreement.py``; the seed is in a test's name.
"""

from __future__ import annotations

import os
import time
from itertools import islice

import pytest
from core.tests.filters import fuzz as fuzzing
from core.tests.filters.fuzz import LANGUAGES, LOADED, REFUSED, TAKEN, WRONG, Child, Language, fuzz, judged, language
from core.tests.filters.rounds import SEEDS

from tracer_core.errors import PluginError, UsageError

COUNT = 1000


@pytest.mark.parametrize("number", SEEDS)
@pytest.mark.parametrize("name", LANGUAGES)
def test_every_text_is_taken_or_refused_in_one_line(name: str, number: int) -> None:
    outcome = fuzz(name, number, count=COUNT)
    assert outcome.wrong == []
    assert outcome.counts[TAKEN] + outcome.counts[REFUSED] == COUNT
    assert min(outcome.counts[TAKEN], outcome.counts[REFUSED]) > COUNT // 20


@pytest.mark.bpf
@pytest.mark.parametrize("number", SEEDS)
@pytest.mark.parametrize("name", LANGUAGES)
def test_what_is_taken_is_loaded_into_the_kernel(name: str, number: int) -> None:
    outcome = fuzz(name, number + 1, count=100, loads=4)
    assert outcome.wrong == []
    assert outcome.counts[LOADED] > 2


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_seed_gives_the_same_texts(name: str) -> None:
    texts = language(name).texts
    assert list(islice(texts(5), 250)) == list(islice(texts(5), 250)) != list(islice(texts(6), 250))


def raising(error: Exception) -> Language:
    def take(text: str) -> None:
        raise error

    return Language(lambda _: iter(()), take, take)


@pytest.mark.parametrize(
    ("error", "what", "words"),
    [
        (UsageError("no", hint="do this"), REFUSED, "no; do this"),
        (UsageError("no"), WRONG, "has no hint"),
        (UsageError("no\nreally", hint="do this"), WRONG, "is not one readable line"),
        (UsageError("no \x1b[31m", hint="do this"), WRONG, "is not one readable line"),
        (UsageError("no " * 1000, hint="do this"), WRONG, "is long"),
        (PluginError("no", hint="do this"), WRONG, "is of PluginError"),
        (ValueError("no"), WRONG, "ValueError: no"),
    ],
)
def test_what_is_wrong_with_an_error(error: Exception, what: str, words: str) -> None:
    found, why = judged(raising(error), "a text", load=False)
    assert found == what
    assert words in why


def test_a_child_that_dies_or_hangs_is_noticed_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with Child("packet") as child:
        assert child.try_text("icmp")[0] == TAKEN
        os.kill(child._process.pid, 11)
        assert child.try_text("icmp") == (WRONG, "the process ended with -11")
        os.kill(child._process.pid, 19)
        monkeypatch.setattr(fuzzing, "SECONDS", 0.1)
        before = time.monotonic()
        assert child.try_text("icmp")[1].startswith("took more than")
        assert time.monotonic() - before < 30
        monkeypatch.undo()
        assert child.try_text("icmp and")[0] == REFUSED
