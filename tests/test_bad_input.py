"""What bad input gets: one line that says what, why and what to do, a documented exit code, and nothing left behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shlex
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.backend import find_bcc
from tracer_core.errors import ExitCode
from tracer_core.testing import kernels
from tracer_core.testing.command import wait_ready
from tracer_core.testing.pytest_plugin import unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces

DISTRIBUTIONS = Path(__file__).resolve().parent / "fixtures/distributions"
KERNEL = str(Path(kernels.__file__).parent / "6.18")
PROBE = "tp:net:netif_receive_skb"
INFORMATION = re.compile(
    r"\d+ (probe|event)\(s\) (loaded|processed)|Received signal, terminating\.\.\.|raising (begins|ends)"
    r"|WARN  tracefs cannot be read.*"  # as the machine has it
)
SECONDS = 60
BUG = "this is a bug of the collector; leave it out of -c"

bpf = pytest.mark.bpf


@dataclass(frozen=True)
class Result:
    """How ``tracer`` ended, and what it said."""

    code: int
    out: str
    err: str

    def error(self, code: ExitCode) -> str:
        """The one line of trouble, after which nothing was said."""
        assert self.code == code, self.err
        lines = self.err.splitlines()
        errors = [line for line in lines if not INFORMATION.fullmatch(line)]
        assert len(errors) == 1, self.err
        assert errors[0].startswith("Error: "), self.err
        return errors[0].removeprefix("Error: ")


@dataclass
class Command:
    """``tracer``, as somebody runs it who gets something wrong.

    Attributes:
        path: The executable.
        folder: For ready files.
        environment: What is different in its environment.
    """

    path: Path
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def install(self, *folders: str) -> None:
        """Install distributions of ``tests/fixtures/distributions``."""
        self.environment["PYTHONPATH"] = os.pathsep.join(str(DISTRIBUTIONS / folder) for folder in folders)

    def start(
        self, *arguments: str | Path, inside: Sequence[str] = (), out: int = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        """Start it in a process group of its own, as shells do, perhaps inside another command."""
        process = subprocess.Popen(
            [*inside, str(self.path), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, **self.environment},
        )
        self.processes.append(process)
        return process

    def end(self, process: subprocess.Popen[str]) -> Result:
        """Wait for its end."""
        try:
            out, err = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        return Result(process.returncode, out or "", err)

    def run(self, *arguments: str | Path, inside: Sequence[str] = ()) -> Result:
        """Run it to its end."""
        return self.end(self.start(*arguments, inside=inside))

    @contextlib.contextmanager
    def collecting(self, *arguments: str | Path, out: int = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
        """Run ``tracer collect`` around a block that begins when it is ready."""
        ready = self.folder / "ready"
        process = self.start("collect", *arguments, "--ready-file", ready, out=out)
        wait_ready(process, ready, SECONDS)
        yield process

    def close(self) -> None:
        """End what a failed test left running."""
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()


def our_programs() -> set[int]:
    """Ids of the programs in the kernel that are called as ours are."""
    libbpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
    found, number = set(), ctypes.c_uint32(0)
    while libbpf.bpf_prog_get_next_id(number, ctypes.byref(number)) == 0:
        fd = libbpf.bpf_prog_get_fd_by_id(number)
        if fd < 0:
            continue  # gone
        info, size = ctypes.create_string_buffer(80), ctypes.c_uint32(80)  # up to the name, which every kernel has
        if libbpf.bpf_obj_get_info_by_fd(fd, info, ctypes.byref(size)) == 0 and info.raw[64:80].startswith(b"tracer\0"):
            found.add(number.value)
        os.close(fd)
    return found


def held_programs() -> set[int]:
    """Ids of the programs that some living process holds, itself or by an attachment."""
    found: set[int] = set()
    for path in Path("/proc").glob("[0-9]*/fdinfo/*"):
        with contextlib.suppress(OSError):
            found.update(map(int, re.findall(r"^prog_id:\s+(\d+)$", path.read_text(), re.MULTILINE)))
    return found


def is_running(process: subprocess.Popen[str]) -> bool:
    """Whether its process group, which survives it, has members."""
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def command(tracer: Tracer, tmp_path: Path) -> Iterator[Command]:
    """The command; nothing of what it ran is there afterwards: no process, no program in the kernel."""
    privileged = os.geteuid() == 0
    before = our_programs() if privileged else set()
    command = Command(tracer.path, tmp_path)
    yield command
    command.close()
    assert wait_until(lambda: not any(map(is_running, command.processes))), "a process was left behind"
    if privileged:
        # others may be tracing on this machine: theirs are held by their processes, ours by nobody
        assert wait_until(lambda: not our_programs() - before - held_programs()), "a program was left behind"


@pytest.fixture
def here(two_netns: TwoNamespaces) -> tuple[str, ...]:
    """Arguments that limit a run to namespaces of its own."""
    return ("-p", PROBE, "--netns", two_netns.a.name, "--netns", two_netns.b.name)


def ping(both: TwoNamespaces, count: int = 3) -> None:
    both.run(both.a, ["ping", "-n", "-q", "-c", str(count), "-i", "0.1", "-W", "5", both.b.ipv4])


# --- the machine


def test_without_privileges_it_says_who_may(command: Command) -> None:
    # the capabilities alone: another user might not be able to read this Python
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    error = command.run("collect", "-c", "skb", "-p", PROBE, inside=drop).error(ExitCode.ENVIRONMENT)
    assert "run as root, or with CAP_BPF" in error
    assert "collector" not in error


def hidden(*folders: Path, under: Path) -> list[str]:
    """A command that runs another where these folders are empty, in a mount namespace that ends with it."""
    if os.geteuid() != 0:
        unavailable("root", "needs root, to hide folders")
    binds = "".join(f"mount --bind {shlex.quote(str(under))} {shlex.quote(str(folder))} && " for folder in folders)
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'{binds}exec "$0" "$@"']


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


@bpf
def test_without_bcc_it_says_what_to_install(command: Command, here: tuple[str, ...], empty: Path) -> None:
    inside = hidden(find_bcc.locate().path, under=empty)
    error = command.run("collect", "-c", "skb", *here, inside=inside).error(ExitCode.ENVIRONMENT)
    assert error.startswith("BCC is not installed: ")
    assert "apt install python3-bpfcc" in error


@bpf
def test_the_unrelated_package_bcc_is_recognised(command: Command, here: tuple[str, ...], empty: Path) -> None:
    impostor = command.folder / "site/bcc"
    impostor.mkdir(parents=True)
    (impostor / "__init__.py").write_text("raise SystemExit('a lattice, executed')\n")
    command.environment["PYTHONPATH"] = str(impostor.parent)
    inside = hidden(find_bcc.locate().path, under=empty)
    error = command.run("collect", "-c", "skb", *here, inside=inside).error(ExitCode.ENVIRONMENT)
    assert f"{impostor} is an unrelated package of the same name" in error
    assert "apt install python3-bpfcc" in error


@bpf
def test_without_types_of_the_kernel_it_names_the_option_it_was_built_without(
    command: Command, here: tuple[str, ...], empty: Path
) -> None:
    inside = hidden(Path("/sys/kernel/btf"), under=empty)
    error = command.run("collect", "-c", "skb", *here, inside=inside).error(ExitCode.ENVIRONMENT)
    assert "/sys/kernel/btf/vmlinux" in error
    assert "CONFIG_DEBUG_INFO_BTF" in error


# --- the command line: most of it needs no privileges, since a recorded kernel will do


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
        pytest.param([], ExitCode.USAGE, ["nothing to attach to", "give one with -p"], id="no probe"),
        pytest.param(["--netns", "nosuch"], ExitCode.USAGE, ["no such network namespace", "ip netns"], id="netns"),
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


# --- collectors


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
    assert error.startswith("collector bad_c (fixture-bad-c 1.0): ")
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
    assert error.startswith("collector bad_c (fixture-bad-c 1.0): the composed program does not compile: ")
    assert "Assertion" in error


def test_a_function_must_bear_the_name_of_its_collector(command: Command) -> None:
    command.install("bad_c")
    command.environment |= {"FIXTURE_C": "unprefixed", "FIXTURE_FUNCTION": "collect"}
    result = command.run("collect", "-c", "bad_c", "-p", PROBE, "--kernel", KERNEL, "--dry-run")
    error = result.error(ExitCode.PLUGIN)
    assert "collector bad_c (fixture-bad-c 1.0): C function collect must be called bad_c_<verb>" in error


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


# --- output


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


# --- signals


@bpf
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT], ids=lambda number: number.name)
def test_a_signal_ends_a_run_with_its_events_and_their_number(
    command: Command, two_netns: TwoNamespaces, here: tuple[str, ...], number: signal.Signals
) -> None:
    with command.collecting("-c", "skb", *here) as process:
        ping(two_netns)
        os.killpg(process.pid, number)
        os.killpg(process.pid, number)
        result = command.end(process)
    assert result.code == 0
    events = len(re.findall(r"^\d+ \(\d+\) .* \[tp\] ", result.out, re.MULTILINE))
    assert events >= 6
    assert [line for line in result.err.splitlines() if "tracefs" not in line] == [
        "1 probe(s) loaded",
        "Received signal, terminating...",
        f"{events} event(s) processed",
    ]


@bpf
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT], ids=lambda number: number.name)
@pytest.mark.parametrize("phase", ["kernel view", "plan", "compose", "load"])
def test_a_signal_during_the_start_ends_it_without_a_traceback(
    command: Command, here: tuple[str, ...], number: signal.Signals, phase: str
) -> None:
    process = command.start("--log-level", "debug", "collect", "-c", "skb", *here)
    assert process.stderr is not None
    for line in process.stderr:
        if f"phase {phase}:" in line:
            os.killpg(process.pid, number)
            break
    result = command.end(process)
    last = {0: r"INFO  \d+ event\(s\) processed", 1: "Error: interrupted"}[result.code]
    assert re.fullmatch(last, result.err.splitlines()[-1])
    assert "Traceback" not in result.err


@bpf
def test_nothing_stays_attached_when_it_is_killed(command: Command, here: tuple[str, ...]) -> None:
    before = our_programs()
    with command.collecting("-c", "skb", *here) as process:
        assert our_programs() - before
        process.kill()
        assert command.end(process).code == -signal.SIGKILL
