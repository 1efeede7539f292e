"""``make demo``: what it shows where tracing works, and what it says where it does not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.testing.netns import FOLDER

if TYPE_CHECKING:
    from scripts.pages.blocks import Block

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "scripts/demo.py"


def leftovers() -> list[str]:
    return [path.name for path in FOLDER.glob("tracer-demo-*")]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, cwd=ROOT
    )


@pytest.mark.bpf
def test_the_demo_shows_packets_of_all_its_traffic_and_leaves_nothing(shown: tuple[Block, ...]) -> None:
    """What the README has its readers type first; that shell has the command then."""
    result = run("bash", "-ec", "".join(block.text for block in shown) + "command -v tracer")
    assert result.stdout.splitlines()[-1] == str(ROOT / ".venv/bin/tracer")
    assert result.returncode == 0, result.stdout + result.stderr
    for text in ("net:netif_receive_skb", "net:net_dev_start_xmit", "ICMP (1)", "ICMPv6", "UDP", "TCP", "2001:db8::2"):
        assert text in result.stdout
    assert leftovers() == []


def test_the_demo_says_why_it_cannot_run() -> None:
    """In a user namespace we are not root, though all files can be read."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "--user", "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs unshare of util-linux and user namespaces")
    result = run(unshare, "--user", sys.executable, str(DEMO))
    assert result.returncode == 4
    assert "nothing was traced: not root" in result.stdout
    assert "$ tracer doctor" in result.stdout
    assert leftovers() == []
