"""What a shell is answered, and what is said where no script can be written."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.testing.pytest_plugin import unavailable

if TYPE_CHECKING:
    from tracer_core.testing.command import Tracer

DISTRIBUTIONS = Path(__file__).resolve().parent / "fixtures/distributions"


def answer(tracer: Tracer, *words: str, **environment: str) -> list[list[str]]:
    """What zsh is answered; whatever it is, nothing else is said."""
    asked = {**os.environ, "_TRACER_COMPLETE": "zsh_complete", "COMP_WORDS": "\n".join(words), **environment}
    result = subprocess.run([tracer.path], check=False, capture_output=True, text=True, env=asked)
    assert result.stderr == ""
    return [line.split("\t") for line in result.stdout.splitlines() if line]


def test_collectors_that_are_broken_are_not_heard_of(tracer: Tracer) -> None:
    others = ("raising", "unimportable", "wrong", "good")
    path = os.pathsep.join(str(DISTRIBUTIONS / name) for name in others)
    offered = [value for _, value, _ in answer(tracer, "collect", "--", PYTHONPATH=path)]
    assert "--format" in offered
    assert "--skb-sections" in offered


@pytest.mark.parametrize(
    "words",
    [("",), ("collect", "-c", ","), ("-",), ("--log-level=",), ("print", "~nobody/"), ("é",)],
)
def test_whatever_was_typed_nothing_is_said_but_what_fits(tracer: Tracer, words: tuple[str, ...]) -> None:
    for _, value, _ in answer(tracer, *words):
        assert value.startswith(words[-1])


def test_no_shell_that_is_not_known_is_answered(tracer: Tracer) -> None:
    for wrong in ("", "elvish_complete", "bash", "bash_nonsense"):
        environment = {**os.environ, "_TRACER_COMPLETE": wrong}
        result = subprocess.run([tracer.path], check=False, capture_output=True, text=True, env=environment)
        assert (result.returncode, result.stdout, result.stderr) == (2, "", "")


def test_a_script_that_cannot_be_written_is_one_line(tracer: Tracer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = tracer.run("sh-complete", "--shell", "zsh", "--register", str(tmp_path / "file/script"))
    assert result.returncode == 2
    assert (
        result.stderr == f"Error: cannot write {tmp_path}/file/script: Not a directory; name another file or folder\n"
    )


def test_the_real_tracefs_is_read(tracer: Tracer, root: None) -> None:
    mount = ["unshare", "-m", "sh", "-c", 'mount -t tracefs tracefs /sys/kernel/tracing && exec "$@"', "sh"]
    asked = {**os.environ, "_TRACER_COMPLETE": "zsh_complete", "COMP_WORDS": "collect\n-p\ntp:skb:kfree"}
    result = subprocess.run([*mount, tracer.path], check=False, capture_output=True, text=True, env=asked)
    if "mount:" in result.stderr:
        unavailable("tracefs", f"cannot mount tracefs: {result.stderr.strip()}")
    assert "plain\ttp:skb:kfree_skb\t" in result.stdout.splitlines()
