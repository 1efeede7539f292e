"""Profiles that are shipped, on recorded kernels and on this one, and those that the documentation shows."""

from __future__ import annotations

import json
import logging
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scripts.pages.blocks import ROOT, blocks

from tracer_core.cli import main
from tracer_core.cli.commands.profile_check import problems_of
from tracer_core.cli.main import cli
from tracer_core.plugins.host import Host
from tracer_core.profiles import find
from tracer_core.profiles.find import shelves
from tracer_core.profiles.read import read, read_file
from tracer_core.testing.kernels import recorded_folder, recorded_names

if TYPE_CHECKING:
    from scripts.pages.blocks import Block

    from tracer_core.testing import Tracer, TwoNamespaces

RETIS = ROOT / "tests/fixtures/profiles"
WITHOUT_A_FUNCTION = "Tracing without probe(s) that this kernel does not have: kprobe:tcp6_gro_receive"


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def collectors(self) -> set[str]:
        """Of a plan."""
        assert self.code == 0, self.err
        return set(re.findall(r"^collector ([\w-]+) ", self.out, re.MULTILINE))

    @property
    def probes(self) -> set[str]:
        """Those of a plan where somebody looks at packets."""
        assert self.code == 0, self.err
        plan = re.findall(r"^probe \d+ (\S+): .*\n((?:  .*\n)*)", self.out, re.MULTILINE)
        return {probe for probe, details in plan if ", when matched" in details}


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Result]]:
    """Run a command line in this process, in a home and a folder without profiles."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(find, "_SYSTEM", ())
    monkeypatch.chdir(tmp_path)
    logger = logging.getLogger()
    before = logger.handlers[:], logger.level
    yield lambda *arguments: Result(main.run(list(arguments)), *capsys.readouterr())
    logger.handlers[:], logger.level = before[0], before[1]


def planning(profile: str, kernel: str, *arguments: str) -> tuple[str, ...]:
    """The command line that plans a run with a profile."""
    return ("-p", profile, "collect", "--kernel", str(recorded_folder(kernel)), "--dry-run", *arguments)


def test_these_are_shipped_and_nothing_is_wrong_with_them() -> None:
    readings = [reading for shelf in shelves(None, Host) for reading in shelf.readings]
    names = [profile.name for reading in readings for profile in reading.profiles]
    assert {"generic", "ifdump", "dropmon", "nft-dropmon"} <= set(names)
    assert [str(problem) for reading in readings for problem in problems_of(cli, reading)] == []


@pytest.mark.parametrize("kernel", recorded_names())
def test_generic_has_what_the_kernel_has_of_it(run: Callable[..., Result], kernel: str) -> None:
    result = run(*planning("generic", kernel, "-c", "skb"))
    assert {"tp:net:netif_rx", "kprobe:ip_rcv", "kprobe:tcp_v6_rcv", "kprobe:skb_scrub_packet"} <= result.probes
    assert result.err.splitlines() == ["Applying profile generic", WITHOUT_A_FUNCTION]


@pytest.mark.parametrize("kernel", recorded_names())
def test_the_others_are_planned_as_they_say(run: Callable[..., Result], kernel: str) -> None:
    result = run(*planning("ifdump", kernel))
    assert {"tp:net:netif_receive_skb", "tp:net:net_dev_start_xmit"} <= result.probes
    result = run(*planning("dropmon", kernel))
    assert result.collectors == {"skb-drop", "skb", "dev", "ns"}
    assert result.probes == {"tp:skb:kfree_skb"}


@pytest.mark.parametrize("kernel", [name for name in recorded_names() if name != "5.10"])
@pytest.mark.parametrize("profile", ["nft-dropmon", str(RETIS / "nft-drops.yaml")])
def test_what_nftables_drops_is_probed_once(run: Callable[..., Result], kernel: str, profile: str) -> None:
    result = run(*planning(profile, kernel))
    assert result.collectors == {"nft", "skb", "dev", "ns"}
    (probe,) = result.probes
    assert probe.endswith(":__nft_trace_packet")


def test_a_profile_ends_the_run_where_what_it_requires_cannot_run(run: Callable[..., Result]) -> None:
    result = run(*planning("nft-dropmon", "5.10"))
    assert result.code == 3
    assert "Error: cannot run collector nft (" in result.err


def test_a_collector_that_cannot_run_is_left_out_with_one_line(run: Callable[..., Result]) -> None:
    result = run(*planning(str(RETIS / "nft-drops.yaml"), "5.10", "-p", "tp:skb:kfree_skb"))
    assert result.collectors == {"skb", "dev", "ns"}
    (line,) = (line for line in result.err.splitlines() if "nft (" in line)
    assert line.startswith("WARN  Cannot run collector nft (tracer-nft ")


@pytest.mark.parametrize("path", sorted(RETIS.glob("*.yaml")), ids=lambda path: path.stem)
def test_nothing_is_wrong_with_files_of_retis(path: Path) -> None:
    assert [str(problem) for problem in problems_of(cli, read_file(path))] == []


@pytest.mark.parametrize("kernel", recorded_names())
def test_files_of_retis_work_as_they_are(run: Callable[..., Result], kernel: str) -> None:
    result = run(*planning(str(RETIS / "drops.yaml"), kernel))
    is_recent = kernel in ("6.12", "6.18")
    assert result.err.splitlines()[0] == f"Applying profile drops: {'reasons' if is_recent else 'any'}"
    assert result.collectors == {"skb", "skb-drop", "dev", "ns"}
    assert result.probes == {"tp:skb:kfree_skb"} | ({"kprobe:sk_skb_reason_drop"} if is_recent else set())


def problems(text: str, name: str) -> list[str]:
    return [str(problem) for problem in problems_of(cli, read(text.encode(), name))]


def test_the_profiles_of_the_documentation_are_good(shown: tuple[Block, ...]) -> None:
    for block in shown:
        text = block.text if block.text.startswith("version:") else f'version: "1.0"\nname: x\n{block.text}'
        assert problems(text, "web.yaml") == []


MISTAKES = {
    "tcp port 443": "tcp prot 443",
    "- args:\n      probe: tp:skb:": "- args:\n      probe: tp:",
}


def test_mistakes_are_told_as_the_reference_says(shown: tuple[Block, ...]) -> None:
    (told,) = shown
    page = (ROOT / "docs/reference/profiles.md").read_text()
    text = next(block.text for block in blocks(page) if block.language == "yaml").replace("pcap:", "pcpa:")
    for right, wrong in MISTAKES.items():
        assert right in text
        text = text.replace(right, wrong, 1)
    assert problems(text, "web.yaml") == list(told.lines)


def test_profiles_are_applied_as_the_reference_says(
    run: Callable[..., Result], tmp_path: Path, shown: tuple[Block, ...]
) -> None:
    (block,) = shown
    (tmp_path / "profiles").mkdir()
    for folder in (tmp_path, tmp_path / "profiles"):
        text = 'version: "1.0"\nname: mine\ncollect:\n  - args: {collectors: skb, probe: tp:skb:kfree_skb}\n'
        (folder / "mine.yaml").write_text(text)
    for line in block.lines:
        _, *arguments = shlex.split(line)
        result = run(*arguments, "--kernel", str(recorded_folder("6.12")), "--dry-run")
        assert "tp:skb:kfree_skb" in result.probes
        applied = arguments[arguments.index("-p") + 1].split(",")
        assert result.err.count("Applying profile ") == len(applied)


@pytest.mark.bpf
def test_a_run_has_what_profiles_and_the_user_want(tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path) -> None:
    out = tmp_path / "events.json"
    two = two_netns
    command = f"ip netns exec {two.a.name} ping -c1 -W5 {two.b.ipv4}"
    result = tracer.run(
        "-p", "ifdump", "collect", "-c", "skb,ns", "--netns", two.a.name, "-o", str(out), "--cmd", command
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stderr.startswith("Applying profile ifdump\n")
    startup, *events = map(json.loads, out.read_text().splitlines())
    assert (
        " -p ifdump collect --probe=tp:net:netif_receive_skb --probe=tp:net:net_dev_start_xmit -c skb,ns "
        in (startup["startup"]["cmdline"])
    )
    icmp = [event["kernel"]["symbol"] for event in events if "icmp" in event.get("packet", {}).get("packet", "icmp")]
    assert {"net:netif_receive_skb", "net:net_dev_start_xmit"} == set(icmp)
