"""Compile for a guest on this machine, whose processor nobody emulates: half a second instead of five to twelve.

The guest's ``$TRACER_COMPILER`` is a script in the folder that it shares with us. It leaves requests there; a thread
has each answered by the core's own ``compile_command``. Code is the same as if the guest had compiled it: what
depends on the kernel is in the text. ``tests/lab/test_compiler.py`` compares them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tracer_core.backend import compile_command

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "compiler"
"""Of requests, in the folder that guest and host share."""

_COMMAND = (sys.executable, "-m", compile_command.__name__)
_SCRIPT = Path(__file__).with_name("compile.sh")
_POLL = 0.02  # seconds between looks at the folder: what a guest writes there gives no notice to wait for


def can_compile() -> str:
    """Try whether this machine can compile at all: in a container it may lack the privileges.

    Returns:
        Why it cannot; empty if it can.
    """
    text = "int nothing(u64 *args) { return 0; }"
    result = _run(compile_command.request(text, ["nothing"]))
    if result.returncode == 0:
        return ""
    words = result.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    return words or f"the compiler ended with {result.returncode}"


@contextmanager
def serving(share: Path) -> Iterator[None]:
    """Compile for a guest until the block ends.

    Args:
        share: The folder that it shares with us.
    """
    folder = share / FOLDER
    folder.mkdir()
    ended = threading.Event()
    thread = threading.Thread(target=_serve, args=(folder, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def command(share: str) -> str:
    """What the variable is set to in the guest.

    Args:
        share: Where the guest has the shared folder.
    """
    return f"{_SCRIPT} {share}/{FOLDER}"


def _serve(folder: Path, ended: threading.Event) -> None:
    while not ended.wait(_POLL):
        for request in folder.glob("*.request"):  # empty: it says that the other file is whole
            request.unlink()
            result = _run(request.with_suffix(".asked").read_bytes())
            request.with_suffix(".out").write_bytes(result.stdout)
            request.with_suffix(".err").write_bytes(result.stderr)
            status = request.with_suffix(".new")
            status.write_text(str(result.returncode))
            status.rename(request.with_suffix(".status"))  # the script waits for this one


def _run(request: bytes) -> subprocess.CompletedProcess[bytes]:
    # none of the variables that BCC and clang listen to: guests have none either
    environment = {"PATH": os.environ.get("PATH", os.defpath)}
    return subprocess.run(_COMMAND, input=request, capture_output=True, check=False, env=environment)
