"""A program with probes, built on the fly, and an ear that hears them."""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import shutil
import struct
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.backend import perf_probe
from tracer_core.backend.compiler import Compiler
from tracer_core.backend.uapi import ProgramType
from tracer_core.libbpf import ProgLoadOpts, library
from tracer_core.testing.pytest_plugin import unavailable
from tracer_core.userspace.usdt_c import argument_functions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tracer_core.userspace.live import UserPlace

PROGRAMS = Path(__file__).parent / "programs"
FLAGS = {
    "pie": ("-O2", "-pie", "-fPIE"),
    "no-pie": ("-O2", "-no-pie"),
    "not-optimised": ("-O0", "-pie", "-fPIE"),
}
_SLOTS = 16


@pytest.fixture(scope="session")
def gcc() -> str:
    """A compiler that finds ``sys/sdt.h``."""
    path = shutil.which("gcc")
    if path is None:
        unavailable("gcc", "needs gcc")
    with_notes = [path, "-E", "-include", "sys/sdt.h", "-x", "c", os.devnull]
    if subprocess.run(with_notes, check=False, capture_output=True).returncode:
        unavailable("gcc", "needs sys/sdt.h: apt install systemtap-sdt-dev")
    if platform.machine() not in ("x86_64", "aarch64"):
        unavailable("gcc", f"knows no USDT arguments of {platform.machine()}")
    return path


@pytest.fixture(scope="session")
def build(gcc: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Build the program by one of ``FLAGS``; its path."""
    built: dict[str, Path] = {}

    def make(how: str) -> Path:
        if how not in built:
            folder = tmp_path_factory.mktemp("probed")
            shared = folder / "libfixture.so"
            sources = [PROGRAMS / "probed.c", PROGRAMS / "guarded.c"]
            program = folder / "probed"
            compile_ = [gcc, "-w", *FLAGS[how]]
            subprocess.run([gcc, "-O2", "-shared", "-fPIC", "-o", shared, PROGRAMS / "library.c"], check=True)
            rest = ["-rdynamic", "-Wl,-rpath,$ORIGIN", f"-L{folder}", "-lfixture", "-pthread"]
            subprocess.run([*compile_, "-o", program, *sources, *rest], check=True)
            built[how] = program
        return built[how]

    return make


class Probed:
    """The program, running, waiting for numbers."""

    def __init__(self, *command: str | Path) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.pid = self._process.pid
        assert self._line() == "ready"

    def hit(self, value: int) -> list[tuple[str, tuple[int, ...]]]:
        """Have it hit all probes; what it says it passed, in order."""
        assert self._process.stdin
        self._process.stdin.write(f"{value}\n")
        lines = iter(self._line, "done")
        return [(name, tuple(map(int, values))) for name, *values in map(str.split, lines)]

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the program died"
        return line.rstrip("\n")


@pytest.fixture
def start(build: Callable[[str], Path]) -> Iterator[Callable[..., Probed]]:
    """Start the program, by one of ``FLAGS`` or by a command."""
    with ExitStack() as running:

        def run(*which: str | Path) -> Probed:
            program = Probed(*(build(word) if word in FLAGS else word for word in which))
            running.callback(program.close)
            return program

        yield run


class Ear:
    """What programs saw: hits, arguments, cookies, of each place by its index."""

    def __init__(self, memory: mmap.mmap, counts: Sequence[int]) -> None:
        self._memory = memory
        self._counts = counts

    def _slot(self, place: int, slot: int) -> int:
        return int(struct.unpack_from("<Q", self._memory, 8 * (place * _SLOTS + slot))[0])

    def hits(self, place: int = 0) -> int:
        return self._slot(place, _SLOTS - 1)

    def cookie(self, place: int = 0) -> int:
        return self._slot(place, _SLOTS - 2)

    def pid(self, place: int = 0) -> int:
        return self._slot(place, _SLOTS - 3)

    def arguments(self, place: int = 0) -> tuple[int, ...]:
        return tuple(self._slot(place, n) for n in range(self._counts[place]))


_TEXT = """
BPF_F_TABLE("array", u32, u64, seen, {size}, BPF_F_MMAPABLE);

static __always_inline void store(u32 key, u64 value)
{{
	u64 *slot = seen.lookup(&key);

	if (slot)
		*slot = value;
}}
"""
_PROGRAM = """
int program_{n}(u64 *args)
{{
	u32 key = {hits};
	u64 *slot = seen.lookup(&key);

	if (slot)
		__sync_fetch_and_add(slot, 1);
	store({hits} - 2, bpf_get_current_pid_tgid() >> 32);
{stores}	return 0;
}}
"""


def _text(places: Sequence[UserPlace], *, cookies: bool) -> str:
    text = _TEXT.format(size=_SLOTS * len(places))
    text += argument_functions("usdt", [place.arguments or () for place in places])
    for n, place in enumerate(places):
        first = n * _SLOTS
        arguments = place.arguments or ()
        stores = "".join(f"\tstore({first + i}, usdt(args, {n + 1}, {i}));\n" for i in range(len(arguments)))
        if cookies:
            stores += f"\tstore({first + _SLOTS - 2}, bpf_get_attach_cookie(args));\n"
        text += _PROGRAM.format(n=n, hits=first + _SLOTS - 1, stores=stores)
    return text


@pytest.fixture
def listening() -> Callable[..., object]:
    """A context: BPF programs of our own are attached to places, and what they see can be asked."""
    return _listening


@contextmanager
def _listening(
    places: Sequence[UserPlace], *, pid: int | None = None, returns: bool = False, cookies: Sequence[int] = ()
) -> Iterator[Ear]:
    names = [f"program_{n}" for n in range(len(places))]
    numbers: Sequence[int | None] = cookies or [None] * len(places)
    with Compiler() as compiler:
        compiled = compiler.compile(_text(places, cookies=bool(cookies)), names)
    with ExitStack() as resources:
        for fd in compiled.maps.values():
            resources.callback(os.close, fd)
        size = -(-8 * _SLOTS * len(places) // mmap.PAGESIZE) * mmap.PAGESIZE
        memory = resources.enter_context(mmap.mmap(compiled.maps["seen"], size))
        for place, name, cookie in zip(places, names, numbers, strict=True):
            program = _load(compiled.code[name])
            resources.callback(os.close, program)
            event = resources.enter_context(
                perf_probe.uprobe(
                    place.path,
                    place.offset,
                    pid=place.pid if pid is None else pid,
                    returns=returns,
                    ref_ctr_offset=place.semaphore,
                )
            )
            if cookie is None:
                perf_probe.set_program(event, program)
            else:
                resources.callback(os.close, perf_probe.link_program(event, program, cookie))
        yield Ear(memory, [len(place.arguments or ()) for place in places])


def _load(code: bytes) -> int:
    log = ctypes.create_string_buffer(1 << 20)
    options = ProgLoadOpts(sz=ctypes.sizeof(ProgLoadOpts), log_level=1, log_size=len(log))
    options.log_buf = ctypes.addressof(log)
    fd = library().bpf_prog_load(
        ProgramType.KPROBE, b"ear", b"Dual BSD/GPL", code, len(code) // 8, ctypes.byref(options)
    )
    assert fd >= 0, log.value.decode(errors="replace")
    return int(fd)
