"""The image of ``Containerfile``, without a tool that builds images: what it installs works with what it is granted."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sysconfig
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.packages import PLUGINS, ROOT, run

from lab import chroot
from lab.fixtures import release
from lab.roots import RELEASES

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripts.pages.blocks import Block

    from tracer_core.testing.netns import TwoNamespaces

FILE = ROOT / "Containerfile"
INSTALL = "apt-get install -y --no-install-recommends"


def instructions() -> list[tuple[str, str]]:
    """Instructions of the file and their arguments, continued lines joined."""
    lines = "\n".join(line for line in FILE.read_text().splitlines() if not line.startswith("#"))
    joined = re.sub(r"\\\n\s*", "", lines)
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def granted(block: Block) -> str:
    """The capabilities that options of podman leave, as setpriv has them."""
    words = shlex.split(block.text.replace("\\\n", " "))
    options = list(pairwise(words))
    assert ("--cap-drop", "ALL") in options
    return ",".join(["-all", *(f"+{name.lower()}" for option, name in options if option == "--cap-add")])


def value(instruction: str) -> str:
    return next(rest for name, rest in instructions() if name == instruction)


def steps() -> tuple[str, str]:
    """The two commands that make it: of the distribution's packages, and of ours."""
    packages, ours = [re.sub(r"--mount=\S+ ", "", rest) for name, rest in instructions() if name == "RUN"]
    return packages, ours


def test_a_linter_has_nothing_to_say_of_the_containerfile() -> None:
    run(Path(sysconfig.get_path("scripts"), "hadolint"), FILE)


def test_the_image_is_of_a_release_that_is_tested_with_its_packages() -> None:
    tested = RELEASES[f"debian{value('FROM').removeprefix('debian:').removesuffix('-slim')}"]
    packages = steps()[0].partition(INSTALL)[2].partition("&&")[0].split()
    assert packages
    assert set(packages) <= set(tested.packages)


def test_what_is_not_installed_from_stays_out_of_the_build() -> None:
    assert (ROOT / ".dockerignore").read_text().split() == ["*", "!dist"]
    assert "type=bind,target=/mnt" in next(rest for name, rest in instructions() if "/mnt/dist" in rest)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.bpf
def test_what_the_image_runs_traces_with_a_few_capabilities(
    downloaded: Callable[[str, Path], None], two_netns: TwoNamespaces, tmp_path: Path, shown: tuple[Block, ...]
) -> None:
    tracing, asking = shown
    root = release("debian13").folder
    built = tmp_path / "opt"
    built.mkdir()
    downloaded("3.13", tmp_path / "context/dist")
    folders = {"/mnt": tmp_path / "context", "/opt": built}
    run(*chroot.command(root, ["sh", "-c", steps()[1]], shown=folders, environment={"PIP_NO_INDEX": "1"}))
    (entry,) = json.loads(value("ENTRYPOINT"))
    assert json.loads(value("CMD")) == ["--help"]

    def tracer(*arguments: str, block: Block = tracing) -> subprocess.CompletedProcess[str]:
        capabilities = granted(block)
        limited = ["setpriv", "--bounding-set", capabilities, "--inh-caps", capabilities, entry, *arguments]
        return run(*chroot.command(root, limited, shown={"/opt": built}))

    assert len(json.loads(tracer("plugins", "--json").stdout)) == len(PLUGINS)
    podman, _, arguments_of_tracer = asking.text.partition(" tracer ")
    assert podman.startswith("podman run --rm ")
    assert "CAP_SYSLOG" in tracer(*arguments_of_tracer.split(), block=asking).stdout
    a, b = two_netns.a, two_netns.b
    ping = a.popen(["ping", "-n", "-i", "0.2", b.ipv4], stdout=subprocess.DEVNULL)
    try:
        arguments = ["collect", "-c", "skb,ns", "-p", "tp:net:netif_receive_skb", "--netns", b.name, "-f", "icmp"]
        result = tracer(*arguments, "--format", "single-line", "--stop-after", "1")
    finally:
        ping.kill()
        ping.wait()
    assert f" {a.ipv4} > {b.ipv4} " in result.stdout
    assert f"({b.name})" in result.stdout
