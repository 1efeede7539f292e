"""Run one command under another kernel."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lab import compiling, guest, ovs, qemu, roots, tools
from lab.qemu import Machine
from tracer_core.backend.compiler import COMMAND_VARIABLE as COMPILER
from tracer_core.testing.command import end_with_parent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.cache import Kernel

TIMED_OUT, DIED = 124, 125
"""Exit codes where the command has none, as ``timeout`` and ``docker run`` have them."""

PATIENCE = 300.0  # seconds for a whole run
_TAIL = 40  # lines of the console

_guests: set[subprocess.Popen[bytes]] = set()
_no_more = threading.Event()


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        status: Exit status of the command; 128 and more are signals.
        trouble: Why there is no status of a command, with the last lines of the console; empty if there is one.
    """

    status: int
    trouble: str = ""


def run(
    kernel: Kernel,
    argv: Sequence[str],
    *,
    out: IO[bytes],
    err: IO[bytes],
    timeout: float = PATIENCE,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    artefacts: Path | None = None,
    machine: Machine | None = None,
    compile_here: bool = False,
) -> Outcome:
    """Boot a kernel, run a command in it, and see to it that nothing of it is left.

    The guest has the root file system of this machine, with the virtual environments and clones in it; or that of
    another release, and this machine's at :data:`lab.guest.HOST`. What it writes there is gone with it. One that dies
    before the command begins is booted once more, and that is said.

    Args:
        kernel: What to boot.
        argv: The command. No shell: name one if you need it.
        out: What the command prints goes here, as it comes.
        err: The same for what it complains of, and for what we say of a boot that failed.
        timeout: Seconds after which a guest is killed.
        folder: Where to run it; here, if not given.
        environment: Variables for it, beside a bare few. Nothing of this process's own.
        artefacts: What the command leaves in ``$TRACER_LAB_ARTEFACTS`` is copied here, whatever the end.
        machine: What the guest has.
        compile_here: Have this machine compile for the guest, which does so itself otherwise.

    Raises:
        UnavailableError: a program is missing here, or the root file system cannot be had.
    """
    tools.need(qemu.PROGRAM)
    machine = machine or Machine()
    compiler = {COMPILER: compiling.command(guest.SHARE)} if compile_here else {}
    variables = {"TRACER_LAB_ARTEFACTS": guest.ARTEFACTS, **compiler, **(environment or {})}
    folder = folder or Path.cwd()
    built = ovs.find()
    if machine.root is not None:
        root = roots.fetch(machine.root)
        machine = replace(machine, append=f"{machine.append} {guest.root_parameter(root.folder)}")
        folder = guest.seen(folder)
        built = None  # it needs libraries of this machine
    script = guest.script(
        kernel,
        argv,
        folder,
        variables,
        programs=built.folder if built else None,
        tracefs=machine.tracefs,
    )
    for again in (True, False):
        with tempfile.TemporaryDirectory(prefix="tracer-lab-") as name:
            share = Path(name)
            (share / "command").write_text(script)
            with compiling.serving(share) if compile_here else nullcontext():
                timed_out = _boot(kernel, machine, share, timeout=timeout, out=out, err=err)
            if artefacts and (share / "artefacts").is_dir():
                shutil.copytree(share / "artefacts", artefacts, dirs_exist_ok=True)
            outcome = _outcome(share, kernel, timeout if timed_out else None)
            started = (share / guest.STARTED).exists()
        if started or outcome.status != DIED or not again or _no_more.is_set():
            break
        err.write(f"lab: {outcome.trouble}\nlab: the command had not begun; booting once more\n".encode())
    return outcome


def end_all() -> None:
    """End all guests, those of other threads, too, and let none begin: this process is about to end."""
    _no_more.set()
    for process in list(_guests):
        _end(process)


def _boot(kernel: Kernel, machine: Machine, share: Path, *, timeout: float, out: IO[bytes], err: IO[bytes]) -> bool:
    """One guest, from its beginning to its end; whether it took too long."""
    initrd = share / "initrd"
    initrd.write_bytes(guest.initrd(kernel))
    copiers = []
    ends = []
    with ExitStack() as stack:
        for sink in (out, err):
            reading, writing = os.pipe()
            copiers.append(threading.Thread(target=_copy, args=(reading, sink), daemon=True))
            ends.append(writing)
        try:
            command = qemu.command(machine, kernel.vmlinux, initrd, share, ports=ends)
            process = _start(command, share, ends)
        finally:
            for end in ends:
                os.close(end)
        stack.callback(_end, process)
        _guests.add(process)
        stack.callback(_guests.discard, process)
        if _no_more.is_set():
            _end(process)
        for copier in copiers:
            copier.start()
        try:
            process.wait(timeout)
            timed_out = False
        except subprocess.TimeoutExpired:
            timed_out = True
        _end(process)
        for copier in copiers:
            copier.join()  # the pipes end with their writer
    return timed_out


def _start(command: list[str], share: Path, ends: Sequence[int]) -> subprocess.Popen[bytes]:
    with (share / "qemu.log").open("wb") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=ends,
            start_new_session=True,  # ^C is for us, who end it
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, no lock
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    process.wait()


def _outcome(share: Path, kernel: Kernel, timeout: float | None) -> Outcome:
    with suppress(FileNotFoundError):
        if text := (share / "status").read_text():
            return Outcome(guest.exit_status(text))
    tail = [line for name in ("console", "qemu.log") for line in _lines(share / name)[-_TAIL:]]
    what = f"did not end within {timeout:g} s" if timeout is not None else "died before the command ended"
    code = TIMED_OUT if timeout is not None else DIED
    return Outcome(code, "\n".join([f"the guest with kernel {kernel.name} {what}", *tail]))


def _lines(path: Path) -> list[str]:
    with suppress(FileNotFoundError):
        return path.read_text(errors="replace").splitlines()
    return []


def _copy(reading: int, sink: IO[bytes]) -> None:
    """To the end, even if nobody wants it any more: the guest must never wait for us."""
    wanted = True
    with open(reading, "rb", buffering=0) as source:
        while data := source.read(65536):
            if wanted:
                try:
                    sink.write(data)
                    sink.flush()
                except (OSError, ValueError):
                    wanted = False
