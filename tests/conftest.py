"""For the tests of the whole: what takes long to make, once for all of them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest
from tests.packages import build_wheels

from tracer_core.plugins.host import Host
from tracer_core.plugins.metadata import candidates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of every package."""
    folder = tmp_path_factory.mktemp("wheels")
    build_wheels(folder)
    return folder


@pytest.fixture(scope="module")
def collectors_found_once() -> Iterator[None]:
    """All commands that a module runs in this process look once what is installed: for those that run hundreds.

    A third of the time of a command that reads a small file goes into that.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Host.__init__, "__defaults__", (cache(candidates),))
        yield
