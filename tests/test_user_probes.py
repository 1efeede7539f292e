"""Probes in processes on the running kernel: a collector sees what a program passed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from tests.user_probes import COLLECTOR, SOURCE, Passed, to_the_function, to_the_probe

from tracer_core.backend.abilities import LiveAbilities
from tracer_core.backend.bcc import BccBackend
from tracer_core.backend.machine import running_machine
from tracer_core.compose.compose import compose
from tracer_core.decode.columns import ColumnDecoder
from tracer_core.errors import ExitCode, MachineError, RunError
from tracer_core.events.objects import events_of
from tracer_core.kernel.live import LiveKernel
from tracer_core.plan.plan import Plan
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.sections import Event
from tracer_core.testing.command import Tracer
from tracer_core.testing.pytest_plugin import or_unavailable
from tracer_core.testing.usdt import ProbeProgram, compile_program, running
from tracer_core.userspace.lookup import LiveUserspace

pytestmark = pytest.mark.bpf

NAME = f"fired-{os.getpid()}"  # nothing else on the machine is called so
LINES = ((1, "one"), (-5, "minus-five"), (0x7FFF_FFFF, "sixteen-letters!"))

Start = Callable[[], ProbeProgram]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fired")
    with or_unavailable():
        program = compile_program(SOURCE, folder)
    return Path(shutil.move(program, folder / NAME))


@pytest.fixture
def start(program: Path) -> Iterator[Start]:
    """Start the program, as often as it is called."""
    with ExitStack() as processes:
        yield lambda: processes.enter_context(running(program))


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The collector's module; commands find it, too."""
    monkeypatch.syspath_prepend(COLLECTOR)
    monkeypatch.setenv("PYTHONPATH", str(COLLECTOR))
    yield import_module("fixture_watching.plugin")
    for name in [name for name in sys.modules if name.startswith("fixture_watching")]:
        del sys.modules[name]


def declared(watching: ModuleType, process: int | str, *places: str) -> Declaration:
    options = watching.Options(str(process), places or ("fired:numbers",))
    return Declaration(
        Owner("watching"),
        watching.tracer_collector(),
        options,
        probes=tuple(watching.tracer_probes(options)),
        fragments=tuple(watching.tracer_fragments(options)),
    )


class Run:
    """A backend with its programs attached and switched on."""

    def __init__(self, backend: BccBackend, declaration: Declaration, *, cookies: bool | None = None) -> None:
        kernel = LiveKernel()
        abilities = LiveAbilities(lambda: kernel.btf) if cookies is None else Fixed(cookies=cookies)
        self.plan: Plan = plan([declaration], Request(abilities=abilities, userspace=LiveUserspace()), kernel)
        backend.compile(self.plan, compose(self.plan, kernel, running_machine()))
        backend.load()
        self._backend = backend
        self._decoder = ColumnDecoder(self.plan, (declaration,))

    def attach(self) -> None:
        self._backend.attach()
        self._backend.enable()

    def events(self) -> list[Event]:
        return events_of(self._decoder.decode(self._backend.read()))


def passed(events: list[Event]) -> list[Passed]:
    rows = (event.sections["watched"] for event in events)
    return [Passed(first, second, third, text.decode()) for first, second, third, text in rows]


@pytest.fixture
def backend() -> Iterator[BccBackend]:
    with BccBackend(running_machine()) as made:
        yield made


@pytest.mark.parametrize("cookies", [None, False], ids=["as the kernel can", "without cookies"])
def test_arguments_of_a_usdt_probe_arrive_as_they_were_passed_at_every_place(
    backend: BccBackend, watching: ModuleType, start: Start, cookies: bool | None
) -> None:
    fired = start()
    run = Run(backend, declared(watching, fired.process.pid), cookies=cookies)
    run.attach()
    for number, text in LINES:
        fired.fire(f"{number} {text}")
        events = run.events()
        assert passed(events) == to_the_probe(number, text)
        assert [event.header.probe for event in events] == [0, 1]
        assert {(event.header.pid, event.header.comm) for event in events} == {(fired.process.pid, NAME.encode())}
        assert {event.probe.path for event in events} == {str(fired.path)}
    assert backend.losses().total == 0


@pytest.mark.parametrize("cookies", [None, False], ids=["as the kernel can", "without cookies"])
def test_a_function_of_a_process_is_seen_with_its_arguments_beside_a_probe(
    backend: BccBackend, watching: ModuleType, start: Start, cookies: bool | None
) -> None:
    fired = start()
    run = Run(backend, declared(watching, fired.process.pid, "fired_function", "fired:numbers"), cookies=cookies)
    run.attach()
    for number, text in LINES:
        fired.fire(f"{number} {text}")
        assert passed(run.events()) == [*to_the_probe(number, text), to_the_function(number, text)]


def test_a_semaphore_is_raised_while_programs_are_attached(
    backend: BccBackend, watching: ModuleType, start: Start
) -> None:
    fired = start()
    run = Run(backend, declared(watching, NAME))
    assert fired.fire("1 before") == "0"
    run.attach()
    assert fired.fire("1 meanwhile") == "2"  # once for each place
    backend.detach()
    assert fired.fire("1 after") == "0"
    assert passed(run.events()) == to_the_probe(1, "meanwhile")


def test_another_process_that_runs_the_same_file_is_not_seen(
    backend: BccBackend, watching: ModuleType, start: Start
) -> None:
    ours, other = start(), start()
    run = Run(backend, declared(watching, ours.process.pid))
    run.attach()
    other.fire("1 other")
    ours.fire("2 ours")
    assert passed(run.events()) == to_the_probe(2, "ours")


@pytest.mark.parametrize("waited_for", [True, False])
def test_a_process_that_ended_before_it_was_attached_to_is_told_by_its_pid(
    backend: BccBackend, watching: ModuleType, start: Start, waited_for: bool
) -> None:
    fired = start()
    run = Run(backend, declared(watching, fired.process.pid))
    fired.process.kill()
    os.waitid(os.P_PID, fired.process.pid, os.WEXITED | os.WNOWAIT)
    if waited_for:  # before, the kernel still knows it
        fired.process.wait()
    with pytest.raises(RunError) as error:
        run.attach()
    place = f"probe usdt:{fired.process.pid}:fired:numbers"
    assert error.value.message == f"{place}: process {fired.process.pid} has ended"


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("fired:number", "has no USDT probe fired:number; did you mean fired:numbers?"),
        ("no_function", "has no function no_function; a stripped program has no symbols but those that it exports"),
    ],
)
def test_what_a_process_lacks_is_one_line(
    backend: BccBackend, watching: ModuleType, start: Start, place: str, reason: str
) -> None:
    fired = start()
    with pytest.raises(MachineError) as error:
        Run(backend, declared(watching, NAME, place))
    kind = "usdt" if ":" in place else "uprobe"
    assert str(error.value) == f"probe {kind}:{NAME}:{place}: {fired.path} {reason}"


def test_events_of_processes_are_shown_and_no_network_namespace_leaves_them_out(
    tracer: Tracer, watching: ModuleType, start: Start
) -> None:
    fired = start()
    places = ("--watching-places", "fired:numbers,fired_function", "--netns", "1", "--format", "single-line")
    with tracer.collect("-c", "watching", "--watching-process", NAME, *places) as collecting:
        fired.fire("-5 five")
        collecting.wait_for("[u] ", count=3)
    lines = [line.partition(" [u] ")[2] for line in collecting.stdout.splitlines()]
    assert lines == [
        *(f"fired:numbers ({NAME}) {each.shown}" for each in to_the_probe(-5, "five")),
        f"fired_function ({NAME}) {to_the_function(-5, 'five').shown}",
    ]


def test_processes_that_cannot_be_told_apart_or_are_not_there_are_one_line(
    tracer: Tracer, watching: ModuleType, start: Start
) -> None:
    arguments = ("collect", "-c", "watching", "--watching-process", NAME)
    expected = f"Error: probe usdt:{NAME}:fired:numbers: "
    none = tracer.run(*arguments)
    assert errors(none.stderr) == [f"{expected}no process {NAME} is running; start {NAME} first"]
    pids = ", ".join(map(str, sorted(start().process.pid for _ in range(2))))
    several = tracer.run(*arguments)
    reason = f"several processes {NAME} are running: {pids}; one has to be chosen by its pid"
    assert errors(several.stderr) == [f"{expected}{reason}"]
    assert {none.returncode, several.returncode} == {ExitCode.ENVIRONMENT}


def test_a_process_of_another_pid_namespace_is_one_that_we_may_just_not_see(
    tracer: Tracer, watching: ModuleType, start: Start
) -> None:
    start()
    arguments = (str(tracer.path), "collect", "-c", "watching", "--watching-process", NAME)
    inside = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", *arguments], check=False, capture_output=True, text=True
    )
    assert inside.returncode == ExitCode.ENVIRONMENT
    (error,) = errors(inside.stderr)
    assert f"no process {NAME} is running; start {NAME} first, or trace where it can be seen" in error


def errors(stderr: str) -> list[str]:
    # what the machine lacks may be told, too
    return [line for line in stderr.splitlines() if not line.startswith("WARN ")]


def test_what_is_optional_and_not_there_is_told_and_the_rest_is_traced(tracer: Tracer, watching: ModuleType) -> None:
    options = ("--watching-process", NAME, "--watching-optional")
    result = tracer.run("collect", "-c", "watching,skb", *options, "-p", "tp:net:netif_receive_skb", "--dry-run")
    assert result.returncode == ExitCode.OK
    told = f"probe usdt:{NAME}:fired:numbers: no process {NAME} is running; tracing without it"
    assert told in result.stderr
    assert "probe 0 tp:net:netif_receive_skb" in result.stdout
