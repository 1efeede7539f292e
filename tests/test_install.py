"""What a user of each supported release types to install the tool, and what the tool does there then.

Each release is a root file system of the lab, with its own Python and BCC; the kernel is the one that runs.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.packages import PLUGINS, ROOT, download, project, run

from lab import chroot, guest
from lab.fixtures import lab, release
from lab.qemu import Machine
from lab.roots import RELEASES

if TYPE_CHECKING:
    from pathlib import Path

    from lab.fixtures import Lab
    from lab.roots import Root
    from tracer_core.testing.netns import TwoNamespaces

# the first one waits for the release, where it is not in the cache yet
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.usefixtures("root")]

__all__ = ["lab"]  # a fixture

ENVIRONMENT = "/mnt/venv"


@dataclass(frozen=True)
class Release:
    """A release, and a folder that its programs see as ``/mnt``."""

    root: Root
    folder: Path

    def run(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program of the release, or of the environment in the folder."""
        return run(*chroot.command(self.root.folder, argv, shown={"/mnt": self.folder}), check=check)

    def tracer(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the installed command."""
        return self.run(f"{ENVIRONMENT}/bin/tracer", *arguments)


@pytest.fixture(scope="module", params=list(RELEASES))
def installed(request: pytest.FixtureRequest, wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release in which the tool was installed as docs/how-to/install.md says, from wheels of ours."""
    made = Release(release(request.param), tmp_path_factory.mktemp(request.param))
    python = made.run("python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])").stdout.strip()
    download(python, wheels, made.folder / "wheels")
    made.run("python3", "-m", "venv", ENVIRONMENT)
    index = ("--no-index", "--find-links", "/mnt/wheels")  # what was downloaded is all that there is
    made.run(f"{ENVIRONMENT}/bin/pip", "install", "--quiet", *index, "tracer-core[all]")
    return made


def test_the_tool_and_all_collectors_are_there(installed: Release) -> None:
    version = project(ROOT / "core")["version"]
    assert installed.tracer("--version").stdout == f"tracer {version}\n"
    rows = json.loads(installed.tracer("plugins", "--json").stdout)
    expected = {folder.name: ("ok", version) for folder in PLUGINS}
    assert {row["name"]: (row["status"], row["version"]) for row in rows} == expected


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
    show = f"mount --bind {guest.seen(installed.folder)} /mnt"
    result = lab.run("6.12", ["bash", "-c", f"{show} && {trace}"], machine=Machine(root="debian13"))
    assert result.status == 0, result.err
    assert "icmp_rcv" in result.out
    assert "type 8 code 0" in result.out
