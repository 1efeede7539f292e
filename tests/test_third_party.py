"""A collector written from the tutorial alone: built, installed and traced with, with no change anywhere else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scripts.pages.blocks import blocks_for
from scripts.pages.trial import Trial, typed
from tests.pages import TUTORIAL, written

from tracer_core.testing import Tracer
from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scripts.pages.blocks import Block

    from tracer_core.testing import TwoNamespaces

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
XMIT, RECEIVE = "net:net_dev_start_xmit", "net:netif_receive_skb"
HELLO = re.compile(r"hello length (\d+) mark (0x[0-9a-f]+) type (\w+)")
REQUEST = "type 8 code 0"
README = ROOT / "examples/tracer-hello/README.md"
INSTALLING = "tests/test_third_party.py::test_its_readme_installs_it_and_lists_it_as_the_command_does"
TAKES = 60.0  # seconds that a page may take, times the patience


def run(*argv: str | Path, cwd: Path) -> str:
    """Run a program far from the repository, so that only what is installed can be imported."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(argv, cwd=cwd, env=environment, check=False, capture_output=True, text=True)
    assert result.returncode == 0, f"{argv}\n{result.stdout}\n{result.stderr}"
    return result.stdout


@dataclass(frozen=True)
class Stranger:
    """An environment of its own, with a collector in it that the repository knows nothing of.

    Attributes:
        folder: Of the stranger; sources of the collector are in ``page``, apart from the repository.
        python: Of the environment.
        before: What ``tracer plugins --json`` gave before the collector was installed.
    """

    folder: Path
    python: Path
    before: list[dict[str, Any]]

    @property
    def sources(self) -> Path:
        return self.folder / "page"

    @property
    def command(self) -> Path:
        return self.python.with_name("tracer")

    def typed(self, page: Path, blocks: Sequence[Block]) -> Trial:
        """What comes of blocks of a page where the sources are, with the pip of the environment, and no index."""
        variables = {
            "PATH": f"{self.python.parent}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PIP_PYTHON": str(self.python),
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # that is: no isolation
            "PIP_QUIET": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
        }
        return typed(page, blocks, self.folder, patience(TAKES), variables)


def plugins(command: Path, cwd: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run(command, "plugins", "--json", cwd=cwd))
    return rows


@pytest.fixture(scope="module")
def installing(stranger_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Stranger, Trial]:
    """The stranger, and what came of installing the collector as its README says."""
    folder, python = tmp_path_factory.mktemp("stranger"), stranger_environment / "bin/python"
    written(folder / "page")
    made = Stranger(folder, python, plugins(python.with_name("tracer"), folder))
    return made, made.typed(README, blocks_for(INSTALLING))


@pytest.fixture
def stranger(installing: tuple[Stranger, Trial]) -> Stranger:
    return installing[0]


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


def test_its_readme_installs_it_and_lists_it_as_the_command_does(
    installing: tuple[Stranger, Trial], shown: tuple[Block, ...]
) -> None:
    trial = installing[1]
    assert tuple(trial.blocks) == shown
    assert trial.complaints() == ""


@pytest.mark.bpf
def test_its_readme_shows_what_it_prints(stranger: Stranger, shown: tuple[Block, ...]) -> None:
    assert stranger.typed(README, shown).complaints() == ""


def passed(stranger: Stranger, *files: str) -> str:
    """What pytest says of some of the stranger's tests, none of which failed."""
    result = run(stranger.python, "-m", "pytest", "-p", "no:cacheprovider", "-v", *files, cwd=stranger.sources)
    assert re.search(r"=+ \d+ passed", result), result
    return result


@pytest.mark.bpf
def test_the_code_of_pages_on_tests_passes_as_tests_of_it(stranger: Stranger, shown: tuple[Block, ...]) -> None:
    code = "\n\n".join(block.text for block in shown)
    (stranger.sources / "tests/test_pages.py").write_text(code)
    written_tests = re.findall("^def test_", code, re.MULTILINE)
    assert passed(stranger, "tests/test_pages.py").count(" PASSED") >= len(written_tests) > 0


@pytest.mark.bpf
def test_the_commands_of_the_tutorial_do_what_it_says(stranger: Stranger, shown: tuple[Block, ...]) -> None:
    trial = stranger.typed(TUTORIAL, shown)
    assert trial.complaints() == ""
    output = "\n".join(trial.commands[-1].stream("out"))
    assert re.search(r"^hello +ok +tracer-hello ", output, re.MULTILINE), output
    assert "  hello_collect (hello), when matched" in output
    assert "static __always_inline int hello_collect(" in output
    assert re.search(r"hello length 228 mark 0x0 type host$", output, re.MULTILINE), output


def test_its_own_tests_pass_where_it_is_installed(stranger: Stranger, shown: tuple[Block, ...]) -> None:
    tutorial, readme = shown
    assert tutorial.text == readme.text
    (stranger.sources / "tests/test_pages.py").unlink(missing_ok=True)
    trial = stranger.typed(TUTORIAL, [tutorial])
    assert trial.complaints() == ""
    assert re.search(r"=+ \d+ passed", "\n".join(trial.commands[-1].stream("out")))


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
def test_lengths_and_marks_are_those_of_the_pings_however_they_are_read(
    hello: Tracer, two_netns: TwoNamespaces
) -> None:
    """The README has them as they are read if nothing else is asked for."""
    seen = events(trace(hello, two_netns, PINGS, "-c", "hello,skb", "--reads", "probe"))
    requests = [(e.symbol, e.length, e.mark, e.packet_type) for e in seen if REQUEST in e.packet]
    expected = []
    for size, mark in PINGS.items():
        datagram = 20 + 8 + size  # IP and ICMP
        # Ethernet is there when it is sent; the mark does not cross into another namespace
        expected += [(XMIT, 14 + datagram, mark, "host"), (RECEIVE, datagram, 0, "host")]
    assert requests == expected


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
