"""Shells complete command lines of tracer: bash and zsh at a terminal, fish as it lists what is possible."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scripts.pages.blocks import blocks_for
from tests.shells import ALL, TAB, Shell

from tracer_core.testing.command import executable
from tracer_core.testing.pytest_plugin import unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.pages.blocks import Block

    from tracer_core.testing.command import Tracer

SESSIONS = "tests/test_completion.py::test_shells_complete_after_the_lines_of_the_page"


def needs(shell: str) -> None:
    if shutil.which(shell) is None:
        unavailable(shell, f"needs {shell}")


def completing(shell: str) -> str:
    """The line of the page that makes a shell complete for its session."""
    (block,) = blocks_for(SESSIONS)
    (line,) = (line for line in block.lines if f"--shell {shell}" in line)
    return line


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What shells find where they are."""
    made = tmp_path_factory.mktemp("shell")
    for name in ("events.arrow", "my events.json.3", "notes.txt", "retis.data", "other.conf"):
        (made / name).touch()
    (made / "script.py").touch()
    (made / ".config/retis/python").mkdir(parents=True)
    (made / ".config/retis/python/counts.py").touch()
    (made / "profiles").mkdir()
    (made / "profiles/mine.yaml").write_text('version: "1.0"\nname: special\n')
    (made / "sub").mkdir()
    (made / "sub/deep.parquet").touch()
    return made


@pytest.fixture(scope="module")
def tracer_path() -> str:
    return f"{executable().parent}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture(scope="module")
def bash(folder: Path, tracer_path: str) -> Iterator[Shell]:
    needs("bash")
    with Shell("bash", folder, tracer_path, completing("bash")) as made:
        yield made


@pytest.fixture(scope="module")
def zsh(folder: Path, tracer_path: str) -> Iterator[Shell]:
    needs("zsh")
    with Shell("zsh", folder, tracer_path, completing("zsh")) as made:
        yield made


CASES = [
    ("tracer col", "tracer collect "),
    ("tracer --log-l", "tracer --log-level "),
    ("tracer --log-level d", "tracer --log-level debug "),
    ("tracer col --skb-s", "tracer col --skb-sections "),
    ("tracer -p gen", "tracer -p generic "),
    ("tracer -p ifdump,dropm", "tracer -p ifdump,dropmon "),
    ("tracer profile show ifd", "tracer profile show ifdump "),
    ("tracer collect -c skb,ov", "tracer collect -c skb,ovs "),
    ("tracer collect -c skb_t", "tracer collect -c skb_tracking "),
    ("tracer collect --nft-verdicts drop,acc", "tracer collect --nft-verdicts drop,accept "),
    ("tracer collect -c nft --nft-verdicts=acc", "tracer collect -c nft --nft-verdicts=accept "),
    ("tracer collect --format=s", "tracer collect --format=single-line "),
    ("tracer collect -p kretp", "tracer collect -p kretprobe:"),
    ("tracer collect -p icmp_rcv/f", "tracer collect -p icmp_rcv/ftrace "),
    ("tracer collect -p tcp_v4_rcv", "tracer collect -p tcp_v4_rcv "),
    ("tracer collect -p k:tcp_v4_rcv", "tracer collect -p k:tcp_v4_rcv "),
    ("tracer collect -p 'k:tcp_v4_rcv", "tracer collect -p 'k:tcp_v4_rcv' "),
    ("tracer collect --kconf oth", "tracer collect --kconf other.conf "),
    ("tracer pri ev", "tracer pri events.arrow "),
    ("tracer print r", "tracer print retis.data "),
    ("tracer print su", "tracer print sub/"),
    ("tracer print sub/", "tracer print sub/deep.parquet "),
    ("tracer print not", "tracer print notes.txt "),  # there is no event file of that name
    ("tracer convert ev", "tracer convert events.arrow "),
    ("tracer sort --max-b", "tracer sort --max-buffer "),
    ("tracer sh-complete --shell f", "tracer sh-complete --shell fish "),
    ("tracer profile l", "tracer profile list "),
    ("tracer prof sh ifd", "tracer prof sh ifdump "),
    ("tracer -P profiles -p spec", "tracer -P profiles -p special "),
    ("tracer -P profiles profile show spec", "tracer -P profiles profile show special "),
    ("tracer python coun", "tracer python counts "),
    ("tracer python scri", "tracer python script.py "),
    ("tracer python script.py oth", "tracer python script.py other.conf "),
    ("tracer python -i ev", "tracer python -i events.arrow "),
    # nothing is known
    ("tracer collect -m sk", "tracer collect -m sk"),
    ("tracer co -", "tracer co -"),
    ("tracer nonsense -", "tracer nonsense -"),
    ("tracer collect -c nonsense --kc", "tracer collect -c nonsense --kconf "),
    ("tracer print --nonsense --fo", "tracer print --nonsense --format "),
    ("tracer collect --cmd 'a \"b\" c' --utc --ring-s", "tracer collect --cmd 'a \"b\" c' --utc --ring-size "),
    ("tracer inspect -c skb,ov", "tracer inspect -c skb,ovs "),
    ("tracer inspect -p kretp", "tracer inspect -p kretprobe:"),
    # the kernel's own, with tracefs or without
    ("tracer collect -p tp:net:netif_receive_skb_en", "tracer collect -p tp:net:netif_receive_skb_entry "),
]


@pytest.mark.parametrize(("typed", "line"), CASES, ids=[typed for typed, _ in CASES])
def test_bash_completes(bash: Shell, typed: str, line: str) -> None:
    check(bash, typed, line)


@pytest.mark.parametrize(("typed", "line"), CASES[::2], ids=[typed for typed, _ in CASES[::2]])
def test_zsh_completes(zsh: Shell, typed: str, line: str) -> None:
    check(zsh, typed, line)


def check(shell: Shell, typed: str, line: str) -> None:
    assert shell.line(typed + TAB) == line
    assert "Error" not in shell.shown
    assert "Traceback" not in shell.shown


def test_shells_complete_after_the_lines_of_the_page(bash: Shell, zsh: Shell, shown: tuple[Block, ...]) -> None:
    """Those of these two; fish is asked below."""
    (block,) = shown
    assert block.lines == tuple(map(completing, ("bash", "zsh", "fish")))
    for shell in (bash, zsh):
        check(shell, "tracer col", "tracer collect ")


def test_names_with_blanks_are_quoted(bash: Shell, zsh: Shell) -> None:
    for shell in (bash, zsh):
        assert shell.line("tracer print my" + TAB) == r"tracer print my\ events.json.3 "


def listed(shell: Shell, typed: str) -> list[str]:
    return shell.line(typed + ALL).removeprefix(typed.rpartition(" ")[0]).split()


def test_all_that_is_possible_is_offered(bash: Shell, tracer: Tracer) -> None:
    helped = tracer.run("--help").stdout.partition("\nTracing:\n")[2]
    assert listed(bash, "tracer ") == sorted(re.findall(r"^  ([\w-]+) ", helped, re.MULTILINE))
    collectors = ["auto", "ct", "dev", "nft", "ns", "ovs", "skb", "skb-drop", "skb-tracking"]
    assert listed(bash, "tracer collect -c ") == collectors
    assert listed(bash, "tracer collect -c skb,auto,n") == ["skb,auto,nft", "skb,auto,ns"]
    assert listed(bash, "tracer collect --reads ") == ["auto", "load", "probe"]
    kinds = ["tp:", "kprobe:", "kretprobe:", "fentry:", "fexit:"]
    assert listed(bash, "tracer collect -p ") == kinds
    assert listed(bash, "tracer pcap -p ") == kinds
    assert listed(bash, "tracer collect -p tcp_rcv/") == ["tcp_rcv/stack", "tcp_rcv/ftrace"]
    assert bash.line("tracer pcap -p tcp_rcv/" + ALL) == "tracer pcap -p tcp_rcv/"
    assert listed(bash, "tracer stats ") == [
        *("events.arrow", "my\\", "events.json.3", "profiles", "retis.data", "sub"),
    ]


@pytest.mark.parametrize("command", ["collect", "print", "pcap", "sort"])
def test_every_option_that_help_shows_is_offered(bash: Shell, tracer: Tracer, command: str) -> None:
    shown = tracer.run(command, "--help").stdout.split()
    wanted = {word.strip(",") for word in shown if word.startswith("--") and word.strip(",.:;)") == word.strip(",")}
    assert wanted <= set(listed(bash, f"tracer {command} --"))


def test_fish_lists_what_is_possible_with_help(folder: Path, tracer_path: str) -> None:
    needs("fish")
    wanted = [typed for typed, line in CASES[::3] if "'" not in line and line != typed and "=" not in line]
    script = f"{completing('fish')}; for line in $argv; complete -C $line; echo; end"
    environment = {"PATH": tracer_path, "HOME": str(folder), "LANG": "C.UTF-8"}
    command = ["fish", "--no-config", "-c", script, *wanted]
    result = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder, env=environment)
    assert result.stderr == ""
    groups = result.stdout.split("\n\n")
    assert "collect\tTrace packets and print their events." in groups[0]
    for typed, found in zip(wanted, groups, strict=False):
        line = dict(CASES)[typed]
        assert line.split()[-1] in [item.partition("\t")[0].strip("\n") for item in found.splitlines()], typed


# names of folders of the machine are those of an empty file system
REGISTER = r"""
mount -t tmpfs tmpfs /usr/local/share
export HOME=$PWD
eval "$0"
cmp ~/.local/share/bash-completion/completions/tracer <(tracer sh-complete --shell bash)
cmp /usr/local/share/zsh/site-functions/_tracer <(tracer sh-complete --shell zsh)
cmp ~/.config/fish/completions/tracer.fish <(_TRACER_COMPLETE=fish_source tracer)
source ~/.local/share/bash-completion/completions/tracer
complete -p tracer
zsh -fc 'autoload -U compinit && compinit -D -u && print -r -- $_comps[tracer]'
fish -c 'complete -C "tracer col"'
"""


def test_what_is_registered_as_the_page_says_is_there_in_new_shells(
    root: None, tmp_path: Path, tracer_path: str, shown: tuple[Block, ...]
) -> None:
    """In a file, which is that of bash, and in folders, under the names that zsh and fish expect."""
    for shell in ("zsh", "fish"):
        needs(shell)
    (block,) = shown
    argv = ["unshare", "--mount", "bash", "-ec", REGISTER, block.text]
    environment = {"PATH": tracer_path, "LANG": "C.UTF-8"}
    result = subprocess.run(argv, check=True, capture_output=True, text=True, cwd=tmp_path, env=environment)
    in_bash, in_zsh, in_fish = result.stdout.splitlines()
    assert re.fullmatch(r"complete .* -F \w+ tracer", in_bash)
    assert in_zsh == "_tracer"
    assert in_fish == "collect\tTrace packets and print their events."
