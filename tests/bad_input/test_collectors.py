"""Collectors that raise, do not compile, or are refused: whose fault it is."""

from __future__ import annotations

import re
import signal

import pytest
from tests.bad_input.command import INFORMATION, KERNEL, PROBE, Command, ping, wait_until

from tracer_core.errors import ExitCode
from tracer_core.testing.netns import TwoNamespaces

BUG = "this is a bug of the collector; leave it out of -c"

bpf = pytest.mark.bpf


@bpf
@pytest.mark.parametrize(
    "place",
    [
        "options",
        "tracer_collector",
        "tracer_check",
        "tracer_probes",
        "tracer_fragments",
        "iteration",
        "tracer_decoders",
        "tracer_formatters",
        "tracer_session",
        "session entry",
    ],
)
def test_a_collector_that_raises_before_the_run_is_named_with_the_hook(
    command: Command, here: tuple[str, ...], place: str
) -> None:
    command.install("raising")
    command.environment["FIXTURE_RAISES"] = place
    result = command.run("collect", "-c", "skb,raising", *here)
    error = result.error(ExitCode.PLUGIN)
    hook = {"iteration": "tracer_fragments", "session entry": "tracer_session", "options": "options"}.get(place, place)
    assert error.startswith("collector raising (fixture-raising 1.0): ")
    assert f"{hook} failed: ZeroDivisionError: raised in {place}, on two lines" in error
    assert error.endswith(f"; {BUG}")
    assert result.out == ""


@bpf
@pytest.mark.parametrize(("place", "doing"), [("decoder", "decoding"), ("formatter", "formatting")])
def test_a_collector_that_raises_on_an_event_ends_the_run(
    command: Command, two_netns: TwoNamespaces, here: tuple[str, ...], place: str, doing: str
) -> None:
    command.install("raising")
    command.environment["FIXTURE_RAISES"] = place
    with command.collecting("-c", "skb,raising", *here) as process:
        ping(two_netns, 1)
        error = command.end(process).error(ExitCode.PLUGIN)
    assert error.startswith(
        f"collector raising (fixture-raising 1.0): {doing} section raising failed: ZeroDivisionError"
    )
    assert error.endswith(f"; {BUG}")


@bpf
def test_a_session_that_raises_at_the_end_is_named_after_the_events(
    command: Command, two_netns: TwoNamespaces, here: tuple[str, ...]
) -> None:
    command.install("raising")
    command.environment["FIXTURE_RAISES"] = "session exit"
    with command.collecting("-c", "skb,raising", *here) as process:
        ping(two_netns, 1)
        process.send_signal(signal.SIGINT)
        result = command.end(process)
    error = result.error(ExitCode.PLUGIN)
    assert "collector raising (fixture-raising 1.0): leaving tracer_session failed: ZeroDivisionError" in error
    assert error.endswith(f"; {BUG}")
    assert "proto ICMP" in result.out


@bpf
def test_sessions_say_what_they_do_around_the_run(command: Command, here: tuple[str, ...]) -> None:
    command.install("good")
    with command.collecting("-c", "sample", *here) as process:
        process.send_signal(signal.SIGINT)
        result = command.end(process)
    assert result.code == 0
    assert [line for line in result.err.splitlines() if "sample" in line] == ["sample begins", "sample ends"]
    assert result.err.index("sample begins") < result.err.index("probe(s) loaded")


@bpf
@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("syntax", r"fixture_bad_c/syntax\.bpf\.c:4: expected ';' at end of declaration"),
        ("undeclared", r"fixture_bad_c/undeclared\.bpf\.c:4: .*function 'a_function_that_nobody_has'"),
        ("member", r"fixture_bad_c/member\.bpf\.c:4: no member named 'no_such_member' in 'struct sk_buff'"),
        ("include", r"fixture_bad_c/include\.bpf\.c:2: 'no/such/header\.h' file not found"),
        ("unprefixed", r"does not compile: .*function 'bad_c_collect'"),
        ("program", r"does not compile: .*non-static"),
        ("stack", r"stack limit"),
        ("verifier", r"the kernel refused the program: Permission denied: R\d+ invalid mem access"),
        ("divide", r"does not compile: .*div"),
    ],
)
@pytest.mark.parametrize("others", ["skb,", ""], ids=["beside another", "alone"])
def test_bad_c_names_the_collector_and_the_reason(
    command: Command, here: tuple[str, ...], case: str, expected: str, others: str
) -> None:
    command.install("bad_c")
    command.environment["FIXTURE_C"] = case
    error = command.run("collect", "-c", f"{others}bad_c", *here).error(ExitCode.PLUGIN)
    assert error.startswith("collector bad-c (fixture-bad-c 1.0): ")
    assert re.search(expected, error), error
    assert "leave it out of -c, or see --print-bpf" in error


@bpf
def test_c_that_kills_the_compiler_names_the_collector(command: Command, here: tuple[str, ...]) -> None:
    command.install("bad_c")
    command.environment["FIXTURE_C"] = "array"
    ready = command.folder / "ready"
    process = command.start("collect", "-c", "skb,bad_c", *here, "--ready-file", ready)
    if wait_until(lambda: ready.exists() or process.poll() is not None) and ready.exists():
        process.send_signal(signal.SIGINT)
        command.end(process)
        pytest.skip("this release of BCC survives what kills older ones")
    error = command.end(process).error(ExitCode.PLUGIN)
    assert error.startswith("collector bad-c (fixture-bad-c 1.0): the composed program does not compile: ")
    assert "Assertion" in error


def test_a_function_must_bear_the_name_of_its_collector(command: Command) -> None:
    command.install("bad_c")
    command.environment |= {"FIXTURE_C": "unprefixed", "FIXTURE_FUNCTION": "collect"}
    result = command.run("collect", "-c", "bad_c", "-p", PROBE, "--kernel", KERNEL, "--dry-run")
    error = result.error(ExitCode.PLUGIN)
    assert "collector bad-c (fixture-bad-c 1.0): C function collect must be called bad_c_<verb>" in error


def test_two_collectors_with_one_section_are_both_named(command: Command) -> None:
    command.install("twins")
    result = command.run("collect", "-c", "castor,pollux", "-p", PROBE, "--kernel", KERNEL, "--dry-run")
    error = result.error(ExitCode.PLUGIN)
    assert "section gemini is declared by both collector castor (fixture-twins 1.0) and collector pollux" in error
    assert "leave one of them out of -c" in error


@bpf
def test_broken_collectors_that_were_not_asked_for_disturb_nobody(
    command: Command, two_netns: TwoNamespaces, here: tuple[str, ...]
) -> None:
    command.install("unimportable", "wrong", "damaged", "duplicate_one", "duplicate_two")
    with command.collecting("-c", "skb", *here) as process:
        ping(two_netns, 1)
        process.send_signal(signal.SIGINT)
        result = command.end(process)
    assert result.code == 0
    assert "proto ICMP" in result.out
    assert [line for line in result.err.splitlines() if not INFORMATION.fullmatch(line)] == []
