"""Fuzzing of filter languages: whatever the text, it is taken, or refused in one line that says what to do.

The library runs in a process of its own, which is this module as a program: so a crash or a hang is seen, and is
reported with the text. ``scripts/fuzz.py`` does it for as long as one likes.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import TracebackType

from tracer_core.errors import MachineError, TracerError, UsageError
from tracer_core.testing.command import end_with_parent
from tracer_core.testing.patience import patience

LANGUAGES = {
    "metadata": "core.tests.filters.metadata_language",
    "packet": "core.tests.filters.packet_language",
}
"""By name, modules with a :class:`Language` named ``LANGUAGE``."""

SECONDS = 90.0  # for a text, times the patience: more is a hang
LONGEST_MESSAGE = 1000
_SHOWN = 300
_ROOT = Path(__file__).resolve().parents[3]
TAKEN, REFUSED, LOADED, WRONG = "taken", "refused", "loaded", "wrong"


@dataclass(frozen=True)
class Language:
    """What is fuzzed.

    Attributes:
        texts: Endless, the same for a seed.
        take: Do with a text what a run does before it compiles; may raise errors of ours.
        load: The rest: compile, and have the kernel verify it.
    """

    texts: Callable[[int], Iterator[str]]
    take: Callable[[str], object]
    load: Callable[[str], object]


@dataclass
class Outcome:
    """Of many texts.

    Attributes:
        counts: How many were taken, refused, loaded.
        wrong: What must not be, each with its text.
        slowest: Seconds, and the text.
    """

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")


def language(name: str) -> Language:
    """One of :data:`LANGUAGES`."""
    found: Language = importlib.import_module(LANGUAGES[name]).LANGUAGE
    return found


class Child:
    """A process that tries texts, one at a time. It is started again after a crash or a hang.

    Args:
        name: Of the language.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._cache = tempfile.TemporaryDirectory()
        self._process = self._start()

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        self._cache.cleanup()

    def try_text(self, text: str, *, load: bool = False) -> tuple[str, str]:
        """What became of it, and why if that is wrong."""
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):  # if it has died, reading says so
            self._process.stdin.write(json.dumps([text, load]).encode() + b"\n")
            self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], patience(SECONDS))[0]:
            self._again()
            return WRONG, f"took more than {patience(SECONDS):.0f} s"
        line = self._process.stdout.readline()
        if not line:
            status = self._again()
            return WRONG, f"the process ended with {status}"
        what, why = json.loads(line)
        return what, why

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "core.tests.filters.fuzz", self._name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            # libpcap asks for names of hosts
            env={**os.environ, "TRACER_CACHE_DIR": self._cache.name, "RES_OPTIONS": "timeout:1 attempts:1"},
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, no lock
        )

    def _again(self) -> int:
        status = self._end()
        self._process = self._start()
        return status

    def _end(self) -> int:
        try:
            status = self._process.wait(0.1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with suppress(BrokenPipeError):  # of what could not be written
                    stream.close()
        return status


def fuzz(name: str, seed: int, count: int | None = None, seconds: float | None = None, loads: int = 0) -> Outcome:
    """Try texts until there were enough of them, or time is over.

    Args:
        name: Of the language.
        seed: Of the texts.
        count: How many.
        seconds: How long.
        loads: Every so many that were taken, one is loaded into the kernel; 0: none is.
    """
    outcome, start = Outcome(), time.monotonic()
    with Child(name) as child:
        for text in islice(language(name).texts(seed), count):
            if seconds is not None and time.monotonic() - start > seconds:
                break
            began = time.monotonic()
            what, why = child.try_text(text)
            outcome.slowest = max(outcome.slowest, (time.monotonic() - began, shown(text)))
            outcome.counts[what] += 1
            if what == TAKEN and loads and outcome.counts[TAKEN] % loads == 0:
                what, why = child.try_text(text, load=True)
                outcome.counts[what] += 1
            if what == WRONG:
                outcome.wrong.append(f"{shown(text)}: {why}")
    return outcome


def shown(text: str) -> str:
    """A text as it is reported: ASCII, and not all of it."""
    whole = ascii(text)
    return whole if len(whole) <= _SHOWN else f"{whole[:_SHOWN]}… ({len(text)} characters)"


def judged(fuzzed: Language, text: str, *, load: bool) -> tuple[str, str]:
    """Try a text here."""
    try:
        (fuzzed.load if load else fuzzed.take)(text)
    except TracerError as error:
        trouble = "" if isinstance(error, UsageError | MachineError) else f"is of {type(error).__name__}; "
        trouble += "" if str(error).isprintable() else "is not one readable line; "
        trouble += "" if len(str(error)) <= LONGEST_MESSAGE else "is long; "
        trouble += "" if error.hint else "has no hint; "
        return (WRONG, f"the error {trouble}{ascii(str(error))[:_SHOWN]}") if trouble else (REFUSED, str(error))
    except Exception:  # noqa: BLE001 - this is what is looked for
        return WRONG, traceback.format_exc(limit=-3)
    return (LOADED if load else TAKEN), ""


def _child(fuzzed: Language) -> None:
    for line in sys.stdin.buffer:
        text, load = json.loads(line)
        sys.stdout.write(json.dumps(judged(fuzzed, text, load=load)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _child(language(sys.argv[1]))
