"""Commands that read files, as people use them: at a terminal, with ^C, and with what takes only the beginning."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import signal
import subprocess
import termios
from typing import TYPE_CHECKING, Any

import pytest
from tests.event_json import EVENT, STARTUP, write_lines

from tracer_core.cli.main import run
from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tracer_core.testing.command import Tracer

ENVIRONMENT = {"PAGER", "NOPAGER", "LESS", "TERM", "NO_COLOR"}
MANY = 60_000  # events: more than a few batches, and more than pipes hold


@pytest.fixture
def few(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "few.json", [EVENT] * 3)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("many") / "many.json"
    event = {"common": EVENT["common"], "kernel": EVENT["kernel"]}
    path.write_text(json.dumps(STARTUP) + "\n" + (json.dumps(event) + "\n") * MANY)
    return path


class Terminal:
    """A terminal of our own: what is written to it can be read."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        attributes = termios.tcgetattr(self.slave)
        attributes[1] &= ~termios.OPOST  # line ends as they are written
        termios.tcsetattr(self.slave, termios.TCSANOW, attributes)

    def read(self) -> str:
        """All that was written, once all who write are gone."""
        os.close(self.slave)
        self.slave = -1
        found = b""
        with contextlib.suppress(OSError):  # so ends a terminal that nobody has open
            while data := os.read(self.master, 65536):
                found += data
        return found.decode()

    def close(self) -> None:
        for fd in (self.master, self.slave):
            if fd >= 0:
                os.close(fd)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


def at_terminal(tracer: Tracer, terminal: Terminal, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run a command whose stdout is a terminal.

    Returns:
        Exit code, what the terminal shows, and stderr. There are no colours, unless the environment says TERM.
    """
    env = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    process = subprocess.Popen(
        [str(tracer.path), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=terminal.slave,
        stderr=subprocess.PIPE,
        env={**env, **environment},
    )
    shown = terminal.read()
    _, err = process.communicate(timeout=patience(30))
    return process.returncode, shown, err.decode()


@pytest.mark.parametrize("command", ["print", "stats"])
def test_at_a_terminal_text_goes_through_the_pager(tracer: Tracer, terminal: Terminal, few: Path, command: str) -> None:
    plain = tracer.run(command, str(few)).stdout
    pager = "sh -c 'echo paged with $LESS; cat'"
    assert at_terminal(tracer, terminal, command, str(few), PAGER=pager) == (0, "paged with FRX\n" + plain, "")


def test_the_users_own_wishes_for_less_are_left_alone(tracer: Tracer, terminal: Terminal, few: Path) -> None:
    pager = "sh -c 'echo paged with $LESS'"
    _, shown, _ = at_terminal(tracer, terminal, "print", str(few), PAGER=pager, LESS="-S")
    assert shown == "paged with -S\n"


@pytest.mark.parametrize(
    "environment",
    [{"PAGER": "echo paged", "NOPAGER": "1"}, {"PAGER": "/nowhere/pager"}, {"PATH": "/nowhere"}],
    ids=["not wanted", "not there", "no less"],
)
def test_without_a_pager_text_goes_to_the_terminal(
    tracer: Tracer, terminal: Terminal, few: Path, environment: dict[str, str]
) -> None:
    plain = tracer.run("print", str(few)).stdout
    assert at_terminal(tracer, terminal, "print", str(few), **environment) == (0, plain, "")


def test_a_pager_that_is_no_command_line_is_an_error(tracer: Tracer, terminal: Terminal, few: Path) -> None:
    error = "Error: PAGER is 'less \"': no closing quotation; correct it, or set NOPAGER=1\n"
    assert at_terminal(tracer, terminal, "print", str(few), PAGER='less "') == (2, "", error)


def test_at_a_terminal_text_is_coloured_and_the_same_without(
    tracer: Tracer, terminal: Terminal, few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    plain = tracer.run("print", str(few)).stdout
    assert "\x1b" not in plain
    code, shown, err = at_terminal(tracer, terminal, "print", str(few), NOPAGER="1", TERM="xterm")
    assert (code, err) == (0, "")
    assert shown.count("\x1b[1mip_rcv\x1b[0m") == 3
    assert re.sub(r"\x1b\[[0-9]+m", "", shown) == plain
    assert tracer.run("print", "--color", "always", str(few)).stdout == shown


@pytest.mark.parametrize(
    ("options", "environment"),
    [([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"}), (["--color", "never"], {})],
    ids=["NO_COLOR", "dumb", "never"],
)
def test_colours_can_be_done_without(
    tracer: Tracer, terminal: Terminal, few: Path, options: list[str], environment: dict[str, str]
) -> None:
    plain = tracer.run("print", str(few)).stdout
    environment = {"NOPAGER": "1", "TERM": "xterm", **environment}
    assert at_terminal(tracer, terminal, "print", *options, str(few), **environment) == (0, plain, "")


@pytest.mark.parametrize("wishes", [{}, {"LESS": "-S"}], ids=["ours", "the user's"])
def test_colours_go_through_less_if_it_shows_them(
    tracer: Tracer, terminal: Terminal, few: Path, wishes: dict[str, str]
) -> None:
    less = few.with_name("less")
    less.write_text("#!/bin/sh\nexec cat\n")
    less.chmod(0o755)
    code, shown, _ = at_terminal(tracer, terminal, "print", str(few), PAGER=str(less), TERM="xterm", **wishes)
    assert code == 0
    assert ("\x1b[" in shown) is (not wishes)


def test_anywhere_else_there_is_no_pager(tracer: Tracer, few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", "echo paged")
    assert "paged" not in tracer.run("print", str(few)).stdout


def test_a_pager_that_was_left_early_ends_all(tracer: Tracer, terminal: Terminal, many: Path) -> None:
    code, shown, err = at_terminal(tracer, terminal, "print", str(many), "--format", "single-line", PAGER="head -n 2")
    assert (code, err) == (0, "")
    assert shown.count("\n") == 2


def test_what_comes_before_a_damage_is_in_the_pager(tracer: Tracer, terminal: Terminal, few: Path) -> None:
    with few.open("a") as file:
        file.write("{broken\n")
    plain = tracer.run("print", str(few)).stdout
    code, shown, err = at_terminal(tracer, terminal, "print", str(few), PAGER="cat")
    assert (code, shown) == (1, plain)
    assert shown.count("ip_rcv") == 3
    assert err.startswith(f"Error: {few}, line 5: ")


def test_a_bar_shows_how_far_it_is_at_a_terminal_only(
    terminal: Terminal, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracer_core.cli.options.input._PATIENCE", 0.0)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as err:
        assert run(["stats", str(many)]) == 0
    assert err.getvalue() == ""
    with (
        contextlib.redirect_stdout(io.StringIO()) as out,
        os.fdopen(os.dup(terminal.slave), "w") as shown,
        contextlib.redirect_stderr(shown),
    ):
        assert run(["stats", str(many)]) == 0
    bar = terminal.read()
    assert "[#" in bar
    assert "100%" in bar
    assert f"Number of events: {MANY}\n" in out.getvalue()
    assert "#" not in out.getvalue()


def test_a_file_that_is_soon_read_needs_no_bar(terminal: Terminal, few: Path) -> None:
    with (
        contextlib.redirect_stdout(io.StringIO()),
        os.fdopen(os.dup(terminal.slave), "w") as shown,
        contextlib.redirect_stderr(shown),
    ):
        assert run(["stats", str(few)]) == 0
    assert terminal.read() == ""


def reading(tracer: Tracer, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(tracer.path), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_printing_ends_in_order_when_it_is_interrupted(
    tracer: Tracer, many: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, unbuffered: str
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    process = reading(tracer, "print", str(many), "--format", "single-line")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.readline()  # an event: it is on its way
    process.send_signal(number)
    lines = process.stdout.read().splitlines()
    err = process.stderr.read()
    assert (process.wait(patience(30)), err) == (0, "Received signal, terminating...\n")
    process.stdout.close()
    process.stderr.close()
    assert 0 < len(lines) < MANY
    assert set(lines) == {"2048 (1) [ping] 10/11 [k] ip_rcv"}  # whole lines


def test_a_conversion_that_is_interrupted_is_whole_and_says_that_it_is_not_all(
    tracer: Tracer, many: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / "out.json"
    os.mkfifo(pipe)
    process = reading(tracer, "convert", str(many), str(pipe))
    with pipe.open() as file:
        file.readline()
        file.readline()  # an event: it is on its way
        process.send_signal(signal.SIGINT)
        lines = [json.loads(line) for line in file]
    _, err = process.communicate(timeout=patience(30))
    assert process.returncode == 0
    assert err.splitlines() == ["Received signal, terminating...", f"{len(lines)} event(s) written to {pipe}"]
    assert 0 < len(lines) < MANY
    end: Any = lines[-1]["tracer"]["end"]
    assert end == {"stopped": "writing it was interrupted"}


@pytest.mark.parametrize("command", ["print", "stats"])
def test_a_reader_that_goes_away_is_no_trouble(tracer: Tracer, many: Path, command: str) -> None:
    process = reading(tracer, command, str(many))
    assert process.stdout is not None
    if command == "print":
        process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(patience(30)) == 0


@pytest.mark.parametrize("command", ["print", "stats", "schema"])
def test_a_full_disk_behind_stdout_is_an_error(tracer: Tracer, few: Path, command: str) -> None:
    arguments = [str(few)] if command != "schema" else []
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        result = subprocess.run(
            [str(tracer.path), command, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert result.returncode == 1
    assert result.stderr.startswith("Error: cannot write to stdout: No space left on device")
    assert result.stderr.count("\n") == 1
