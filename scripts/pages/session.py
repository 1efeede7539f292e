"""Runs the commands of a page as its reader would: one after the other, in one shell.

The shell has an empty folder, a home, a network namespace and names of ``ip netns`` of its own, so that whatever a page
makes is gone with it. Needs root.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from scripts.pages.likeness import alike, of_machine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scripts.pages.blocks import Block

_SHELLS = ("console", "sh", "")
_PROMPT = "$ "
_END = "@@@ end"
_MARK = "@@@ page"
_PRELUDE = f"""
mark() {{ echo "{_MARK} $*"; echo "{_MARK} $*" >&2; }}
sudo() {{ "$@"; }}  # it is root
trap 'broken=$?' ERR  # a command of a block that goes on
mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns
ip link set lo up
"""
_DRAINED_WITHIN = 10.0  # seconds
_BIN = str(Path(sys.executable).parent)
_SHOWN_BIN = "/opt/tracer/bin"


class PageError(Exception):
    """A page that cannot be run as it is."""


@dataclass(slots=True)
class Command:
    """A command of a page.

    Attributes:
        text: As typed.
        language: Of its block.
        first: Line of the page after it, where its output begins.
        shown: Output on the page; nothing where the page shows commands only.
        printed: What it printed, line by line, in the order in which it came: the stream and the line.
        status: It ended with; of several commands, the last that failed, if any did.
    """

    text: str
    language: str
    first: int
    shown: list[str] | None
    printed: list[tuple[str, str]] = field(default_factory=list)
    status: int | None = None

    def stream(self, name: str) -> list[str]:
        """What it printed on one stream."""
        return [line for stream, line in self.printed if stream == name]

    @property
    def is_as_shown(self) -> bool:
        """It printed what the page shows, if that shows anything."""
        return self.shown is None or alike(self.shown, self.stream("out"), self.stream("err"))


def commands(block: Block) -> list[Command]:
    """What a block has its readers do.

    Raises:
        PageError: its language is none that we run, or its output stands before its first command.
    """
    if block.fate is not None and block.fate.file:
        return [Command(f"cat >{block.fate.file} <<'{_END}'\n{block.text}{_END}", block.language, block.line, None)]
    if block.language == "python":
        code = shlex.join([sys.executable, "-W", "error", "-c", "\n".join(block.lines)])
        return [Command(code, "python", block.line, None)]
    if block.language not in _SHELLS:
        raise PageError(f"line {block.line}: {block.language} cannot be run")
    if block.language == "console":
        return _of_console(block)
    return [Command("\n".join(block.lines), block.language, block.line, None)]


def _of_console(block: Block) -> list[Command]:
    found: list[Command] = []
    continued = False
    for number, line in enumerate(block.lines, block.line):
        if continued:
            found[-1].text += f"\n{line}"
            found[-1].first = number + 1
        elif line.startswith(_PROMPT):
            found.append(Command(line.removeprefix(_PROMPT), "console", number + 1, []))
        elif found and found[-1].shown is not None:
            found[-1].shown.append(line)
        else:
            raise PageError(f"line {number + 1}: output without a command")
        continued = found[-1].text.endswith("\\") and not found[-1].shown
    return found


def run(every: Sequence[Command], folder: Path, timeout: float, variables: Mapping[str, str] | None = None) -> str:
    """Run commands, and note what each printed and ended with.

    Args:
        every: They.
        folder: Where they are run, in ``page``, which is made; their home is beside it.
        timeout: Seconds that all of them may take.
        variables: Of their environment, beside those of ours.

    Returns:
        What was printed before the first; empty if all is well.
    """
    here, home = folder / "page", folder / "home"
    for made in (here, home):
        made.mkdir(exist_ok=True)
    script = [_PRELUDE]
    for number, command in enumerate(every):
        status = "$((last ? last : broken))"
        script += [f"mark {number}", "broken=0", command.text, "last=$?", f"mark {number} {status}"]
    argv = ["unshare", "--net", "--mount", "bash", "-c", "\n".join(script)]
    environment = {
        **os.environ,
        "HOME": str(home),
        "PATH": f"{_BIN}:{os.environ['PATH']}",
        "NOPAGER": "1",
        "NO_COLOR": "1",
        "LC_ALL": "C.UTF-8",
        **(variables or {}),
    }
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=here,
        env=environment,
        text=True,
        start_new_session=True,
    )
    before: list[str] = []
    readers = [
        threading.Thread(target=_read, args=(stream, name, every, before), daemon=True)
        for stream, name in ((process.stdout, "out"), (process.stderr, "err"))
    ]
    for reader in readers:
        reader.start()
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        before.append(f"it did not end within {timeout:.0f} s")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for reader in readers:
            reader.join(_DRAINED_WITHIN)  # what a page has left running may hold the pipe open
    return "\n".join(before)


def _read(source: IO[str], name: str, every: Sequence[Command], before: list[str]) -> None:
    current: Command | None = None
    with source:
        for line in source:
            text = line.rstrip("\n")
            if text.startswith(_MARK):
                number, *status = map(int, text.removeprefix(_MARK).split())
                current = None if status else every[number]
                if status:
                    every[number].status = status[0]
            elif current is None:
                before.append(text)
            else:
                current.printed.append((name, disguised(text)))


def disguised(text: str) -> str:
    """Without what names this machine: where the command is, and what the kernel is called."""
    release = os.uname().release
    return text.replace(_BIN, _SHOWN_BIN).replace(release, ".".join(release.split(".")[:2]) + ".0")


def updated(page: str, every: Sequence[Command], blocks_of: Sequence[Block]) -> str:
    """The page with what commands printed in place of what it shows, where that is not alike."""
    lines = page.splitlines()
    for command in sorted(every, key=lambda command: -command.first):
        if command.is_as_shown:
            continue
        block = next(b for b in blocks_of if b.line <= command.first <= b.line + len(b.lines))
        printed = [(block.indent + line).rstrip() for _, line in command.printed if not of_machine(line)]
        if command.first + len(command.shown or []) == block.line + len(block.lines):
            while printed and not printed[-1]:
                printed.pop()
        lines[command.first : command.first + len(command.shown or [])] = printed
    return "\n".join(lines) + "\n"
