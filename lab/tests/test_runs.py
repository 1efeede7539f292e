"""Command lines, statuses and counts: all about a run but the guest."""

from __future__ import annotations

import io
import itertools
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import boot, cache, cli, fixtures, guest, ovs, qemu, roots, testrun, tools
from lab.errors import LabError, UnavailableError
from lab.results import Counts, judge, read_junit, total
from tracer_core.testing.topology.site import wait

KERNEL = cache.Kernel("6.1", "6.1.0-9-amd64", "package", Path("/cache/6.1"))


def test_the_guest_sees_the_root_file_system_read_only_and_one_folder_of_its_own() -> None:
    machine = qemu.Machine(memory=1000, cpus=3)
    words = qemu.command(machine, Path("/k/vmlinux"), Path("/s/initrd"), Path("/s,1"), ports=(7, 8))
    options = list(itertools.pairwise(words))
    shared = [value for option, value in options if option == "-fsdev"]
    assert [("path=/," in one, one.endswith("readonly=on")) for one in shared] == [(True, True), (False, False)]
    assert "path=/s,,1," in shared[1]
    assert {("-m", "1000"), ("-smp", "3"), ("-kernel", "/k/vmlinux"), ("-initrd", "/s/initrd")} <= set(options)
    assert ("-chardev", "file,id=err,path=/proc/self/fd/8") in options


def test_arguments_reach_the_command_as_they_are() -> None:
    argv = ["printf", "%s|", "two words", "$HOME", "it's"]
    text = guest.script(KERNEL, argv, Path("/a folder"), {"A": "b c"})
    assert shlex.split(text.splitlines()[-1]) == ["exec", *argv]
    assert "cd '/a folder'" in text.splitlines()
    assert "export A='b c'" in text.splitlines()
    assert "export TRACER_LAB_KERNEL=6.1" in text.splitlines()
    assert not any(line.startswith(("umount", "export PATH=")) for line in text.splitlines())


def test_a_guest_may_lack_tracefs_and_have_programs_of_its_own() -> None:
    text = guest.script(KERNEL, ["true"], Path("/"), {}, programs=Path("/c d/usdt"), tracefs=False)
    assert "umount /sys/kernel/tracing /sys/kernel/debug" in text.splitlines()
    assert "export PATH='/c d/usdt':$PATH" in text.splitlines()


def test_what_a_guest_needs_of_the_host_it_finds_whatever_its_root_is() -> None:
    lines = guest.script(KERNEL, ["true"], Path("/"), {}).splitlines()
    assert "mount --bind /run/host/cache/6.1/lib/modules/6.1.0-9-amd64 /lib/modules/6.1.0-9-amd64" in lines
    assert f"export TRACER_LAB_CACHE={guest.seen(cache.root())}" in lines


def test_a_guest_may_have_the_root_of_another_release(
    pretend: Pretend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(f"{START} os.write(out, (share / 'command').read_bytes()); (share / 'status').write_text('exit 0\\n')")
    machines = []
    command = qemu.command

    def noted(machine: qemu.Machine, *rest: Path, ports: tuple[int, int]) -> list[str]:
        machines.append(machine)
        return command(machine, *rest, ports=ports)

    monkeypatch.setattr(qemu, "command", noted)
    monkeypatch.setattr(roots, "fetch", lambda name: roots.Root(name, "13.1", Path("/the cache") / name))
    out = io.BytesIO()
    boot.run(KERNEL, ["true"], out=out, err=out, folder=Path("/a"), machine=qemu.Machine(append="b", root="debian13"))
    assert [machine.append for machine in machines] == ['b "TRACER_LAB_ROOT=/the cache/debian13"']
    assert "cd /run/host/a" in out.getvalue().decode().splitlines()


def test_tests_in_guests_are_more_patient_unless_told_otherwise() -> None:
    assert "export TRACER_TEST_PATIENCE=10" in guest.script(KERNEL, ["true"], Path("/"), {}).splitlines()
    told = guest.script(KERNEL, ["true"], Path("/"), {"TRACER_TEST_PATIENCE": "3"})
    assert "export TRACER_TEST_PATIENCE=3" in told.splitlines()


def test_parameters_of_the_kernel_are_added_to_ours() -> None:
    arguments = cli.parser().parse_args(
        ["run", "--append", "lockdown=integrity a=b", "--no-tracefs", "6.1", "--", "true"]
    )
    machine = cli._machine(arguments)
    assert not machine.tracefs
    words = qemu.command(machine, Path("/k"), Path("/i"), Path("/s"), ports=(7, 8))
    assert words[words.index("-append") + 1].endswith(" net.ifnames=0 lockdown=integrity a=b")


@pytest.mark.parametrize(("text", "status"), [("exit 0\n", 0), ("exit 7\n", 7), ("signal 9\n", 137)])
def test_the_status_of_the_command_is_that_of_a_shell(text: str, status: int) -> None:
    assert guest.exit_status(text) == status


@pytest.mark.parametrize("text", ["", "exit\n", "done 3\n"])
def test_what_process_1_does_not_write_is_no_status(text: str) -> None:
    with pytest.raises(LabError):
        guest.exit_status(text)


Pretend = Callable[[str], None]


@pytest.fixture
def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pretend:
    """Something else in QEMU's place, which gets the folder and the two descriptors."""

    def use(program: str) -> None:
        def command(_: qemu.Machine, __: Path, ___: Path, share: Path, *, ports: tuple[int, int]) -> list[str]:
            return [sys.executable, "-c", program, str(share), *map(str, ports)]

        monkeypatch.setattr(qemu, "command", command)

    monkeypatch.setattr(guest, "initrd", lambda _: b"")
    monkeypatch.setattr(tools, "need", lambda *_: None)
    return use


START = "import os, pathlib, sys, time; share = pathlib.Path(sys.argv[1]); out, err = map(int, sys.argv[2:]);"


def run(*, timeout: float = 30, artefacts: Path | None = None) -> tuple[boot.Outcome, bytes, bytes]:
    out, err = io.BytesIO(), io.BytesIO()
    outcome = boot.run(KERNEL, ["true"], out=out, err=err, timeout=timeout, artefacts=artefacts)
    return outcome, out.getvalue(), err.getvalue()


def test_output_status_and_artefacts_are_handed_on(pretend: Pretend, tmp_path: Path) -> None:
    pretend(
        f"{START} os.write(out, b'x' * 200000); os.write(err, b'oh'); (share / 'artefacts').mkdir();"
        "(share / 'artefacts' / 'a').write_text('b'); (share / 'status').write_text('exit 3\\n')"
    )
    outcome, out, err = run(artefacts=tmp_path / "kept")
    assert outcome == boot.Outcome(3)
    assert (len(out), err) == (200000, b"oh")
    assert (tmp_path / "kept/a").read_text() == "b"


def test_a_guest_that_dies_is_told_from_a_command_that_fails(pretend: Pretend) -> None:
    pretend(f"{START} (share / 'started').touch(); (share / 'console').write_text('Kernel panic\\n')")
    outcome, _, err = run()
    assert outcome.status == boot.DIED
    assert outcome.trouble == "the guest with kernel 6.1 died before the command ended\nKernel panic"
    assert err == b""


def test_a_guest_that_dies_before_the_command_begins_is_booted_once_more_and_that_is_said(
    pretend: Pretend, tmp_path: Path
) -> None:
    marker = tmp_path / "booted"
    again = f"booted = pathlib.Path({str(marker)!r}); first = not booted.exists(); booted.touch();"
    pretend(f"{START} {again} (share / ('console' if first else 'status')).write_text('exit 3\\n')")
    outcome, _, err = run()
    assert outcome == boot.Outcome(3)
    assert err.decode().splitlines() == [
        "lab: the guest with kernel 6.1 died before the command ended",
        "exit 3",
        "lab: the command had not begun; booting once more",
    ]


def test_a_guest_that_never_boots_is_given_up(pretend: Pretend, tmp_path: Path) -> None:
    count = tmp_path / "count"
    pretend(f"{START} pathlib.Path({str(count)!r}).open('a').write('.')")
    outcome, _, err = run()
    assert outcome.status == boot.DIED
    assert count.read_text() == ".."
    assert err.count(b"booting once more") == 1


def test_a_guest_that_takes_too_long_is_killed(pretend: Pretend) -> None:
    pretend(f"{START} os.write(out, str(os.getpid()).encode()); time.sleep(600)")
    began = time.monotonic()
    outcome, out, _ = run(timeout=3)
    assert outcome.status == boot.TIMED_OUT
    assert "did not end within 3 s" in outcome.trouble
    assert time.monotonic() - began < 60
    with pytest.raises(ProcessLookupError):
        os.kill(int(out), 0)


def test_no_guest_outlives_the_end_of_all(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot, "_no_more", threading.Event())
    pretend(f"{START} os.write(out, b'x'); time.sleep(600)")
    out, outcomes = io.BytesIO(), []

    def work() -> None:
        outcomes.append(boot.run(KERNEL, ["true"], out=out, err=io.BytesIO(), timeout=600))

    thread = threading.Thread(target=work)
    thread.start()
    wait(lambda: out.getvalue() == b"x", "the guest does not begin")
    boot.end_all()
    thread.join(60)
    assert not thread.is_alive()
    assert [outcome.status for outcome in outcomes] == [boot.DIED]  # and not booted once more


def test_counts_are_read_from_what_pytest_writes(tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    file.write_text('<testsuites><testsuite errors="1" failures="2" skipped="3" tests="10"/></testsuites>')
    assert read_junit(file) == Counts(4, 3, 3)
    file.write_text("<testsuites>")
    assert read_junit(file) is None
    assert read_junit(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("counts", "status", "trouble", "expected"),
    [
        (Counts(5, 0, 1), 0, "", (Counts(5, 0, 1), "")),
        (Counts(5, 2, 0), 1, "", (Counts(5, 2, 0), "")),
        (Counts(0, 0, 0), 5, "", (Counts(0, 1, 0), "pytest ended with 5")),
        (None, 125, "the guest died\nconsole", (Counts(0, 1, 0), "the guest died")),
        (Counts(5, 0, 0), 124, "too long", (Counts(5, 1, 0), "too long")),
    ],
)
def test_whatever_goes_wrong_counts_as_a_failure(
    counts: Counts | None, status: int, trouble: str, expected: tuple[Counts, str]
) -> None:
    assert judge(counts, status, trouble) == expected


def test_a_sum_is_printed_as_pytest_would() -> None:
    assert str(total([Counts(1, 2, 3), Counts(1, 0, 0)])) == "2 passed, 2 failed, 3 skipped"


def _unavailable(name: str = "", **_: object) -> cache.Kernel:
    raise UnavailableError("no network")


@pytest.mark.parametrize(
    ("require", "line", "code"), [("bpf", "0 failed, 1 skipped", 0), ("bpf,lab", "1 failed, 0", 1)]
)
def test_a_kernel_that_cannot_be_had_is_skipped_or_failed_if_required(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], require: str, line: str, code: int
) -> None:
    monkeypatch.setattr(testrun, "fetch", _unavailable)
    monkeypatch.setattr(ovs, "fetch", _unavailable)
    monkeypatch.setattr(roots, "fetch", _unavailable)
    monkeypatch.setenv("TRACER_REQUIRE", require)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert cli.main(["test", "6.18"]) == code
    first, second, *_, before, closing = capsys.readouterr().out.splitlines()
    assert first == "lab: Open vSwitch with USDT probes cannot be had here, its tests are skipped: no network"
    assert second == "lab: programs of another release cannot be had here, their tests are skipped: no network"
    last = (before, closing)
    assert "kernel 6.18: 0 passed" in last[-2]
    assert "(cannot be run here: no network)" in last[-2]
    assert line in last[-1]


@pytest.mark.parametrize(("counts", "line", "code"), [('tests="5"', "5 passed, 0", 0), (None, "0 passed, 1", 1)])
def test_what_was_counted_elsewhere_is_part_of_the_sum(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    *,
    counts: str | None,
    line: str,
    code: int,
) -> None:
    monkeypatch.setattr(testrun, "fetch", _unavailable)
    monkeypatch.setattr(ovs, "fetch", _unavailable)
    monkeypatch.setattr(roots, "fetch", _unavailable)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.delenv("TRACER_REQUIRE", raising=False)
    file = tmp_path / "tests.xml"
    if counts:
        file.write_text(f"<testsuites><testsuite {counts}/></testsuites>")
    assert cli.main(["test", "6.18", "--add", str(file)]) == code
    *_, own, kernel, closing = capsys.readouterr().out.splitlines()
    assert own.startswith(f"this machine: {line} failed")
    assert kernel.startswith("kernel 6.18: ")
    assert closing == f"{line} failed, 1 skipped"


def test_guests_may_skip_what_is_made_here_only_where_that_did_not_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ovs, "find", lambda: None)
    monkeypatch.setattr(roots, "find", lambda _: None)
    assert {"bpf", "lab", "vlan"} <= set(testrun.required_in_guests({}))
    assert not {"openvswitch", "roots"} & set(testrun.required_in_guests({}))
    assert "openvswitch" in testrun.required_in_guests({"TRACER_REQUIRE": "openvswitch"})
    monkeypatch.setattr(ovs, "find", lambda: ovs.OpenVSwitch("openvswitch 1", tmp_path))
    monkeypatch.setattr(roots, "find", lambda name: roots.Root(name, "13.1", tmp_path))
    assert {"openvswitch", "roots"} <= set(testrun.required_in_guests({}))


def test_unknown_kernels_are_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert cli.main(["run", "6.2", "--", "true"]) == boot.DIED
    assert capsys.readouterr().err.startswith("lab: there is no kernel '6.2'")


def test_what_follows_the_dashes_is_the_command() -> None:
    arguments = cli.parser().parse_args(["run", "--timeout", "5", "6.1", "--", "ls", "-l", "--all"])
    assert (arguments.name, arguments.timeout, arguments.command) == ("6.1", 5.0, ["ls", "-l", "--all"])


def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_ADMINISTRATORS", "/nowhere")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UnavailableError, match=r"depmod, zstd are not installed; .*apt-get install kmod zstd"):
        tools.need("depmod", "zstd")
    with pytest.raises(UnavailableError, match="gcc is not installed"):
        tools.find("gcc")


def test_a_test_with_the_fixture_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fixtures, "fetch", _unavailable)
    monkeypatch.delenv("TRACER_REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"kernel 6\.1 cannot be run here: no network"):
        fixtures.Lab(tmp_path).run("6.1", ["true"])
    monkeypatch.setenv("TRACER_REQUIRE", "lab")
    with pytest.raises(pytest.fail.Exception, match="TRACER_REQUIRE names lab"):
        fixtures.Lab(tmp_path).run("6.1", ["true"])
