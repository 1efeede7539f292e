"""For the tests of the whole: what takes long to make, once for all of them."""

from __future__ import annotations

import os
import shutil
from functools import cache
from typing import TYPE_CHECKING

import pytest
from tests.early import TASKS, Early
from tests.packages import download

from lab.fixtures import Finished
from tracer_core.plugins.host import Host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session", autouse=True)
def early(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Early | None]:
    """What tests will want later, begun before the first of them, if there is any such."""
    wanted = {name for item in request.session.items for name in getattr(item, "fixturenames", ())} & set(TASKS)
    if not wanted:
        yield None
        return
    with Early(tmp_path_factory.mktemp("early"), wanted) as made:
        yield made


@pytest.fixture(scope="session")
def wheels(early: Early) -> Path:
    """A folder with the wheel of every package."""
    return early.made("wheels")[0]


@pytest.fixture(scope="session")
def downloaded(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Path], None]:
    """Put into a new folder what ``pip`` needs to install everything under a Python: fetched once for each."""

    @cache
    def fetched(python: str) -> Path:
        folder = tmp_path_factory.mktemp(f"python{python}")
        download(python, wheels, folder)
        return folder

    def put(python: str, folder: Path) -> None:
        shutil.copytree(fetched(python), folder, copy_function=os.link)

    return put


@pytest.fixture(scope="session")
def site(early: Early) -> Path:
    """The documentation as a site."""
    return early.made("site")[0]


@pytest.fixture(scope="session")
def core_environment(early: Early, wheels: Path) -> Path:
    """A virtual environment with the core and no collector. Who installs more there is the only one to have it."""
    return early.made("core_environment")[0]


@pytest.fixture(scope="session")
def stranger_environment(early: Early, wheels: Path) -> Path:
    """One with the core, ``skb``, and what an author of a collector tests and builds with. Ditto."""
    return early.made("stranger_environment")[0]


@pytest.fixture(scope="session")
def locked_run(early: Early) -> Finished:
    """How a run ended under a kernel in lockdown."""
    return Finished(**early.made("locked_run")[1])


@pytest.fixture(scope="module")
def collectors_found_once() -> Iterator[None]:
    """All commands that a module runs in this process share the collectors: for modules that run hundreds.

    Half of the time of a command that reads a small file goes into finding and registering them.
    """
    found = Host()

    def share(host: Host) -> None:
        host.__dict__ = found.__dict__

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Host, "__init__", share)
        yield
