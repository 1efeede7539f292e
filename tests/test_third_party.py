"""A collector written from the tutorial alone: built, installed and traced with, with no change anywhere else."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.pages import FIXTURES, TESTING, blocks, commands, written

from tracer_core.testing import Tracer
from tracer_core.testing.command import end_with_parent, wait_ready
from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from tracer_core.testing import TwoNamespaces

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
XMIT, RECEIVE = "net:net_dev_start_xmit", "net:netif_receive_skb"
HELLO = re.compile(r"hello length (\d+) mark (0x[0-9a-f]+) type (\w+)")
REQUEST = "type 8 code 0"


def run(*argv: str | Path, cwd: Path) -> str:
    """Run a program far from the repository, so that only what is installed can be imported."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(argv, cwd=cwd, env=environment, check=False, capture_output=True, text=True)
    assert result.returncode == 0, f"{argv}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def pip(cwd: Path, *arguments: str | Path) -> None:
    run(sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments, "--quiet", cwd=cwd)


@dataclass(frozen=True)
class Stranger:
    """An environment of its own, with a collector in it that the repository knows nothing of.

    Attributes:
        folder: Of the stranger.
        sources: Of the collector, apart from the repository.
        python: Of the environment.
        before: What ``tracer plugins --json`` gave before the collector was installed.
    """

    folder: Path
    sources: Path
    python: Path
    before: list[dict[str, Any]]

    @property
    def command(self) -> Path:
        return self.python.with_name("tracer")


def plugins(command: Path, cwd: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run(command, "plugins", "--json", cwd=cwd))
    return rows


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    folder = tmp_path_factory.mktemp("stranger")
    sources, wheels, python = folder / "hello", folder / "wheels", folder / "env/bin/python"
    written(sources)
    for command in (command for command in commands() if command.split()[0] in ("mkdir", "touch")):
        run(*command.split(), cwd=sources)
    packages = (ROOT / "core", ROOT / "plugins/skb", sources)
    pip(folder, "wheel", "--no-deps", "--no-build-isolation", "-w", wheels, *packages)
    venv.create(folder / "env")
    install = ("--python", python, "install")
    dependencies = tomllib.loads((ROOT / "core/pyproject.toml").read_text())["project"]["dependencies"]
    pip(folder, *install, *dependencies, "pytest", "hypothesis")
    pip(folder, *install, "--no-deps", *wheels.glob("tracer_core-*.whl"), *wheels.glob("tracer_skb-*.whl"))
    before = plugins(python.with_name("tracer"), folder)
    pip(folder, *install, "--no-deps", *wheels.glob("tracer_hello-*.whl"))
    return Stranger(folder, sources, python, before)


@pytest.fixture
def hello(stranger: Stranger, tmp_path: Path) -> Tracer:
    """The stranger's command."""
    return Tracer(stranger.command, tmp_path)


def test_an_installed_collector_is_listed_and_changes_nothing_else(stranger: Stranger) -> None:
    after = plugins(stranger.command, stranger.folder)
    added = [row for row in after if row not in stranger.before]
    assert [row for row in after if row not in added] == stranger.before
    assert [row["name"] for row in stranger.before] == ["skb"]
    assert added == [
        {
            "name": "hello",
            "status": "ok",
            "distribution": "tracer-hello",
            "version": "0.1.0",
            "api": "1.0",
            "sections": ["hello"],
            "summary": "Length, mark and type of a packet.",
            "reason": None,
        }
    ]


def test_its_readme_lists_it_as_the_command_does(stranger: Stranger) -> None:
    shown = run(stranger.command, "plugins", cwd=stranger.folder)
    assert f"$ tracer plugins\n{shown}" in (ROOT / "examples/tracer-hello/README.md").read_text()


def passed(stranger: Stranger, *files: str) -> str:
    """What pytest says of some of the stranger's tests, none of which failed."""
    result = run(stranger.python, "-m", "pytest", "-p", "no:cacheprovider", "-v", *files, cwd=stranger.sources)
    assert re.search(r"=+ \d+ passed", result), result
    return result


def test_its_own_tests_pass_where_it_is_installed(stranger: Stranger) -> None:
    result = passed(stranger)
    assert "TestContract::test_its_hooks_are_pure[6.12-HelloOptions(min_len=100)] PASSED" in result


@pytest.mark.bpf
@pytest.mark.parametrize("page", [TESTING, FIXTURES], ids=lambda page: page.stem)
def test_the_code_of_pages_on_tests_passes_as_tests_of_it(stranger: Stranger, page: Path) -> None:
    name = f"tests/test_{page.stem.replace('-', '_')}.py"
    code = "\n\n".join(blocks(page, "python"))
    (stranger.sources / name).write_text(code)
    assert passed(stranger, name).count(" PASSED") >= len(
        re.findall("^def test_", "".join(blocks(page, "python")), re.M)
    )


@pytest.mark.bpf
def test_the_commands_of_the_tutorial_do_what_it_says(stranger: Stranger, two_netns: TwoNamespaces) -> None:
    """But those that install and test, which are done elsewhere, for the folder that is made first, too."""
    tried = [command for command in commands() if command.startswith(("tracer ", "sudo $(which tracer) "))]
    assert len(tried) == 4
    for command in tried:
        argv = [str(stranger.command), *command.removeprefix("sudo $(which tracer)").removeprefix("tracer").split()]
        if command.startswith("tracer"):
            assert "hello" in run(*argv, cwd=stranger.sources), command
            continue
        ready = stranger.folder / "ready"
        with subprocess.Popen(
            [*argv, "--netns", two_netns.b.name, "--ready-file", str(ready)],
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, no lock
        ) as process:
            wait_ready(process, ready, patience(60))
            two_netns.a.run(["ping", "-n", "-c", "1", "-W", "5", "-s", "200", two_netns.b.ipv4])
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=patience(30))
        assert re.search(r"hello length 228 mark 0x0 type host$", output, re.MULTILINE), output


def test_the_tutorial_has_no_command_that_is_not_tried() -> None:
    assert {command.split()[0] for command in commands()} == {"mkdir", "touch", "pip", "tracer", "sudo"}


def test_its_options_are_among_those_of_the_command(hello: Tracer) -> None:
    result = hello.run("collect", "-c", "hello", "--help")
    assert re.search(r"^Collector 'hello':\n +--hello-min-len INTEGER ", result.stdout, re.MULTILINE), result.stdout


@dataclass(frozen=True)
class Seen:
    """What was printed of an event."""

    symbol: str
    packet: str
    length: int
    mark: int
    packet_type: str


def events(text: str) -> list[Seen]:
    """What was printed, event by event; without a part of ours, the length is -1."""
    seen = []
    for event in text.split("\n\n"):
        if event.strip():
            head, packet, *more = [*event.splitlines(), ""]
            match = HELLO.fullmatch(more[0].strip())
            length, mark, kind = match.groups() if match else ("-1", "0x0", "")
            seen.append(Seen(head.split("] ")[-1], packet.strip(), int(length), int(mark, 16), kind))
    return seen


def trace(hello: Tracer, both: TwoNamespaces, pings: dict[int, int], *options: str) -> str:
    """Trace pings, given as marks by size, with all that they cause in both namespaces."""
    probes = ("-p", f"tp:{XMIT}", "-p", f"tp:{RECEIVE}", "--netns", both.a.name, "--netns", both.b.name)
    with hello.collect(*options, *probes) as collecting:
        for size, mark in pings.items():
            ping = ["ping", "-n", "-c", "1", "-W", "5", "-s", str(size), "-m", str(mark), both.b.ipv4]
            both.run(both.a, ping)
    assert collecting.exit_code == 0, collecting.report()
    return collecting.stdout


PINGS = {8: 1, 100: 42, 1000: 0x7FFF_FFFF}
"""Mark by size."""


@pytest.mark.bpf
@pytest.mark.parametrize("reads", ["load", "probe"])
def test_lengths_and_marks_are_those_of_the_pings(hello: Tracer, two_netns: TwoNamespaces, reads: str) -> None:
    seen = events(trace(hello, two_netns, PINGS, "-c", "hello,skb", "--reads", reads))
    requests = [(e.symbol, e.length, e.mark, e.packet_type) for e in seen if REQUEST in e.packet]
    expected = []
    for size, mark in PINGS.items():
        datagram = 20 + 8 + size  # IP and ICMP
        # Ethernet is there when it is sent; the mark does not cross into another namespace
        expected += [(XMIT, 14 + datagram, mark, "host"), (RECEIVE, datagram, 0, "host")]
    assert requests == expected


@pytest.mark.bpf
def test_the_type_of_a_packet_is_told_by_its_bit_field(hello: Tracer, two_netns: TwoNamespaces) -> None:
    seen = events(trace(hello, two_netns, {8: 0}, "-c", "hello,skb"))
    arp = {e.packet.split(" ")[0]: e.packet_type for e in seen if e.symbol == RECEIVE and e.length == 28}
    assert arp.items() >= {"request": "broadcast", "reply": "host"}.items()


@pytest.mark.bpf
def test_packets_below_the_least_length_have_no_part_of_it(hello: Tracer, two_netns: TwoNamespaces) -> None:
    seen = events(trace(hello, two_netns, PINGS, "-c", "hello,skb", "--hello-min-len", "500"))
    requests = [(e.symbol, e.length) for e in seen if REQUEST in e.packet]
    unsaid = [(XMIT, -1), (RECEIVE, -1)]
    assert requests == [*unsaid, *unsaid, (XMIT, 1042), (RECEIVE, 1028)]


@pytest.mark.bpf
def test_packets_below_the_least_length_are_no_events_where_nobody_else_reports_them(
    hello: Tracer, two_netns: TwoNamespaces
) -> None:
    text = trace(hello, two_netns, PINGS, "-c", "hello", "--hello-min-len", "500")
    lengths = [int(match[1]) for match in HELLO.finditer(text)]
    assert lengths == [1042, 1028, 1042, 1028]  # there and back
    assert text.count("\n\n") == len(lengths)
