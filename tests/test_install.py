"""What pages have a user of each supported release type to install the tool, and what the tool does there then.

Each release is a root file system of the lab, with its own Python and BCC; the kernel is the one that runs.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from scripts.pages.blocks import blocks_for
from tests.packages import DOWNLOAD, MAKE, PLUGINS, ROOT, project, run

from lab import chroot, guest
from lab.fixtures import lab, release
from lab.qemu import Machine
from lab.roots import RELEASES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from scripts.pages.blocks import Block

    from lab.fixtures import Lab
    from lab.roots import Root
    from tracer_core.testing.netns import TwoNamespaces

# the first one waits for the release, where it is not in the cache yet
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.usefixtures("root")]

__all__ = ["lab"]  # a fixture

ENVIRONMENT = "/opt/tracer"
LAST = list(RELEASES)[-1]
INSTALLING = "tests/test_install.py::test_what_pages_say_installs_the_tool_and_all_collectors"


@dataclass(frozen=True)
class Release:
    """A release.

    Attributes:
        root: Its root file system, which is not changed.
        folder: Its programs see what is in it: ``opt`` as ``/opt``, ``mnt`` as ``/mnt``, with a home.
        typed: What pages have a user type there, and on the machine where packages are made ready for it.
    """

    root: Root
    folder: Path
    typed: tuple[Block, ...]

    def run(self, *argv: str, variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program of the release, or of the environment that was made in it."""
        folders = {f"/{name}": self.folder / name for name in ("opt", "mnt")}
        environment = {"HOME": "/mnt/home", **(variables or {})}
        return run(*chroot.command(self.root.folder, argv, shown=folders, environment=environment))

    def type(self, text: str) -> None:
        """Have the shell of the release do something; what was downloaded is all that pip finds."""
        index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/mnt/wheels", "PIP_QUIET": "1"}
        self.run("bash", "-ec", f"cd /mnt\n{text}", variables=index)

    def tracer(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the installed command."""
        return self.run(f"{ENVIRONMENT}/bin/tracer", *arguments)


@pytest.fixture(scope="module", params=list(RELEASES))
def installed(
    request: pytest.FixtureRequest,
    downloaded: Callable[[str, Path], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Release:
    """A release in which was typed what pages say of installing the tool, from wheels of ours."""
    made = Release(release(request.param), tmp_path_factory.mktemp(request.param), blocks_for(INSTALLING))
    for name in ("opt", "mnt/home"):
        (made.folder / name).mkdir(parents=True)
    python = made.run("python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])").stdout.strip()
    (made.folder / "mnt/dist").symlink_to("wheels")
    downloaded(python, made.folder / "mnt/wheels")
    readme, *how_to = made.typed
    assert how_to[0].text.startswith(readme.text), "the README and the page begin alike"
    # what does not depend on a release is typed in the last one only
    for line in (line for block in how_to[: None if request.param == LAST else 1] for line in block.lines):
        if shlex.split(line, comments=True) not in map(shlex.split, (MAKE, DOWNLOAD)):  # they were run on this machine
            made.type(line)
    return made


def test_what_pages_say_installs_the_tool_and_all_collectors(installed: Release, shown: tuple[Block, ...]) -> None:
    assert installed.typed == shown
    version = project(ROOT / "core")["version"]
    assert installed.tracer("--version").stdout == f"tracer {version}\n"
    rows = json.loads(installed.tracer("plugins", "--json").stdout)
    expected = {folder.name: ("ok", version) for folder in PLUGINS}
    assert {row["name"]: (row["status"], row["version"]) for row in rows} == expected


def test_what_the_core_says_to_install_first_is_a_package(installed: Release, shown: tuple[Block, ...]) -> None:
    for block in shown:
        installed.type(block.text)


def test_it_finds_the_compiler_of_the_release(installed: Release) -> None:
    packaged = installed.run("dpkg-query", "--show", "--showformat=${Version}", "python3-bpfcc").stdout
    checks = {row["name"]: row for row in json.loads(installed.tracer("doctor", "--json").stdout)["checks"]}
    assert checks["BCC"]["status"] == "ok"
    upstream = re.match(r"[\d.]+\d", packaged)
    assert upstream
    assert upstream[0] in checks["BCC"]["detail"]


@pytest.mark.bpf
def test_it_traces(installed: Release, two_netns: TwoNamespaces) -> None:
    a, b = two_netns.a, two_netns.b
    ping = f"ip netns exec {a.name} ping -n -c 1 {b.ipv4}"
    result = installed.tracer(
        *("collect", "-c", "skb", "-p", "tp:net:netif_receive_skb", "--netns", b.name, "--netns", a.name),
        *("--format", "single-line", "--cmd", ping),
    )
    assert f" {a.ipv4} > {b.ipv4} " in result.stdout, result.stderr
    assert f" {b.ipv4} > {a.ipv4} " in result.stdout, result.stderr


@pytest.mark.parametrize("installed", ["debian13"], indirect=True)
def test_it_probes_functions_of_a_kernel_of_the_release(installed: Release, lab: Lab) -> None:
    trace = f"{ENVIRONMENT}/bin/tracer collect -c skb -p kprobe:icmp_rcv --cmd 'ping -n -c 1 127.0.0.1'"
    show = f"mount --bind {guest.seen(installed.folder / 'opt')} /opt"
    result = lab.run("6.12", ["bash", "-c", f"{show} && {trace}"], machine=Machine(root="debian13"))
    assert result.status == 0, result.err
    assert "icmp_rcv" in result.out
    assert "type 8 code 0" in result.out


@pytest.mark.bpf
def test_what_a_page_says_removes_all_that_was_written(installed: Release, shown: tuple[Block, ...]) -> None:
    """The last one: nothing is installed afterwards."""
    (block,) = shown
    assert (installed.folder / "mnt/home/.cache/tracer").is_dir(), "nothing was compiled"
    installed.type(block.text)
    left = [path for name in ("opt", "mnt/home") for path in (installed.folder / name).rglob("*") if path.is_file()]
    assert left == []
