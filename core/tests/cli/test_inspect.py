"""``tracer inspect``: what can be probed, on recorded kernels."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from tracer_core.cli.options import ingredients
from tracer_core.errors import ExitCode
from tracer_core.plan.request import Fixed
from tracer_core.testing.kernels import recorded_folder, recorded_kernel
from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripts.pages.blocks import Block

    from .conftest import Result

KERNEL = ("--kernel", str(recorded_folder("6.12")))


@pytest.fixture
def inspect(run: Callable[..., Result]) -> Callable[..., Result]:
    def command(*arguments: str) -> Result:
        return run("inspect", *KERNEL, *arguments)

    return command


def test_without_a_pattern_and_with_an_empty_one_everything_is_listed(inspect: Callable[..., Result]) -> None:
    everything = inspect("-c", "skb")
    assert everything.code == ExitCode.OK
    assert {"kprobe:ip_rcv", "tp:net:netif_receive_skb"} <= set(everything.out.splitlines())
    assert inspect("-c", "skb", "-p").out == inspect("-p", "*", "-c", "skb").out == everything.out


def test_names_are_one_per_line_and_nothing_else(inspect: Callable[..., Result]) -> None:
    result = inspect("-c", "skb", "-p", "tcp_v4_rcv")
    assert (result.code, result.out, result.err) == (ExitCode.OK, "kprobe:tcp_v4_rcv\n", "")


def test_several_patterns_are_one_list(inspect: Callable[..., Result]) -> None:
    result = inspect("-c", "skb", "-p", "tp:skb:consume_skb", "-p", "kretprobe:ip_rcv", "-p", "tcp_v4_rc*")
    assert result.out.splitlines() == ["kprobe:tcp_v4_rcv", "kretprobe:ip_rcv", "tp:skb:consume_skb"]


def test_verbose_says_what_is_passed_and_who_reads_it(inspect: Callable[..., Result]) -> None:
    assert inspect("-c", "skb,ns", "-v", "-p", "kprobe:nf_confirm").out.splitlines() == [
        "kprobe:nf_confirm",
        "  unsigned int nf_confirm(void *priv, struct sk_buff *skb, struct nf_hook_state *state)",
        "  module nf_conntrack",
        "  ns, skb: argument 2, struct sk_buff *",
    ]


def test_what_the_page_on_probes_shows_is_printed(inspect: Callable[..., Result], shown: tuple[Block, ...]) -> None:
    typed, printed = shown
    for line in typed.lines:
        command, name, *arguments = shlex.split(line, comments=True)
        result = inspect(*arguments)
        assert (command, name, result.code) == ("tracer", "inspect", ExitCode.OK), line
        assert result.out
    # how to attach is found out on the machine, and a recorded kernel is none
    assert result.out.splitlines() == [line for line in printed.lines if not line.startswith("  attach: ")]


def test_network_devices_and_namespaces_make_places_too(inspect: Callable[..., Result]) -> None:
    packets = set(inspect("-c", "skb").out.splitlines())
    assert packets < set(inspect("-c", "dev").out.splitlines())
    assert packets < set(inspect("-c", "ns").out.splitlines())


@pytest.mark.parametrize("pattern", ["nosuch*", "nosuch", "tp:net:nosuch", "kprobe:", "tp:42:foobar"])
def test_a_place_that_does_not_exist_is_a_wrong_command_line(inspect: Callable[..., Result], pattern: str) -> None:
    result = inspect("-c", "skb", "-p", pattern)
    assert result.code == ExitCode.USAGE
    assert result.error


def test_collectors_options_count(inspect: Callable[..., Result]) -> None:
    assert inspect("-c", "skb", "--skb-sections", "dev", "-p", "tcp_v4_rcv").code == ExitCode.OK


def test_functions_that_cannot_be_probed_are_listed_only_for_who_asks_for_them(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(ingredients, "kernel_of", lambda _: recorded_kernel("6.12"))
    monkeypatch.setattr(ingredients, "abilities_of", lambda *_: Fixed(entries=()))
    warning = "WARN  functions cannot be probed on this machine"
    result = run("inspect", "-c", "skb")
    assert result.err == f"{warning}, and are not listed; see: tracer doctor\n"
    assert "tp:net:netif_receive_skb" in result.out.splitlines()
    assert "kprobe:" not in result.out
    result = run("inspect", "-c", "skb", "-p", "kprobe:ip_rcv", "-p", "tp:net:netif_rx")
    assert (result.out, result.err) == ("kprobe:ip_rcv\ntp:net:netif_rx\n", f"{warning}; see: tracer doctor\n")
    assert run("inspect", "-c", "skb", "-p", "tp:net:netif_rx").err == ""
    monkeypatch.setattr(ingredients, "abilities_of", lambda *_: Fixed(entries=(ProbeKind.FENTRY,)))
    assert run("inspect", "-c", "skb", "-p", "ip_rcv").out == "fentry:ip_rcv\n"


def test_without_tracefs_it_says_what_is_not_known(run: Callable[..., Result]) -> None:
    result = run("inspect", "--kernel", str(recorded_folder("6.18")), "-c", "skb", "-p", "*ip_rcv*")
    assert "kprobe:ip_rcv" in result.out.splitlines()
    assert "listed are functions that have a type and an address" in result.err
