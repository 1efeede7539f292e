"""What takes long and waits for no test, made in a process beside the tests that come before those that want it.

One after the other, so that no more than one processor is taken from tests. The module is that process, too:
``python -m tests.early FOLDER NAME…``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
import venv
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.packages import ROOT, build_wheels, project, run

from lab.fixtures import Lab
from lab.qemu import Machine
from tracer_core.testing.command import end_with_parent, executable, interrupt
from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Self

LOCKED = Machine(append="lockdown=confidentiality")
_POLL = 0.05  # seconds between looks at what there is
_TAKES, _ENDS_WITHIN = 280.0, 30.0  # seconds, for all and after an interruption, times the patience


def wheels(folder: Path) -> None:
    """The wheel of every package."""
    build_wheels(folder)


def core_environment(folder: Path) -> None:
    """A virtual environment with the core and no collector."""
    venv.create(folder)
    _install(folder, *_wheels(folder, "core"))


def stranger_environment(folder: Path) -> None:
    """One with the core, ``skb``, and what an author of a collector tests and builds with."""
    venv.create(folder)
    dependencies = project(ROOT / "core")["dependencies"]
    _install(folder, *dependencies, "pytest", "hypothesis", "hatchling", "editables")
    _install(folder, "--no-deps", *_wheels(folder, "core", "skb"))


def _wheels(folder: Path, *names: str) -> list[Path]:
    """Of packages; made by the first task."""
    return [next((folder.parent / wheels.__name__).glob(f"tracer_{name}-*.whl")) for name in names]


def _install(environment: Path, *what: str | Path) -> None:
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", environment / "bin/python")
    run(*pip, "install", "--quiet", *what)


def locked_run(folder: Path) -> dict[str, Any]:
    """How a run ends under a kernel in lockdown, booted for the purpose; see :class:`lab.fixtures.Finished`."""
    command = [str(executable()), "collect", "-c", "skb", "-p", "tp:net:netif_receive_skb"]
    finished = Lab(folder).run("6.1", command, machine=LOCKED)
    return {**asdict(finished), "artefacts": str(finished.artefacts)}


def site(folder: Path) -> None:
    """The documentation, built strictly: every link leads somewhere, and every page is in the navigation."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    # with --quiet, warnings are none; the theme advertises its successor otherwise (ADR 0038)
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    result = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr


_TASKS = (wheels, locked_run, core_environment, site, stranger_environment)
TASKS: Mapping[str, Callable[[Path], object]] = {task.__name__: task for task in _TASKS}
"""By the name of the fixture that gives it, in the order in which tests want them: each makes something in a folder."""


class Early:
    """The process, seen from the tests. Leaving the context ends it.

    Args:
        folder: An empty one.
        wanted: Names of tasks.
    """

    def __init__(self, folder: Path, wanted: Iterable[str]) -> None:
        self._folder = folder
        self._log = folder / "log"
        names = [name for name in TASKS if name in set(wanted)]
        command = [sys.executable, "-m", "tests.early", str(folder), *names]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, no lock
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        interrupt(self._process, patience(_ENDS_WITHIN))

    def made(self, name: str) -> tuple[Path, Any]:
        """The folder of a task, and what it returned; the test is skipped or fails as the task was or did."""
        outcome, deadline = self._folder / f"{name}.json", time.monotonic() + patience(_TAKES)
        while not outcome.exists():
            ended = self._process.poll() is not None
            assert outcome.exists() or not ended, f"{name} is not there:\n{self._log.read_text()}"
            assert time.monotonic() < deadline, f"{name} is not there after {patience(_TAKES):.0f} s"
            time.sleep(_POLL)
        how, what = json.loads(outcome.read_text())
        if how == "skipped":
            pytest.skip(what)
        if how == "failed":
            pytest.fail(what, pytrace=False)
        return self._folder / name, what


def _make(name: str, folder: Path) -> tuple[str, object]:
    try:
        return "made", TASKS[name](folder)
    except pytest.skip.Exception as error:
        return "skipped", str(error)
    except (Exception, pytest.fail.Exception):  # noqa: BLE001 - the test that wants it is told
        return "failed", traceback.format_exc()


def main(into: Path, names: Iterable[str]) -> None:
    """Do the tasks, each in a folder of its own; its outcome appears beside that, whole."""
    for name in names:
        (into / name).mkdir()
        part = into / f"{name}.part"
        part.write_text(json.dumps(_make(name, into / name)))
        part.rename(into / f"{name}.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
