"""What a guest runs first, and how it says what became of it."""

from __future__ import annotations

import hashlib
import os
import shlex
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from lab import cache, cpio, tools
from lab.errors import LabError
from tracer_core.testing.patience import VARIABLE as PATIENCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.cache import Kernel

VARIABLE = "TRACER_LAB_KERNEL"
"""Set in a guest, to the short name of its kernel."""

SLOWER = 10
"""How many times longer tests wait in a guest: Python is 15 to 20 times slower there, and other programs less."""

HOST = "/run/host"
"""Where the root file system of the host is in a guest, read-only, whatever the guest's own is."""

STARTED = "started"
"""A file of this name is in the shared folder once the command begins."""

SHARE = "/run/lab"
"""Where the guest has the folder that it shares with the host."""

ARTEFACTS = f"{SHARE}/artefacts"
"""What the command leaves here is the host's afterwards."""

_SOURCE = Path(__file__).with_name("init.c")


def script(
    kernel: Kernel,
    argv: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    programs: Path | None = None,
    tracefs: bool = True,
) -> str:
    """The script that process 1 of the guest runs.

    Args:
        kernel: Whose modules and configuration to show where programs look for them.
        argv: The command.
        folder: Where to run it.
        environment: Variables for it.
        programs: A folder that comes first on ``PATH``.
        tracefs: Whether tracefs and debugfs stay mounted.
    """
    release = kernel.release
    modules, config = seen(kernel.modules), seen(kernel.config)
    # bytecode is kept, in the guest's memory: compiling our modules at each start would take longer than all else in it
    own = {
        VARIABLE: kernel.name,
        cache.VARIABLE: str(seen(cache.root())),
        PATIENCE: str(SLOWER),
        "PYTHONUNBUFFERED": "1",
    }
    variables = {**own, **environment}
    lines = [
        "set -e",
        f"mkdir -p /lib/modules/{release} /boot {ARTEFACTS}",
        f"mount --bind {shlex.quote(str(modules))} /lib/modules/{release}",
        f"ln -sf {shlex.quote(str(config))} /boot/config-{release}",
        *(() if tracefs else ("umount /sys/kernel/tracing /sys/kernel/debug",)),
        *(() if programs is None else (f"export PATH={shlex.quote(str(programs))}:$PATH",)),
        *(f"export {name}={shlex.quote(value)}" for name, value in variables.items()),
        f"cd {shlex.quote(str(folder))}",
        f": >{SHARE}/{STARTED}",
        f"exec {shlex.join(argv)}",
    ]
    return "\n".join(lines) + "\n"


def seen(path: Path) -> Path:
    """Where a guest finds what is there on the host."""
    return Path(HOST, *path.parts[1:])


def root_parameter(root: Path) -> str:
    """The parameter of the kernel by which process 1 takes that folder of the host for the guest's root."""
    return f'"TRACER_LAB_ROOT={root}"'


def initrd(kernel: Kernel) -> bytes:
    """The first root file system: process 1, and the modules to reach the second one."""
    entries = [
        cpio.folder("dev"),
        cpio.Entry("dev/console", mode=stat.S_IFCHR | 0o600, device=cpio.CONSOLE),
        cpio.program("init", _init().read_bytes()),
    ]
    return cpio.archive(entries) + kernel.boot_modules.read_bytes()


def exit_status(text: str) -> int:
    """The exit status of the command as a shell has it, from what process 1 wrote.

    Raises:
        LabError: it is not what process 1 writes.
    """
    match text.split():
        case ["exit", number]:
            return int(number)
        case ["signal", number]:
            return 128 + int(number)
    raise LabError(f"the guest's status is {text!r}")


def _init() -> Path:
    """Process 1, compiled once per version of its source."""
    source = _SOURCE.read_bytes()
    program = cache.root() / f"init-{hashlib.sha256(source).hexdigest()[:16]}"
    if program.exists():
        return program
    tools.need("gcc")
    program.parent.mkdir(parents=True, exist_ok=True)
    fresh = program.with_name(f".{program.name}.{os.getpid()}")
    command = ["gcc", "-O2", "-Wall", "-static", "-o", str(fresh), str(_SOURCE)]
    result = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if result.returncode:
        raise LabError(f"{' '.join(command)} failed: {result.stderr.strip()}")
    fresh.rename(program)
    return program
