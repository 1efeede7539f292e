"""Programs with static user space probes (USDT), compiled for a test, that fire them when they are told to."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.testing.command import end_with_parent
from tracer_core.testing.namespace import checked
from tracer_core.testing.patience import patience
from tracer_core.testing.topology.site import MissingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COMPILES_WITHIN = 60.0  # seconds
_WHAT = "usdt"


@dataclass(frozen=True)
class ProbeProgram:
    """A program that runs: it fires probes for each line that it reads, and then answers with a line.

    Attributes:
        path: Its executable.
        process: It.
    """

    path: Path
    process: subprocess.Popen[str]

    def fire(self, line: str) -> str:
        """Send a line, and wait for the answer.

        Raises:
            EOFError: it ended instead.
        """
        if self.process.stdin is None or self.process.stdout is None:
            raise EOFError(f"{self.path.name} has no pipes")
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        answer: str = self.process.stdout.readline()
        if not answer:
            raise EOFError(f"{self.path.name} ended with {self.process.wait()}")
        return answer.rstrip("\n")


def compile_program(source: Path, folder: Path) -> Path:
    """Compile a C program that includes ``sys/sdt.h``.

    Args:
        source: Its text.
        folder: Where to put it.

    Returns:
        The executable.

    Raises:
        MissingError: there is no compiler, or not that header.
        subprocess.CalledProcessError: the compiler refused; a note says why.
    """
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise MissingError(_WHAT, "needs gcc")
    program = folder / source.stem
    command = [compiler, "-O2", "-Wall", "-o", str(program), str(source)]
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=patience(_COMPILES_WITHIN))
    if "sys/sdt.h: No such file" in result.stderr:
        raise MissingError(_WHAT, "needs sys/sdt.h of systemtap-sdt-dev")
    checked(result)
    return program


@contextmanager
def running(program: Path) -> Iterator[ProbeProgram]:
    """Run it in the block."""
    process = subprocess.Popen(
        [str(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, no lock
    )
    with process:
        try:
            yield ProbeProgram(program, process)
        finally:
            process.kill()
