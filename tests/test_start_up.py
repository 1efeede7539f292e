"""What is imported when: start-up time is mostly imports, so what a command does without, it must not load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tracer_core.testing import kernels

DISTRIBUTIONS = Path(__file__).resolve().parent / "fixtures/distributions"
BENCHMARK = Path(__file__).resolve().parent.parent / "bench/startup.py"
KERNEL = str(Path(kernels.__file__).parent / "6.18")
DRY_RUN = ("collect", "--dry-run", "-c", "skb", "-p", "tp:net:netif_receive_skb", "--kernel", KERNEL)

CODE = """
import sys
from tracer_core.cli.main import run
code = run(sys.argv[1:])
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""


def imported(*arguments: str, path: str = "") -> set[str]:
    """The modules that a command line has imported when it ends."""
    environment = {**os.environ, "PYTHONPATH": path} if path else None
    command = [sys.executable, "-c", CODE, *arguments]
    result = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    return set(result.stderr.split())


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_the_version_and_help_load_none_of_the_machinery(option: str) -> None:
    heavy = {
        "pluggy",
        "importlib_metadata",
        "importlib.metadata",
        "numpy",
        "pyarrow",
        "bcc",
        "logging",
        "json",
        "subprocess",
    }
    assert imported(option).isdisjoint(heavy)


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_the_version_and_help_load_no_part_of_the_core_but_the_command(option: str) -> None:
    ours = {name for name in imported(option) if name.split(".")[0].startswith("tracer")}
    parts = ("", ".cli", ".cli.completion", ".cli.completion.demand", ".cli.main", ".cli.prefixes", ".cli.streams")
    assert ours == {f"tracer_core{part}" for part in parts}


def test_a_dry_run_loads_neither_compiler_nor_decoder() -> None:
    modules = imported(*DRY_RUN)
    assert "tracer_skb.plugin" in modules
    assert modules.isdisjoint({"bcc", "numpy", "pyarrow", "elftools", "tracer_core.decode.columns"})
    assert not any(name.startswith("tracer_skb.text") for name in modules)


def test_a_run_loads_the_packages_of_the_selected_collectors_only() -> None:
    others = os.pathsep.join(str(DISTRIBUTIONS / name) for name in ("good", "raising", "unimportable", "wrong"))
    modules = imported(*DRY_RUN, path=others)
    assert "tracer_skb.plugin" in modules
    assert [name for name in modules if name.startswith("fixture_")] == []


def test_help_on_collecting_loads_collectors_but_not_what_they_run_with() -> None:
    modules = imported("collect", "--help")
    assert "tracer_skb.plugin" in modules
    assert modules.isdisjoint({"bcc", "numpy", "pyarrow", "tracer_core.compose.compose"})


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (
            "",
            {
                "cli",
                "cli.main",
                "cli.prefixes",
                "cli.streams",
                "cli.completion",
                "cli.completion.answer",
                "cli.completion.demand",
                "cli.completion.shells",
            },
        ),
        ("print\n-", {"cli.completion.answer", "cli.commands.print"}),
        ("print\n", {"cli.completion.values", "cli.commands.print"}),
        ("collect\n--", {"plugins.host", "cli.commands.collect"}),
        ("collect\n-p\nip_rc", {"plugins.host", "cli.completion.probes"}),
        ("pcap\n-p\nip_rc", {"cli.commands.pcap", "cli.completion.probes"}),
    ],
)
def test_completion_loads_little(monkeypatch: pytest.MonkeyPatch, words: str, parts: set[str]) -> None:
    monkeypatch.setenv("_TRACER_COMPLETE", "zsh_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    modules = imported()
    heavy = {"numpy", "pyarrow", "orjson", "bcc", "elftools"}
    heavy |= {f"tracer_core.{name}" for name in ("plan.planner", "compose.compose", "run.prepare", "kernel.live")}
    assert modules.isdisjoint(heavy)
    assert {f"tracer_core.{part}" for part in parts} <= modules
    if not words:
        assert {name for name in modules if name.startswith("tracer_core.")} == {
            f"tracer_core.{part}" for part in parts
        }


@pytest.mark.bpf
def test_the_benchmark_finds_every_phase() -> None:
    command = [sys.executable, str(BENCHMARK), "--runs", "1", "--short-runs", "1", "--json"]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    measured = json.loads(result.stdout)
    assert {name: set(starts) for name, starts in measured["collect"].items()} == {
        "skb": {"cold", "warm"},
        "all": {"cold", "warm"},
    }
    for phases in (phases for starts in measured["collect"].values() for phases in starts.values()):
        assert all(milliseconds >= 0 for milliseconds in phases.values()), phases
        assert phases.pop("until the ready file exists") == pytest.approx(sum(phases.values()))
    assert set(measured["short"]) == {"import click", "tracer --version", "tracer --help", "tracer print"}
    assert measured["short"]["import click"]["ratio"] == 1
