"""Shells at a terminal of their own, to type into."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

TAB, ALL = "\t", "\x1b*"
"""Keys: complete; insert all that is possible, in bash."""

_SHOW, _CLEAR = "\x07", "\x15"  # ^G, ^U
_ANSWER = re.compile("\x01([^\x02]*)\x02")
_WITHIN = 20.0  # seconds, times the patience
_COMMANDS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}
# what is printed is made at run time, so that the echo of the command is no answer
_PREPARE = {
    "bash": r"""
PS1=
bind 'set bell-style none'
bind 'set enable-bracketed-paste off'
bind 'set completion-query-items 0'
bind -x '"\C-g": printf "\001%s\002" "$READLINE_LINE"'
{completing}
printf '\001%s\002' ready
""",
    "zsh": r"""
PS1=
unset zle_bracketed_paste
unsetopt beep prompt_sp prompt_cr
autoload -U compinit
compinit -D -u
show() { print -n "\001"; print -rn -- "$BUFFER"; print -n "\002" }
zle -N show
bindkey -e
bindkey '^G' show
bindkey '^U' kill-whole-line
{completing}
printf '\001%s\002' ready
""",
}


class Shell:
    """A shell that completes command lines of tracer.

    Args:
        name: ``bash`` or ``zsh``.
        folder: Where it is, and its home.
        path: Where it finds programs.
        completing: The line that makes it complete.
    """

    def __init__(self, name: str, folder: Path, path: str, completing: str) -> None:
        ours, theirs = pty.openpty()
        environment = {"PATH": path, "HOME": str(folder), "TERM": "dumb", "LANG": "C.UTF-8", "COLUMNS": "200"}
        self._process = subprocess.Popen(
            _COMMANDS[name],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)
        self._terminal = ours
        self.shown = ""
        """All that it has shown since the last line was typed."""
        self._send(_PREPARE[name].replace("{completing}", completing))
        self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._terminal)

    def line(self, typed: str) -> str:
        """What the line is after these keys."""
        self.shown = ""
        self._send(_CLEAR + typed + _SHOW)
        return self._answer()

    def _send(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def _answer(self) -> str:
        deadline = time.monotonic() + patience(_WITHIN)
        while (answer := _ANSWER.search(self.shown)) is None:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._terminal], [], [], left)[0]:
                raise AssertionError(f"no answer; it has shown {self.shown!r}")
            self.shown += os.read(self._terminal, 4096).decode(errors="replace")
        return answer[1]
