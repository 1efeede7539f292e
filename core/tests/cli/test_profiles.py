"""Profiles on the command line: what they do to a run, on a recorded kernel, and what is said of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracer_core.cli import main
from tracer_core.cli.profiles.command import ProfiledCommand
from tracer_core.profiles import find
from tracer_core.testing import kernels

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Result

KERNEL = str(Path(kernels.__file__).parent / "6.12")
DRY = ("collect", "--kernel", KERNEL, "--dry-run")
SOURCE = ("collect", "--kernel", KERNEL, "--print-bpf")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a test's profiles are, and no others but those that are shipped."""
    monkeypatch.setattr(find, "_SYSTEM", ())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".config/tracer/profiles"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def write(folder: Path, install: Callable[..., None]) -> Callable[..., Path]:
    """Write a profile with these options for ``collect``; two collectors to use are installed."""
    install("good", "shipping")

    def put(name: str, args: str, more: str = "") -> Path:
        path = folder / f"{name}.yaml"
        path.write_text(f'version: "1.0"\nname: {name}\ncollect:\n  - args: {args}\n{more}')
        return path

    return put


def probes(result: Result) -> list[str]:
    assert result.code == 0, result.err
    lines = (line.split() for line in result.out.splitlines())
    return [words[2].removesuffix(":") for words in lines if words[0] == "probe"]


def collectors(result: Result) -> list[str]:
    assert result.code == 0, result.err
    return [line.split()[1] for line in result.out.splitlines() if line.startswith("collector ")]


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


def test_what_the_kernel_lacks_is_left_out_with_one_line(
    run: Callable[..., Result], write: Callable[..., Path]
) -> None:
    write("mine", "{collectors: sample, probe: ['kprobe:nosuch', tp:net:netif_rx, 'tp:no:such/stack', 'nosuch*']}")
    result = run("-p", "mine", *DRY)
    assert probes(result) == ["tp:net:netif_rx"]
    assert result.err.splitlines()[1:] == [
        "Tracing without probe(s) that this kernel does not have: kprobe:nosuch, tp:no:such, nosuch*"
    ]


def test_what_is_required_or_the_users_own_wish_must_be_there(
    run: Callable[..., Result], write: Callable[..., Path]
) -> None:
    args = "{collectors: sample, probe: ['kprobe:nosuch', tp:net:netif_rx]}\n    required: "
    for required in ("true", "['kprobe:nosuch']"):
        path = write("mine", f"{args}{required}")
        result = run("-p", "mine", *DRY)
        assert result.code == 2
        (error,) = result.err.splitlines()[1:]
        assert error.startswith(f"Error: {path}:4: probe kprobe:nosuch: this kernel has no such traceable function, ")
        assert "and profile mine requires it; take it out of 'required' if " in error
    write("mine", f"{args}[tp:net:netif_rx]")
    assert run("-p", "mine", *DRY).code == 0
    result = run("-p", "mine", *DRY, "-p", "kprobe:nosuch")
    assert result.code == 2
    assert "Error: probe kprobe:nosuch: this kernel has no such traceable function; " in result.err


def test_of_several_profiles_the_one_is_named_that_requires_what_there_is_not(
    run: Callable[..., Result], write: Callable[..., Path]
) -> None:
    write("one", "{collectors: sample, probe: ['tp:no:such', tp:net:netif_rx]}")
    two = write("two", "\n      probe: [\n        tp:skb:kfree_skb, 'tp:no:such']\n    required: true")
    result = run("-p", "one,two", *DRY)
    assert result.code == 2
    assert f"Error: {two}:6: probe tp:no:such: " in result.err
    assert ", and profile two requires it; " in result.err


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


def test_values_that_stand_for_collectors_select_them_from_profiles_too(
    run: Callable[..., Result], write: Callable[..., Path], install: Callable[..., None]
) -> None:
    install("choosing")
    write("mine", "{collectors: chooser, chooser_parts: 'two,chosen', probe: tp:net:netif_rx}")
    assert collectors(run("-p", "mine", *DRY)) == ["chooser", "chosen"]


def test_collectors_that_are_not_there_are_left_out_with_their_options(
    run: Callable[..., Result], write: Callable[..., Path]
) -> None:
    write("mine", "{collectors: 'sample,no-such', no_such_level: 9, probe: tp:net:netif_rx}")
    result = run("-p", "mine", *DRY)
    assert collectors(result) == ["sample"]
    assert result.err.splitlines()[1].startswith("WARN  left out: no collector named no-such is installed")
    assert run("-p", "mine", *DRY, "-c", "no_such").code == 3
    write("mine", "{collectors: 'sample,sample-min', sample_min_len: 9, sample_min_x: 1, probe: tp:net:netif_rx}")
    assert "#define SAMPLE_MIN_LEN 9\n" in run("-p", "mine", *SOURCE).out
    write("mine", "{collectors: 'sample,no-such', no_such_level: 9, probe: tp:net:netif_rx}\n    required: [no-such]")
    result = run("-p", "mine", *DRY)
    assert result.code == 3
    assert "mine.yaml:4: no collector named no-such is installed (" in result.err
    assert "), and the profile requires it; if there is such a package: " in result.err


def test_a_mistyped_collector_or_option_of_a_profile_is_answered_with_what_was_meant(
    run: Callable[..., Result], write: Callable[..., Path]
) -> None:
    path = write("mine", "{collectors: 'sample,shiping', sample_min_lne: 3, probe: tp:net:netif_rx}")
    checked = run("profile", "check", str(path))
    assert checked.out.splitlines() == [
        f"{path}:4: warning: collector shiping cannot be used here, so its options were not checked; "
        "did you mean shipping?",
        f"{path}:4: tracer collect has no option --sample-min-lne, with the collectors that are selected; "
        "did you mean sample-min-len or sample-title or sample-kinds?",
    ]
    write("mine", "{collectors: 'sample,shiping', probe: tp:net:netif_rx}")
    (warning,) = run("-p", "mine", *DRY).err.splitlines()[1:]
    assert warning.startswith("WARN  left out: no collector named shiping is installed (")
    assert warning.endswith("; did you mean shipping?")


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


def test_an_option_of_a_collector_that_is_not_selected_is_told_of_with_its_place(
    run: Callable[..., Result], write: Callable[..., Path]
) -> None:
    path = write("mine", "{collectors: sample, shipping_fast: ~, probe: tp:net:netif_rx}")
    result = run("-p", "mine", *DRY)
    assert result.code == 0
    assert f"WARN  {path}:4: --shipping-fast does nothing: collector shipping is not selected; " in result.err


def test_an_option_whose_value_can_be_left_out_has_its_usual_one(
    run: Callable[..., Result], write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write("mine", "{out: ~, collectors: sample, probe: tp:net:netif_rx}")
    line = ["-p", "mine", "--log-level", "debug", *DRY]
    monkeypatch.setattr(sys, "argv", ["tracer", *line])
    assert " collect --collectors=sample --out=tracer.arrow --probe=" in run(*line).err


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


def test_profiles_are_listed_by_place(run: Callable[..., Result], write: Callable[..., Path], folder: Path) -> None:
    write("mine", "{}", "about: Just mine\n")
    write("bad", "[]")
    result = run("profile", "list")
    assert result.code == 0
    assert result.out.splitlines()[:5] == [
        f"{folder}:",
        "  mine                 Just mine",
        "built-in:",
        "  generic              Most of a packet's way through the stack, to begin with",
        "  ifdump               Packets as they come from devices and as they go to devices",
    ]
    lines = result.out.splitlines()
    at = lines.index("collector shipping (fixture-shipping 1.0):")
    assert lines[at + 1 : at + 3] == ["  shipped              With limits", "  bare"]
    assert result.err.splitlines()[0] == (
        f"WARN  Skipping invalid file {folder}/bad.yaml:4: args must be a mapping, KEY: VALUE, not a list"
    )


def test_a_profile_is_shown_with_what_becomes_of_it_here(run: Callable[..., Result], folder: Path) -> None:
    text = dedent("""\
        version: 1.0 # of the format
        name: mine
        collect:
          - name: older
            when: [{type: version, version: "<6.12"}]
            args: {}
          - name: newer
            args:
              cmd: ping -c1 ::1
              probe: [tp:no:such, tp:skb:kfree_skb]
              utc: ~
          - args: {}
        """)
    (folder / "mine.yaml").write_text(f"# comment\n{text}")
    result = run("profile", "show", "mine", "--kernel", KERNEL)
    assert (result.code, result.err) == (0, "")
    assert result.out == f"# {folder}/mine.yaml:2\n{text}" + dedent("""\
        # tracer collect, on kernel 6.12.117+deb13-amd64:
        #   older: does not apply, unless kernel version <6.12
        #   newer: applies
        #     --cmd='ping -c1 ::1'
        #     --probe=tp:no:such
        #     --probe=tp:skb:kfree_skb
        #     --utc
        #   not on this kernel, left out: tp:no:such
        #   Default: is not needed, one before it applies
        """)


def test_what_is_shown_is_the_profile_again(run: Callable[..., Result], folder: Path) -> None:
    shown = run("profile", "show", "generic", "--kernel", KERNEL).out
    (folder / "again.yaml").write_text(shown)
    assert run("profile", "check", str(folder / "again.yaml")).code == 0


def test_files_are_checked_down_to_the_values_of_options(
    run: Callable[..., Result], write: Callable[..., Path], folder: Path
) -> None:
    good = write("good", "{collectors: sample, sample_min_len: 60, probe: 'kprobe:*', out: ~}")
    bad = folder / "bad.yaml"
    bad.write_text(
        dedent("""\
        version: 1.0
        name: bad
        kollect: []
        collect:
          - args:
              collectors: shipping, absent
              absent_level: 3
              shipping_kinds:
                - one
                - six
              shipping_limit: x
              sample_min_len: 60
              probe:
                - ip_rcv
                - ip_rcv/
              filter_meta: sk_buff.mark ==
              nosuch: ~
              utc: 1
              stop_after: -1
              formt: single-line
          - args: {collectors: raises}
            required: [raises]
        """)
    )
    result = run("profile", "check", str(good), str(bad))
    assert (result.code, result.err) == (1, "")
    assert [line.removeprefix(f"{bad}:") for line in result.out.splitlines()[:-1]] == [
        "3: warning: a profile has no key kollect, but version, name, about, collect, pcap",
        "6: warning: collector absent cannot be used here, so its options were not checked; if there is such a "
        "package: pip install tracer-absent",
        "10: --shipping-kinds: there is no 'six'; choose from one, two",
        "11: --shipping-limit: 'x' is not a valid integer",
        "12: warning: --sample-min-len does nothing: collector sample is not selected; add -c sample",
        "15: probe 'ip_rcv/': an option is empty; leave out the '/' at the end",
        "16: metadata filter, character 16, at the end: there should be a value: a number, a string, an address or an "
        "enumerator; as in: sk_buff.dev.name == 'eth0' and not sk_buff.cloned",
        "17: tracer collect has no option --nosuch, with the collectors that are selected",
        "18: --utc takes no value; write utc: ~",
        "19: --stop-after: -1 is not in the range x>=0",
        "20: tracer collect has no option --formt, with the collectors that are selected; did you mean format or sort?",
    ]
    assert result.out.splitlines()[-1].startswith(f"{bad}:21: no collector named raises is installed")
    assert run("profile", "check", str(good)).out == ""
    warned = write("warned", "{collectors: absent, absent_x: 1}")
    assert run("profile", "check", str(warned)).code == 0


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
@given(
    st.lists(ENTRIES, min_size=1, max_size=2), st.lists(st.sampled_from(["--utc", "-csample", "--", "-o"]), max_size=2)
)
def test_whatever_is_in_profiles_there_is_a_plan_or_one_error(
    run: Callable[..., Result], write: Callable[..., Path], entries: list[dict[str, object]], own: list[str]
) -> None:
    paths = [str(write(f"p{index}", json.dumps(args))) for index, args in enumerate(entries)]
    result = run("-p", ",".join(paths), *DRY, *own)
    errors = [line for line in result.err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == (result.code != 0)
    assert run("profile", "check", *paths).code in (0, 1)
