"""Fixtures for tests that trace, and an account of what did not run.

- Marker ``bpf``: the test loads programs; it is skipped, with the reason, where that cannot work.
- ``TRACER_REQUIRE=bpf,root`` turns such skips into failures: for machines that are meant to run everything.
- Networks of namespaces are in ``topologies``, which this brings in.
- The last lines of a run say what was not run and why, so that nobody reads too much into a pass.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, NoReturn

import pytest

from tracer_core.testing.command import Tracer, executable
from tracer_core.testing.topology.site import MissingError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

REQUIRE = "TRACER_REQUIRE"
"""Environment variable: comma-separated names of what must not be skipped."""

pytest_plugins = ["tracer_core.testing.topologies"]


def unavailable(what: str, reason: str) -> NoReturn:
    """Skip the test, or fail it if the user requires what it needs.

    Args:
        what: ``bpf``, ``root`` or another name for it.
        reason: One sentence.
    """
    if what in os.environ.get(REQUIRE, "").replace(" ", "").split(","):
        pytest.fail(f"{reason} ({REQUIRE} names {what})", pytrace=False)
    pytest.skip(reason)


@contextmanager
def or_unavailable() -> Iterator[None]:
    """Skip or fail the test, as :func:`unavailable` does, if the block finds that the machine lacks something."""
    try:
        yield
    except MissingError as error:
        unavailable(error.what, error.reason)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, so that those who load this plugin need not declare it."""
    config.addinivalue_line("markers", "bpf: needs root and a kernel that loads BPF programs through BCC")


@pytest.fixture(scope="session")
def root() -> None:
    """The test needs root."""
    if os.geteuid() != 0:
        unavailable("root", "needs root")


@pytest.fixture(scope="session")
def bpf() -> None:
    """The test loads BPF programs through BCC. Marker ``bpf`` brings this in."""
    if reason := _no_bpf():
        unavailable("bpf", reason)


@pytest.fixture(autouse=True)
def _bpf_where_marked(request: pytest.FixtureRequest) -> None:
    """First of all fixtures, so that a test that is skipped sets nothing up."""
    if request.node.get_closest_marker("bpf"):
        request.getfixturevalue("bpf")


@pytest.fixture
def tracer(tmp_path: Path) -> Tracer:
    """The installed command."""
    if not executable().exists():
        pytest.fail(f"{executable()} is not installed", pytrace=False)
    return Tracer(executable(), tmp_path)


@cache
def _no_bpf() -> str:
    """Why programs cannot be loaded, in the words of ``tracer doctor``; nothing if they can."""
    if os.geteuid() != 0:
        return "needs root"
    result = Tracer(executable(), executable().parent).run("doctor", "--json")
    try:
        checks = json.loads(result.stdout)["checks"]
    except (ValueError, KeyError):
        return f"tracer doctor failed: {result.stderr.strip() or result.stdout.strip()}"
    blocking = [f"{row['name']}: {row['detail']}" for row in checks if row["required"] and row["status"] != "ok"]
    return f"cannot trace here: {'; '.join(blocking)}" if blocking else ""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """Close with what was not run, after everything else but pytest's own last line."""
    yield
    skipped = Counter(_reason(report) for report in terminalreporter.getreports("skipped"))
    if not skipped:
        terminalreporter.write_line("not run here: nothing")
    for reason, count in sorted(skipped.items()):
        terminalreporter.write_line(f"not run here: {count} test(s) ({reason})")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    # of a skip: where, and the reason with a prefix
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
