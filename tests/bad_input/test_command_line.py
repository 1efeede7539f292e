"""Command lines that are wrong. Most of it needs no privileges, since a recorded kernel will do."""

from __future__ import annotations

import os

import pytest
from tests.bad_input.command import KERNEL, PROBE, Command

from tracer_core.errors import ExitCode
from tracer_core.testing.netns import TwoNamespaces

bpf = pytest.mark.bpf


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(["-c", "nosuch"], ExitCode.PLUGIN, ["installed: ", "pip install tracer-nosuch"], id="collector"),
        pytest.param(
            ["-p", "tp:net:netif_receive_sbk"],
            ExitCode.USAGE,
            ["tp:net:netif_receive_sbk: this kernel has no such tracepoint", "did you mean", "netif_receive_skb"],
            id="tracepoint",
        ),
        pytest.param(
            ["-p", "tp:quite:different"], ExitCode.USAGE, ["no such tracepoint", "list them"], id="nothing near"
        ),
        pytest.param(["-p", "fentry:ip_rcvv"], ExitCode.USAGE, ["no such traceable function", "ip_rcv"], id="function"),
        pytest.param(["-p", "tp:net"], ExitCode.USAGE, ["'tp:net'", "tp:GROUP:NAME"], id="half a tracepoint"),
        pytest.param(["-p", "usdt:net:x"], ExitCode.USAGE, ["by collectors only", "tp:GROUP:NAME"], id="user probe"),
        pytest.param(["-p", "foo:net:x"], ExitCode.USAGE, ["invalid type 'foo'", "tp:GROUP:NAME"], id="probe type"),
        pytest.param(["-p", ""], ExitCode.USAGE, ["tp:GROUP:NAME"], id="empty probe"),
        pytest.param(
            ["-p", "tp:napi:napi_poll"],
            ExitCode.USAGE,
            ["tp:napi:napi_poll: no collector could retrieve data", "struct sk_buff *", "another"],
            id="useless",
        ),
        pytest.param([], ExitCode.USAGE, ["nothing to attach to", "leave -c out"], id="no probe"),
        pytest.param(["--netns", "nosuch"], ExitCode.USAGE, ["no such network namespace", "ip netns"], id="netns"),
        pytest.param(
            ["--netns", f"/{'x' * 300}"], ExitCode.USAGE, ["cannot look at it: File name too long"], id="path"
        ),
        pytest.param(
            ["--netns", "/etc/passwd"], ExitCode.USAGE, ["not a namespace", "give a name, /proc/PID/ns/net"], id="file"
        ),
        pytest.param(
            ["--kernel", "/nowhere"], ExitCode.ENVIRONMENT, ["/nowhere is not a recorded kernel"], id="kernel"
        ),
        pytest.param(["--kernel", "/etc"], ExitCode.ENVIRONMENT, ["/etc is not a recorded kernel"], id="other folder"),
        pytest.param(["--nosuch"], ExitCode.USAGE, ["No such option", "see: tracer collect --help"], id="option"),
        pytest.param(
            ["--format", "x"], ExitCode.USAGE, ["'x' is not one of", "see: tracer collect --help"], id="choice"
        ),
    ],
)
def test_a_mistake_on_the_command_line_is_explained(
    command: Command, arguments: list[str], code: ExitCode, words: list[str]
) -> None:
    result = command.run("collect", "-c", "skb", "--dry-run", "--kernel", KERNEL, *arguments)
    error = result.error(code)
    assert [word for word in words if word not in error] == [], error
    assert result.out == ""


@bpf
def test_a_tracepoint_of_no_use_ends_the_run(command: Command, two_netns: TwoNamespaces) -> None:
    arguments = ("-c", "skb", "-p", "tp:sched:sched_switch", "--netns", two_netns.a.name)
    error = command.run("collect", *arguments).error(ExitCode.USAGE)
    assert error.startswith("probe tp:sched:sched_switch: no collector could retrieve data from it (skb can read ")


@bpf
def test_a_pid_in_place_of_a_namespace_is_warned_of_unless_the_kernel_is_a_recorded_one(command: Command) -> None:
    arguments = ("collect", "-c", "skb", "-p", PROBE, "--dry-run", "--netns", str(os.getpid()))
    here = command.run(*arguments)
    assert here.code == ExitCode.OK
    assert here.err.startswith(f"WARN  --netns {os.getpid()}: no such network namespace is seen here")
    assert here.err.endswith(f"--netns /proc/{os.getpid()}/ns/net\n")
    assert command.run(*arguments, "--kernel", KERNEL).err == ""


def test_a_place_without_packets_is_of_no_use_under_a_filter(command: Command) -> None:
    arguments = ("-c", "dev", "-p", "tp:xdp:xdp_exception", "--dry-run", "--kernel", KERNEL)
    assert command.run("collect", *arguments).code == ExitCode.OK
    error = command.run("collect", *arguments, "-f", "icmp").error(ExitCode.USAGE)
    assert "no collector could retrieve data from it under a filter (dev can read " in error
    assert "leave out -f" in error


def test_a_configuration_that_is_not_there_is_named(command: Command) -> None:
    error = command.run("collect", "-c", "skb", "-p", PROBE, "--dry-run", "--kconf", "/nowhere").error(ExitCode.USAGE)
    assert "/nowhere: No such file or directory" in error


def test_a_recorded_kernel_cannot_be_traced(command: Command) -> None:
    error = command.run("collect", "-c", "skb", "-p", PROBE, "--kernel", KERNEL).error(ExitCode.USAGE)
    assert "a recorded kernel cannot be traced; add --dry-run" in error


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file or directory"),
        (b"", "cannot read the recording"),
        (b"\x00\xff\n", "cannot read the recording"),
        (b"garbage\n", "cannot read the recording"),
        (b'{"probes": ["tp:other:probe"], "sections": []}\n', "was made with other probes or sections"),
        (b"[]\n", "was made with other probes or sections"),
    ],
    ids=["missing", "empty", "binary", "garbage", "of other probes", "other JSON"],
)
def test_a_recording_that_cannot_be_replayed_is_named(command: Command, content: bytes | None, words: str) -> None:
    recording = command.folder / "recording"
    if content is not None:
        recording.write_bytes(content)
    arguments = ("-c", "skb", "-p", PROBE, "--kernel", KERNEL, "--replay-raw", recording)
    error = command.run("collect", *arguments).error(ExitCode.USAGE)
    assert f"{recording}" in error
    assert words in error
