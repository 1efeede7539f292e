"""``tracer profile``: profiles are listed, shown and checked."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

from core.tests.cli.profiles.runs import KERNEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.tests.cli.conftest import Result


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
