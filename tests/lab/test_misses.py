"""Hits for which the kernel runs no program are counted: calls made are events, or lost, or missed."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tracer_core.backend import features, misses
from tracer_core.backend.base import Missed
from tracer_core.backend.bcc import BccBackend
from tracer_core.backend.machine import running_machine
from tracer_core.compose.compose import compose
from tracer_core.kernel.btf_types import Kind
from tracer_core.kernel.live import LiveKernel
from tracer_core.libbpf import library
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request, parse_probe
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.testing.patience import patience
from tracer_core.types import BpfSource, CollectorSpec, Fragment
from tracer_core.wire import U32, section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.support import Support

    from tracer_core.backend.base import Losses

pytestmark = pytest.mark.bpf

UPDATE = "array_map_update_elem"
"""Called by the system call that changes an array, while kprobes on that CPU are off, and by nobody else here."""

SLEEP = "__x64_sys_rt_sigtimedwait"
"""Sleeps until a signal comes; nobody else calls it here."""

HELPER = "bpf_get_current_pid_tgid"
"""What each of our programs calls once, for the number of the task."""

CALLS = 50
SLEEPERS = 12
"""More than any kernel waits for by itself at a kretprobe with one processor: 1, 2 or 10."""

_ARRAY = 2  # BPF_MAP_TYPE_ARRAY
_RT_SIGTIMEDWAIT = "128"


@section("hit")
class Hit(NamedTuple):
    """Something, so that there is an event."""

    one: U32


SOURCE = BpfSource(
    """
static __always_inline int hit_collect(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct section_hit *hit = tracer_add(event, hit);

	if (!hit)
		return TRACER_NOTHING;
	hit->one = 1;
	return TRACER_OK;
}
""",
    "hit.bpf.c",
)


class Run:
    """A backend with probes that are attached, switched off."""

    def __init__(self, backend: BccBackend, *probes: str, at_once: bool = True) -> None:
        declared = Declaration(
            Owner("hit"),
            CollectorSpec("hit", "A test.", sections=(Hit,)),
            None,
            fragments=(Fragment("hit_collect", SOURCE, emits=(Hit,)),),
        )
        kernel = LiveKernel()
        abilities = Fixed(cookies=features.attach_cookies(), multi=at_once and features.kprobe_multi())
        made = plan([declared], Request(tuple(map(parse_probe, probes)), abilities=abilities), kernel)
        backend.compile(made, compose(made, kernel, running_machine()))
        backend.load()
        backend.attach()
        self._backend = backend

    @contextmanager
    def enabled(self) -> Iterator[None]:
        self._backend.enable()
        yield
        self._backend.disable()

    def outcome(self) -> tuple[int, Losses]:
        """Events, and what is known of others once all is detached."""
        self._backend.detach()
        count = 0
        while batch := self._backend.read():
            count += len(batch)
        losses = self._backend.losses()
        assert losses.total == 0
        return count, losses


@pytest.fixture
def backend() -> Iterator[BccBackend]:
    with BccBackend(running_machine()) as made:
        yield made


@pytest.fixture
def counted() -> bool:
    """Whether the kernel says what kprobes miss."""
    return misses.kprobes_are_counted()


@pytest.fixture
def array() -> int:
    fd: int = library().bpf_map_create(_ARRAY, b"misses", 4, 8, 1, None)
    assert fd >= 0
    return fd


def update(array: int, count: int = CALLS) -> None:
    key, value = ctypes.c_uint32(0), ctypes.c_uint64(1)
    for _ in range(count):
        assert library().bpf_map_update_elem(array, ctypes.addressof(key), ctypes.addressof(value), 0) == 0


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
def test_hits_while_a_map_is_accessed_are_missed_by_kprobes_and_counted_while_enabled(
    backend: BccBackend, array: int, support: Support, counted: bool, at_once: bool
) -> None:
    run = Run(backend, f"kprobe:{UPDATE}", at_once=at_once)
    update(array)
    with run.enabled():
        update(array)
        losses = backend.losses()
        assert sum(missed.least for missed in losses.missed) == (CALLS if counted else 0)
    update(array)
    events, losses = run.outcome()
    assert events == 0
    assert losses.missed == ((Missed((0,), CALLS, CALLS),) if counted else ())
    assert losses.uncounted == (() if counted else (0,))
    support.works("misses of kprobes", "counted" if counted else "not counted")


def test_what_many_kprobes_missed_belongs_to_those_of_their_program(
    backend: BccBackend, array: int, counted: bool
) -> None:
    run = Run(backend, f"kprobe:{UPDATE}", "kprobe:array_map_delete_elem")
    with run.enabled():
        update(array)
    _, losses = run.outcome()
    if features.attach_cookies() or not counted:
        assert losses.missed == ((Missed((0, 1), CALLS, CALLS),) if counted else ())
    assert losses.uncounted == (() if counted else (0, 1))


def test_a_call_that_is_missed_at_entry_and_return_may_be_one_or_two(
    backend: BccBackend, array: int, counted: bool
) -> None:
    run = Run(backend, f"kretprobe:{UPDATE}")
    with run.enabled():
        update(array)
    events, losses = run.outcome()
    assert events == 0
    assert losses.missed == ((Missed((0,), CALLS, 2 * CALLS),) if counted else ())
    assert losses.uncounted == (() if counted else (0,))


@pytest.mark.parametrize("kind", [pytest.param("fentry", marks=pytest.mark.extra), "fexit"])
def test_trampolines_miss_nothing_while_a_map_is_accessed(backend: BccBackend, array: int, kind: str) -> None:
    run = Run(backend, f"{kind}:{UPDATE}")
    with run.enabled():
        update(array)
    events, losses = run.outcome()
    assert (events, losses.missed, losses.uncounted) == (CALLS, (), ())


@contextmanager
def sleeping(count: int) -> Iterator[None]:
    """Threads that call :data:`SLEEP` once each; it returns at the end."""
    thread = "threading.Thread(target=signal.sigwait, args=({signal.SIGUSR1},)).start()"
    code = f"import signal, threading\nfor _ in range({count}): {thread}"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        try:
            wait_until_asleep(process.pid, count)
            yield
        finally:
            process.kill()


def wait_until_asleep(pid: int, count: int) -> None:
    deadline = time.monotonic() + patience(30)
    while True:
        calls = [path.joinpath("syscall").read_text() for path in Path(f"/proc/{pid}/task").iterdir()]
        if sum(call.startswith(f"{_RT_SIGTIMEDWAIT} ") for call in calls) == count:
            return
        assert time.monotonic() < deadline, calls
        time.sleep(0.1)


@pytest.mark.parametrize("at_once", [True, pytest.param(False, marks=pytest.mark.extra)], ids=["at once", "one by one"])
def test_calls_are_as_many_as_returns_that_were_seen_and_missed(
    backend: BccBackend, counted: bool, at_once: bool
) -> None:
    run = Run(backend, f"kretprobe:{SLEEP}", at_once=at_once)
    with run.enabled(), sleeping(SLEEPERS):
        pass
    events, losses = run.outcome()
    if counted:
        assert losses.uncounted == ()
        assert events + sum(one.most for one in losses.missed) == SLEEPERS
        assert all(missed == Missed((0,), SLEEPERS - events, SLEEPERS - events) for missed in losses.missed)
    else:
        assert (losses.missed, losses.uncounted) == ((), (0,))
        assert events < SLEEPERS
    if not (at_once and features.kprobe_multi()):
        assert events < SLEEPERS  # a kretprobe has room for so many


def test_calls_that_sleep_are_all_seen_to_return_by_trampolines(backend: BccBackend) -> None:
    run = Run(backend, f"fexit:{SLEEP}")
    with run.enabled(), sleeping(SLEEPERS):
        pass
    events, losses = run.outcome()
    assert (events, losses.missed, losses.uncounted) == (SLEEPERS, (), ())


def test_a_trampoline_whose_program_calls_what_it_is_attached_to_misses_that_call(
    backend: BccBackend,
) -> None:
    btf = LiveKernel().btf
    info = btf.find("bpf_prog_info", Kind.STRUCT)
    assert info is not None
    if "recursion_misses" not in {member.name for member in btf.members(info)}:
        pytest.skip("this kernel lets programs run within themselves, until there is no stack left")
    run = Run(backend, f"fentry:{SLEEP}", f"fentry:{HELPER}")
    with run.enabled(), sleeping(SLEEPERS):
        pass
    events, losses = run.outcome()
    # one event for each sleeper, one for the call of that event's program, which itself calls and is not seen
    assert events == 2 * SLEEPERS
    assert losses.missed == (Missed((1,), SLEEPERS, SLEEPERS),)
    assert losses.uncounted == ()
