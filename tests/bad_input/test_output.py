"""Where nothing can be written, and recordings that are cut off."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from tests.bad_input.command import KERNEL, PROBE, Command, ping, wait_until

from tracer_core.errors import ExitCode
from tracer_core.testing.netns import TwoNamespaces

bpf = pytest.mark.bpf


@bpf
@pytest.mark.parametrize("packets", [True, False], ids=["busy network", "quiet network"])
def test_a_reader_that_has_seen_enough_ends_the_run(
    command: Command, two_netns: TwoNamespaces, here: tuple[str, ...], packets: bool
) -> None:
    with command.collecting("-c", "skb", *here) as process:
        assert process.stdout is not None
        if packets:
            ping(two_netns)
        process.stdout.close()
        process.stdout = None
        error = command.end(process).error(ExitCode.RUNTIME)
    assert error == "stdout was closed by its reader; stopped, and nothing is left attached"


@bpf
def test_a_full_disk_ends_the_run(command: Command, two_netns: TwoNamespaces, here: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full, command.collecting("-c", "skb", *here, out=full.fileno()) as process:
        ping(two_netns)
        error = command.end(process).error(ExitCode.RUNTIME)
    assert error.startswith("cannot write to stdout: No space left on device")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["plugins"], ["plugins", "--json"]], ids=" ".join)
def test_every_command_says_that_the_disk_is_full(command: Command, arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        error = command.end(command.start(*arguments, out=full.fileno())).error(ExitCode.RUNTIME)
    assert error.startswith("cannot write to stdout: No space left on device")


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["plugins"], ["collect", "-c", "skb", "-p", PROBE, "--dry-run", "--kernel", KERNEL]],
    ids=" ".join,
)
def test_a_closed_stdout_is_an_error_where_something_goes_there(command: Command, arguments: list[str]) -> None:
    assert command.run(*arguments, inside=closing("1")).error(ExitCode.RUNTIME) == "stdout is closed"


def test_what_is_written_is_not_mixed_with_what_goes_to_closed_streams(command: Command) -> None:
    path = command.folder / "script"
    result = command.run("sh-complete", "--shell", "fish", "--register", path, inside=closing("0", "1", "2"))
    assert (result.code, path.read_text()) == (0, command.run("sh-complete", "--shell", "fish").out)


def test_what_an_encoding_has_no_sign_for_is_escaped(command: Command) -> None:
    profiles = command.folder / "profiles"
    profiles.mkdir()
    (profiles / "mine.yaml").write_text('version: "1.0"\nname: mine\nabout: in \u21b3 out\n', encoding="utf-8")
    command.environment["PYTHONIOENCODING"] = "latin-1"
    assert r"mine                 in \u21b3 out" in command.run("-P", profiles, "profile", "list").out


def closing(*descriptors: str) -> list[str]:
    """A command that runs another without these."""
    return ["sh", "-c", f'exec "$0" "$@" {" ".join(f"{number}>&-" for number in descriptors)}']


@bpf
@pytest.mark.parametrize("option", ["--ready-file", "--record-raw"])
def test_a_file_that_cannot_be_created_is_named(command: Command, here: tuple[str, ...], option: str) -> None:
    path = command.folder / "missing/file"
    error = command.run("collect", "-c", "skb", *here, option, path).error(ExitCode.RUNTIME)
    assert str(path) in error
    assert "No such file or directory" in error


@bpf
def test_a_recording_on_a_full_disk_ends_the_run(
    command: Command, two_netns: TwoNamespaces, here: tuple[str, ...]
) -> None:
    ready = command.folder / "ready"
    process = command.start("collect", "-c", "skb", *here, "--record-raw", "/dev/full", "--ready-file", ready)
    assert wait_until(lambda: ready.exists() or process.poll() is not None)
    ping(two_netns, 1)
    process.send_signal(signal.SIGINT)  # to no effect if it has ended
    error = command.end(process).error(ExitCode.RUNTIME)
    assert "/dev/full: No space left on device" in error


@bpf
def test_a_recording_that_was_cut_off_says_where(
    command: Command, two_netns: TwoNamespaces, here: tuple[str, ...]
) -> None:
    recording = command.folder / "recording"
    with command.collecting("-c", "skb", *here, "--record-raw", recording) as process:
        ping(two_netns, 1)
        process.send_signal(signal.SIGINT)
        whole = command.end(process)
    assert whole.code == 0
    replay = ("collect", "-c", "skb", *here, "--replay-raw", str(recording))
    assert command.run(*replay).out == whole.out
    data = recording.read_bytes()
    start = data.index(b"\n") + 1
    lengths = (len(data) - 1, start + 4, start + 8)
    for length in lengths:
        recording.write_bytes(data[:length])
        assert "is cut off at byte" in command.run(*replay).error(ExitCode.USAGE)
    recording.write_bytes(data[:start] + b"\xff" * 8 + data[start + 8 :])
    assert str(recording) in command.run(*replay).error(ExitCode.USAGE)
