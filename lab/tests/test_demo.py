"""``make lab-demo``, but for the guest: what is said before it, what of it stays, what is said where it cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab import boot, cache, cli, compiling, demo, ovs, tools
from lab.errors import UnavailableError

BUILT = ovs.OpenVSwitch("openvswitch 1", Path("/cache/ovs"))


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> cache.Kernel:
    """A kernel and an Open vSwitch, neither of them in the cache; all programs are there."""
    kernel = cache.Kernel(demo.KERNEL, "6.12.0-9-amd64", "package", Path("/cache/6.12"))
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    monkeypatch.setattr(tools, "need", lambda *_: None)
    monkeypatch.setattr(demo, "fetch", lambda _: kernel)
    monkeypatch.setattr(ovs, "fetch", lambda: BUILT)
    monkeypatch.setattr(compiling, "can_compile", lambda: "")
    return kernel


def test_the_demo_says_what_it_fetches_once_and_has_this_machine_compile(
    kernel: cache.Kernel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs: list[tuple[Any, dict[str, Any]]] = []

    def run(*arguments: object, **options: object) -> boot.Outcome:
        runs.append((arguments, options))
        return boot.Outcome(4)

    monkeypatch.setattr(boot, "run", run)
    assert cli.main(["demo"]) == 4
    (((booted, command), options),) = runs
    assert booted is kernel
    assert command[-1] == "lab.journey"
    assert options["compile_here"]
    said = capsys.readouterr().out
    assert f"Linux {demo.KERNEL}: not here yet" in said
    assert "Open vSwitch with USDT probes: not here yet" in said
    monkeypatch.setattr(compiling, "can_compile", lambda: "no BCC")
    monkeypatch.setattr(cache, "find", lambda _: kernel)
    monkeypatch.setattr(ovs, "find", lambda: BUILT)
    assert cli.main(["demo"]) == 4
    said = capsys.readouterr().out
    assert said.count("here already") == 2
    assert "not here yet" not in said
    assert "this machine cannot: no BCC" in said
    assert not runs[1][1]["compile_here"]


@pytest.mark.usefixtures("kernel")
def test_the_demo_boots_nothing_without_open_vswitch_and_says_why_there_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fetch() -> ovs.OpenVSwitch:
        raise UnavailableError("the source of openvswitch cannot be had")

    monkeypatch.setattr(ovs, "fetch", fetch)
    monkeypatch.setattr(boot, "run", lambda *_, **__: pytest.fail("booted"))
    assert cli.main(["demo"]) == boot.DIED
    assert capsys.readouterr().err == "lab: the source of openvswitch cannot be had\n"


def test_the_demo_names_the_programs_that_it_lacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tools, "missing", lambda *programs: [program for program in programs if program == "nft"])
    assert cli.main(["demo"]) == boot.DIED
    assert "nft is not installed; " in capsys.readouterr().err


def test_the_journey_says_why_it_cannot_begin() -> None:
    command = [sys.executable, "-m", "lab.journey"]
    folder = Path(demo.__file__).resolve().parent.parent
    result = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=120, cwd=folder, env={"PATH": "/nowhere"}
    )
    assert result.returncode == 4, result.stderr
    reason = "not installed: ip, ping" if os.geteuid() == 0 else "not root"
    assert f"nothing was traced: {reason}" in result.stdout
