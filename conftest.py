"""For the tests of all packages: the shared fixtures, and a guard."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.pages.blocks import Block

pytest_plugins = ["tracer_core.testing.pytest_plugin"]

# how long examples take says something of the machine, not of us; one commit passes or fails wherever it is tested
settings.register_profile(
    "repeatable", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True, database=None
)
settings.register_profile("search", settings.get_profile("repeatable"), derandomize=False, print_blob=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="session", autouse=True)
def _cache_of_this_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What was compiled before, perhaps by other code, must not decide what tests find; commands inherit this."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACER_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _interruptions_are_heard() -> Iterator[None]:
    """Also by commands: shells have what they start in the background ignore ^C, and whoever that starts does, too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def shown(request: pytest.FixtureRequest) -> tuple[Block, ...]:
    """The blocks of pages that name this test as the one that runs them, in the order of pages."""
    from scripts.pages.blocks import ROOT, blocks_for  # noqa: PLC0415 - tests elsewhere have this file, and no scripts

    found = blocks_for(f"{Path(request.path).relative_to(ROOT)}::{request.function.__name__}")
    assert found, "no page names this test"
    return found


@pytest.fixture(autouse=True)
def _environment_is_left_alone() -> Iterator[None]:
    """Tests change variables through ``monkeypatch`` only, which puts them back."""
    before = _environment()
    yield
    changed = before.items() ^ _environment().items()
    assert not changed, f"the test changed the environment: {sorted({name for name, _ in changed})}"


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
