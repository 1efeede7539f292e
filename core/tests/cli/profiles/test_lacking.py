"""What a profile asks for and is not there: left out, unless it must be there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.tests.cli.profiles.runs import DRY, SOURCE, collectors, probes

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.tests.cli.conftest import Result


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


def test_an_option_of_a_collector_that_is_not_selected_is_told_of_with_its_place(
    run: Callable[..., Result], write: Callable[..., Path]
) -> None:
    path = write("mine", "{collectors: sample, shipping_fast: ~, probe: tp:net:netif_rx}")
    result = run("-p", "mine", *DRY)
    assert result.code == 0
    assert f"WARN  {path}:4: --shipping-fast does nothing: collector shipping is not selected; " in result.err
