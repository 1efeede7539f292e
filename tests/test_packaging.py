"""The wheels, installed as a user installs them: alone, in a fresh environment, not editable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scripts.pages.blocks import blocks_for
from tests.packages import EXAMPLES, PACKAGES, PLUGINS, ROOT, project, run

if TYPE_CHECKING:
    from scripts.pages.blocks import Block

INSTALLING = "tests/test_packaging.py::test_what_pages_say_installs_collectors_that_are_found"
NAMES = [str(folder.relative_to(ROOT)) for folder in PACKAGES]

pytestmark = pytest.mark.slow

each_package = pytest.mark.parametrize("folder", PACKAGES, ids=NAMES)


def wheel(wheels: Path, folder: Path) -> Path:
    (path,) = wheels.glob(f"{project(folder)['name'].replace('-', '_')}-*.whl")
    return path


@dataclass(frozen=True)
class Environment:
    """A virtual environment.

    Attributes:
        folder: Where it is.
        wheels: Where our packages come from.
    """

    folder: Path
    wheels: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin/python"

    def install(self, *folders: Path) -> None:
        """Install the wheels of packages; what they depend on comes from the index."""
        # pip of this environment, for that one: none needs to be installed there
        pip = (sys.executable, "-m", "pip", "--python", self.python, "install", "--quiet")
        run(*pip, *(wheel(self.wheels, folder) for folder in folders))

    def type(self, text: str) -> None:
        """Have a shell do something, whose pip is this environment's and knows our wheels, not those of others."""
        index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels), "PIP_QUIET": "1"}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "PIP_PYTHON": str(self.python), **index}
        result = subprocess.run(["bash", "-ec", text], check=False, capture_output=True, text=True, env=environment)
        assert result.returncode == 0, f"{text}\n{result.stdout}\n{result.stderr}"

    def tracer(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run its ``tracer``."""
        return run(self.folder / "bin/tracer", *arguments, check=check)


@pytest.fixture(scope="module")
def core_alone(core_environment: Path, wheels: Path) -> Environment:
    """An environment with ``tracer-core`` and no collector."""
    return Environment(core_environment, wheels)


@pytest.fixture(scope="module")
def everything(core_alone: Environment) -> Environment:
    """The same environment, once collectors are installed as pages say: tests of the core alone come before."""
    for block in blocks_for(INSTALLING):
        core_alone.type(block.text)
    core_alone.install(*EXAMPLES)
    return core_alone


@each_package
def test_a_wheel_has_all_that_its_sources_have_and_nothing_else(folder: Path, wheels: Path) -> None:
    source = folder / "src"
    expected = {
        str(path.relative_to(source))
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.parent.name.endswith(".egg-info")
    }
    names = zipfile.ZipFile(wheel(wheels, folder)).namelist()
    packed = {name for name in names if ".dist-info/" not in name and ".data/" not in name}
    assert packed == expected
    assert any(name.endswith("/py.typed") for name in packed)
    assert not [name for name in packed if name.startswith("tests/")]


def test_the_core_brings_its_manual_page_to_where_man_looks(core_alone: Environment) -> None:
    found = core_alone.folder / "share/man/man1/tracer.1"
    assert found.read_text() == (ROOT / "core/man/tracer.1").read_text()


def test_the_core_alone_says_how_to_get_a_collector(core_alone: Environment) -> None:
    assert core_alone.tracer("--version").stdout.startswith("tracer ")
    assert "pip install tracer-" in core_alone.tracer("plugins").stdout
    assert json.loads(core_alone.tracer("plugins", "--json").stdout) == []


@pytest.mark.parametrize("name", [folder.name for folder in PLUGINS])
def test_the_core_alone_names_the_distribution_that_a_run_lacks(core_alone: Environment, name: str) -> None:
    result = core_alone.tracer("collect", "-c", name, check=False)
    assert result.returncode == 3
    assert f"pip install tracer-{name.replace('_', '-')}" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_what_pages_say_installs_collectors_that_are_found(everything: Environment, shown: tuple[Block, ...]) -> None:
    assert shown == blocks_for(INSTALLING)
    rows = json.loads(everything.tracer("plugins", "--json").stdout)
    found = {row["distribution"]: (row["name"], row["status"], row["version"]) for row in rows}
    expected = {}
    for folder in [*PLUGINS, *EXAMPLES]:
        settings = project(folder)
        (name,) = settings["entry-points"]["tracer.collectors"]
        expected[settings["name"]] = (name, "ok", settings["version"])
    assert found == expected


def test_files_of_installed_collectors_are_found(everything: Environment) -> None:
    folder = next((everything.folder / "lib").glob("python3*")) / "site-packages"
    origins = run(everything.python, "-c", "import tracer_core; print(tracer_core.__file__)").stdout
    assert origins.startswith(str(folder)), "not the installed core"
    named = [argument for folder in PLUGINS for argument in ("-c", folder.name)]
    kernel = next(folder.glob("tracer_core/testing/kernels/6.12"))
    command = ["collect", *named, "-p", "tp:net:netif_receive_skb", "--kernel", str(kernel), "--print-bpf"]
    result = everything.tracer(*command)
    for folder in PLUGINS:
        assert f"tracer_{folder.name}/bpf/" in result.stdout
