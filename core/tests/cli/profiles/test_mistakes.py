"""Mistakes in profiles, and with them on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from core.tests.cli.profiles.runs import DRY

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.tests.cli.conftest import Result


def test_a_profile_where_a_probe_is_asked_for_is_known_and_the_other_way_round(
    run: Callable[..., Result], write: Callable[..., Path]
) -> None:
    write("mine", "{collectors: sample}")
    hint = "; if the profile of that name is meant: tracer -p mine collect"
    assert run(*DRY, "-c", "sample", "-p", "mine").error.endswith(f"no such traceable function{hint}")
    assert "tracer -p" not in run(*DRY, "-c", "sample", "-p", "nosuch").err
    for name in ("nft-dropmon", "ifdump", "ifdump,nft-dropmon"):  # of which only one can be a function
        assert run(*DRY, "-c", "sample", "-p", name).err.endswith(f"tracer -p {name} collect\n")
    for probe in ("tp:net:netif_rx", "ip_rcv"):
        assert run("-p", probe, *DRY).err.endswith(f"; if it is a probe: tracer collect -p {probe}\n")
    assert run("-p", "nosuch-profile", *DRY).err.endswith("; list them with: tracer profile list\n")


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ("{nosuch: 1}", "{}:4: tracer collect has no option --nosuch; see: tracer collect --help"),
        ("{stop_afer: 1}", "{}:4: tracer collect has no option --stop-afer; did you mean stop-after"),
        ("{probes: x}", "{}:4: tracer collect has no option --probes; did you mean probe"),
        ("{p: x}", "{}:4: tracer collect has no option --p; see: tracer collect --help"),
        ("{help: ~}", "{}:4: tracer collect has no option --help; see: tracer collect --help"),
        ("{stop_after: many}", "{}:4: Invalid value for '--stop-after': 'many' is not a valid integer range; see: "),
        ("{stop_after: ~}", "{}:4: --stop-after needs a value; write it behind the colon"),
        ("{stop_after: [1, 2]}", "{}:4: --stop-after takes one value; leave the others out"),
        ("{print: true}", "{}:4: --print takes no value; write print: ~"),
        ("\n      probe:\n        - x\n        - tp:x", "{}:7: probe 'tp:x': not a tracepoint; give "),
        ("{collectors: shipping, shipping_kinds: 'one,six'}", "{}:4: --shipping-kinds: there is no 'six'; choose "),
        ("{collectors: sample, sample_min_len: x}", "{}:4: Invalid value for '--sample-min-len': 'x' is not a valid"),
    ],
)
def test_an_error_in_a_profile_says_where(
    run: Callable[..., Result], write: Callable[..., Path], args: str, error: str
) -> None:
    path = write("mine", args)
    result = run("-p", "mine", *DRY)
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[-1].startswith(f"Error: {error.format(path)}"), result.err


@pytest.mark.parametrize("arguments", [("plugins",), ("print", "x"), ("profile", "list"), ("inspect",)])
def test_other_commands_take_no_profiles(run: Callable[..., Result], arguments: tuple[str, ...]) -> None:
    result = run("-p", "generic", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.error == f"-p: tracer {arguments[0]} takes no profiles; leave it out; see: tracer --help"


@pytest.mark.parametrize("nothing", ["", ",", " , "])
def test_a_profile_must_be_named(run: Callable[..., Result], nothing: str) -> None:
    assert run("-p", nothing, *DRY).error == "-p: no profile is named; list them with: tracer profile list"


def test_help_does_not_look_for_profiles(run: Callable[..., Result]) -> None:
    result = run("-p", "nosuch", "collect", "--help")
    assert (result.code, result.err) == (0, "")


def test_a_folder_must_be_there(run: Callable[..., Result]) -> None:
    result = run("-P", "nowhere", *DRY)
    assert result.code == 2
    assert "Directory 'nowhere' does not exist" in result.error
