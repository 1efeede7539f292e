"""The command itself: sub-commands, prefixes, and errors of the command line on one line."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import click
import pytest

from tracer_core import __version__
from tracer_core.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Result


def test_the_version_is_that_of_the_package(run: Callable[..., Result]) -> None:
    result = run("--version")
    assert (result.code, result.out, result.err) == (0, f"tracer {__version__}\n", "")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_lists_the_commands(run: Callable[..., Result], flag: str) -> None:
    result = run(flag)
    assert result.code == 0
    assert all(name in result.out for name in ("collect", "doctor", "plugins"))


def test_every_command_has_a_heading(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Other commands" not in run("--help").out
    monkeypatch.setitem(main._COMMANDS, "plot", ("nowhere", "plot", "Not imported."))
    assert "Other commands:\n  plot         Not imported.\n" in run("--help").out


def test_no_command_is_answered_with_help_and_the_exit_code_of_misuse(run: Callable[..., Result]) -> None:
    result = run()
    assert result.code == 2
    assert "Usage: tracer" in result.err


@pytest.mark.parametrize("prefix", ["pl", "plug", "plugins"])
def test_a_prefix_is_enough_to_name_a_command(run: Callable[..., Result], prefix: str) -> None:
    result = run(prefix, "--help")
    assert result.code == 0
    assert "List the installed collectors" in result.out


@pytest.mark.parametrize(
    ("shortened", "usage"),
    [(["pl"], "tracer plugins"), (["prof", "l"], "tracer profile list"), (["profile", "sh"], "tracer profile show")],
)
def test_a_shortened_command_is_named_in_full(run: Callable[..., Result], shortened: list[str], usage: str) -> None:
    assert run(*shortened, "--help").out.startswith(f"Usage: {usage} ")
    assert run(*shortened, "--nosuch").error == f"No such option '--nosuch'; see: {usage} --help"


def test_a_prefix_of_two_commands_names_both(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(main._COMMANDS, "plot", ("nowhere", "plot", "Not imported."))
    result = run("pl")
    assert (result.code, result.error) == (2, "'pl' is ambiguous: plot, plugins; see: tracer --help")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["nosuch"], "No such command 'nosuch'; see: tracer --help"),
        (["--nosuch"], "No such option '--nosuch'; see: tracer --help"),
        (["plugins", "--nosuch"], "No such option '--nosuch'; see: tracer plugins --help"),
        (["profile", "lst"], "No such command 'lst'. Did you mean 'list'? See: tracer profile --help"),
        (["profile", "help"], "No such command 'help'; use: tracer profile --help"),
        (["plugins", "extra"], "Got unexpected extra argument (extra); see: tracer plugins --help"),
        (["--log-level"], "Option '--log-level' requires an argument; see: tracer --help"),
        (["collect", "-c"], "Option '-c' requires an argument; see: tracer collect --help"),
        (["collect", "--cmd"], "Option '--cmd' requires an argument; see: tracer collect --help"),
        (["profile", "show", "--kernel"], "Option '--kernel' requires an argument; see: tracer profile show --help"),
        (
            ["print", "--log-level=debug"],
            "--log-level goes before the command: tracer --log-level [error|warn|info|debug|trace] print",
        ),
        (["stats", "--profile", "x"], "--profile goes before the command: tracer --profile NAME|FILE stats"),
        (["profile", "list", "-P", "x"], "-P goes before the command: tracer -P DIR profile list"),
        (["print", "-V"], "-V goes before the command: tracer -V print"),
        (["python", "x", "-V"], "-V goes before the command: tracer -V python"),
    ],
)
def test_a_bad_command_line_is_one_line_that_says_where_help_is(
    run: Callable[..., Result], arguments: list[str], error: str
) -> None:
    result = run(*arguments)
    # releases of click differ in full stops and quotes
    assert (result.code, result.error.replace('"', "'")) == (2, error)
    assert result.out == ""


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["pritn"], "No such command 'pritn'. Did you mean 'print'? See: tracer --help"),
        (["colect"], "No such command 'colect'. Did you mean 'collect' or 'convert'? See: tracer --help"),
        (["help"], "No such command 'help'; use: tracer --help"),
        (["help", "collect"], "No such command 'help'; use: tracer collect --help"),
        (["version"], "No such command 'version'; use: tracer --version"),
        (["man"], "No such command 'man'; use: man tracer"),
        (["--", "-x"], "No such option '-x'; see: tracer --help"),
    ],
)
def test_a_command_that_there_is_not_is_answered_with_what_was_meant(
    run: Callable[..., Result], arguments: list[str], error: str
) -> None:
    result = run(*arguments)
    assert (result.code, result.error.replace('"', "'")) == (2, error)


def test_a_message_of_several_lines_becomes_one(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise click.ClickException("first\n\n  second\n")

    monkeypatch.setattr(main.cli, "main", fail)
    assert run().error == "first second"


def test_an_interruption_is_one_line(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise click.Abort

    monkeypatch.setattr(main.cli, "main", interrupt)
    result = run()
    assert (result.code, result.error) == (1, "interrupted")


def test_an_unexpected_error_of_the_system_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "some file")

    monkeypatch.setattr(main.cli, "main", fail)
    with pytest.raises(OSError, match="some file"):
        main.run([])


TOO_LONG = "x" * 300


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("print", TOO_LONG), f"cannot read {TOO_LONG}: File name too long; name an event file"),
        (("stats", f"{TOO_LONG}.."), f"cannot read {TOO_LONG}: File name too long; name an event file"),
        (("-p", TOO_LONG, "collect"), f"Profile with name {TOO_LONG} not found"),
        (("sh-complete", "--shell", "bash", "--register", TOO_LONG), f"cannot write {TOO_LONG}: File name too long"),
    ],
)
def test_a_path_that_cannot_be_looked_at_is_an_error_in_one_line(
    run: Callable[..., Result], arguments: tuple[str, ...], error: str
) -> None:
    result = run(*arguments)
    assert (result.code, result.error[: len(error)]) == (2, error)
