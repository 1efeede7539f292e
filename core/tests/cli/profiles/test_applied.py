"""What profiles on the command line do to a run, on a recorded kernel."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import click
import pytest
from core.tests.cli.profiles.runs import DRY, KERNEL, SOURCE, collectors, probes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracer_core.cli import main
from tracer_core.cli.profiles.command import ProfiledCommand

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.tests.cli.conftest import Result


def test_a_profile_names_probes_and_collectors(run: Callable[..., Result], write: Callable[..., Path]) -> None:
    write("mine", "{collectors: sample, probe: [tp:net:netif_rx, 'tp:skb:kfree_skb/stack']}")
    result = run("-p", "mine", *DRY)
    assert result.err == "Applying profile mine\n"
    assert (collectors(result), probes(result)) == (["sample"], ["tp:net:netif_rx", "tp:skb:kfree_skb"])
    assert "section stack" in result.out


def test_options_of_collectors_are_those_of_the_collectors_that_the_profile_names(
    run: Callable[..., Result], write: Callable[..., Path]
) -> None:
    write("mine", "{collectors: sample, sample_min_len: 60, probe: tp:net:netif_rx}")
    assert "#define SAMPLE_MIN_LEN 60\n" in run("-p", "mine", *SOURCE).out


def test_the_user_adds_to_lists_and_has_the_last_word_on_the_rest(
    run: Callable[..., Result], write: Callable[..., Path]
) -> None:
    write("mine", "{collectors: sample, sample_min_len: 60, probe: tp:net:netif_rx, format: nonsense}")
    own = ("-p", "tp:skb:kfree_skb", "-c", "shipping", "--sample-min-len", "7", "--format=single-line")
    assert "#define SAMPLE_MIN_LEN 7\n" in run("-p", "mine", *SOURCE, *own).out
    result = run("-p", "mine", *DRY, *own)
    assert collectors(result) == ["sample", "shipping"]
    assert probes(result) == ["tp:net:netif_rx", "tp:skb:kfree_skb"]


@pytest.mark.parametrize("given", [("-p", "one,two"), ("-p", "one", "--profile", "two")])
def test_several_profiles_are_put_together_in_their_order(
    run: Callable[..., Result], write: Callable[..., Path], given: tuple[str, ...]
) -> None:
    write("one", "{collectors: sample, probe: tp:net:netif_rx, utc: ~}")
    write("two", "{collectors: shipping, probe: tp:skb:kfree_skb, utc: ~}")
    result = run(*given, *DRY)
    assert result.err == "Applying profile one\nApplying profile two\n"
    assert collectors(result) == ["sample", "shipping"]
    assert probes(result) == ["tp:net:netif_rx", "tp:skb:kfree_skb"]


def test_profiles_that_contradict_each_other_are_named_unless_the_user_decides(
    run: Callable[..., Result], write: Callable[..., Path]
) -> None:
    write("one", "{collectors: sample, ring_size: 1M, probe: tp:net:netif_rx}")
    write("two", "{ring_size: 2M}")
    result = run("-p", "one,two", *DRY)
    assert result.code == 2
    assert result.err.splitlines()[-1] == (
        "Error: profiles one and two contradict each other: --ring-size=1M and --ring-size=2M; give --ring-size, too"
    )
    assert run("-p", "one,two", *DRY, "--ring-size", "4M").code == 0
    write("two", "{ring_size: 1M}")
    assert run("-p", "one,two", *DRY).code == 0


def test_a_profile_without_probes_keeps_the_default_ones_away(
    run: Callable[..., Result], write: Callable[..., Path]
) -> None:
    write("mine", "{collectors: auto, utc: ~}")
    result = run("-p", "mine", *DRY)
    assert "No probe(s) given" not in result.err
    assert "tp:net:netif_receive_skb" not in result.out


def test_values_that_stand_for_collectors_select_them_from_profiles_too(
    run: Callable[..., Result], write: Callable[..., Path], install: Callable[..., None]
) -> None:
    install("choosing")
    write("mine", "{collectors: chooser, chooser_parts: 'two,chosen', probe: tp:net:netif_rx}")
    assert collectors(run("-p", "mine", *DRY)) == ["chooser", "chosen"]


def test_conditions_are_asked_of_the_kernel_that_is_traced(run: Callable[..., Result], folder: Path) -> None:
    text = """\
        version: 1.0
        name: mine
        collect:
          - name: older
            when: [{type: version, version: "<6.12"}]
            args: {collectors: sample, probe: tp:net:netif_rx}
          - name: newer
            when: [{type: symbol, name: "skb:kfree_skb"}, {type: version, version: ">=6.12, <6.13"}]
            args: {collectors: sample, probe: tp:skb:kfree_skb}
    """
    (folder / "mine.yaml").write_text(dedent(text))
    for release, entry in (("6.1", "older"), ("6.12", "newer")):
        result = run("-p", "mine", "collect", "--kernel", str(Path(KERNEL).parent / release), "--dry-run", "-c", "ns")
        assert result.err.splitlines()[0] == f"Applying profile mine: {entry}"
    result = run("-p", "mine", "collect", "--kernel", str(Path(KERNEL).parent / "6.18"), "--dry-run", "-c", "ns")
    assert result.err.splitlines()[0] == "WARN  None of the collect profiles defined in mine were selected"


def test_an_option_whose_value_can_be_left_out_has_its_usual_one(
    run: Callable[..., Result], write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write("mine", "{out: ~, collectors: sample, probe: tp:net:netif_rx}")
    line = ["-p", "mine", "--log-level", "debug", *DRY]
    monkeypatch.setattr(sys, "argv", ["tracer", *line])
    assert " collect --collectors=sample --out=tracer.arrow --probe=" in run(*line).err


def test_another_command_can_take_the_options_under_its_own_name(
    run: Callable[..., Result], write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command("pcap", cls=ProfiledCommand)
    @click.argument("files", nargs=-1)
    @click.option("-p", "--probe", multiple=True)
    @click.option("--out")
    def pcap(**values: object) -> None:
        click.echo(json.dumps(values))

    monkeypatch.setitem(sys.modules, "made_up_pcap", sys.modules[__name__])
    monkeypatch.setattr(sys.modules[__name__], "pcap", pcap, raising=False)
    monkeypatch.setitem(main._COMMANDS, "pcap", ("made_up_pcap", "pcap", ""))
    path = write("mine", "{nosuch: 1}", "pcap:\n  - args: {probe: [a, b], out: '-'}\n")
    result = run("-p", "mine", "pcap", "--", "-x")
    assert json.loads(result.out) == {"files": ["-x"], "probe": ["a", "b"], "out": "-"}
    path.write_text(path.read_text().replace("probe:", "nosuch:"))
    assert f"{path}:6: tracer pcap has no option --nosuch" in run("-p", "mine", "pcap").err
    assert run("profile", "check", str(path)).out.splitlines()[-1].startswith(f"{path}:6: tracer pcap has no option")


def test_the_command_line_of_a_run_has_what_profiles_add(
    run: Callable[..., Result], write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write("mine", "{collectors: sample, utc: ~, probe: tp:net:netif_rx}")
    line = ["-p", "mine", "--log-level", "debug", *DRY]
    monkeypatch.setattr(sys, "argv", ["tracer", *line])
    assert (
        f"Resulting CLI arguments: tracer -p mine --log-level debug collect --collectors=sample "
        f"--probe=tp:net:netif_rx --utc --kernel {KERNEL} --dry-run\n"
    ) in run(*line).err


TEXTS = st.text(max_size=6) | st.sampled_from(
    ["sample", "auto", "shipping,no", "tp:skb:kfree_skb/stack", "kprobe:ip_rcv", "*", "nosuch", "1M", "-1", "0", "icmp",
     "sk_buff.mark == 1", "single-line", "/nonexistent", "one,two", "."]
)  # fmt: skip
OPTIONS = st.sampled_from(
    ["collectors", "probe", "filter_packet", "filter_meta", "netns", "out", "ring_size", "print", "format", "cmd",
     "sort", "stop_after", "utc", "reads", "sample_min_len", "shipping_kinds", "shipping_fast", "no_such", "help"]
)  # fmt: skip
OWN = st.sampled_from(["--utc", "-csample", "--", "-o"])
ENTRIES = st.dictionaries(OPTIONS, st.none() | TEXTS | st.lists(TEXTS, max_size=3), max_size=4)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ENTRIES, min_size=1, max_size=2), st.lists(OWN, max_size=2))
def test_whatever_is_in_profiles_there_is_a_plan_or_one_error(
    run: Callable[..., Result], write: Callable[..., Path], entries: list[dict[str, object]], own: list[str]
) -> None:
    paths = [str(write(f"p{index}", json.dumps(args))) for index, args in enumerate(entries)]
    result = run("-p", ",".join(paths), *DRY, *own)
    errors = [line for line in result.err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == (result.code != 0)
    assert run("profile", "check", *paths).code in (0, 1)
