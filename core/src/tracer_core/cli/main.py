"""The command ``tracer``: global options and lazily imported sub-commands."""

from __future__ import annotations

import errno
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from tracer_core import __version__

if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

_COMMANDS = {
    "collect": ("tracer_core.cli.collect", "collect", "Trace packets and print their events."),
    "convert": ("tracer_core.cli.convert", "convert", "Write the events of a file in another format."),
    "doctor": ("tracer_core.cli.doctor", "doctor", "Say what this machine can do, and what to fix."),
    "print": ("tracer_core.cli.print", "print_command", "Print the events of a file."),
    "plugins": ("tracer_core.cli.plugins", "plugins", "List the installed collectors."),
    "python": ("tracer_core.cli.python", "python", "Run a Python script on the events of a file."),
    "schema": ("tracer_core.cli.schema", "schema", "Print the JSON schema of events."),
    "sort": ("tracer_core.cli.sort", "sort", "Put events together to the journeys of packets."),
    "stats": ("tracer_core.cli.stats", "stats", "Say what a file holds."),
}

_UNWRITABLE = (errno.EPIPE, errno.ENOSPC, errno.EIO)  # what writing to stdout fails with: closed, full, broken


class _LazyGroup(click.Group):
    """A group whose sub-commands are imported when they are run; any unambiguous prefix names one."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        matches = [name] if name in _COMMANDS else [known for known in sorted(_COMMANDS) if known.startswith(name)]
        if len(matches) > 1:
            ctx.fail(f"{name!r} is ambiguous: {', '.join(matches)}")
        if not matches:
            return None
        module, attribute, _ = _COMMANDS[matches[0]]
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, _, summary) in sorted(_COMMANDS.items())])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", message="tracer %(version)s")
@click.option(
    "--log-level",
    type=click.Choice(["error", "warn", "info", "debug"]),
    default="info",
    show_default=True,
    help="Least important messages to show, on stderr.",
)
def cli(log_level: str) -> None:
    """Trace packets through the Linux network stack."""
    from tracer_core.cli.messages import configure  # noqa: PLC0415 - --version and --help do without logging

    configure(log_level)


class _Stopped(BaseException):
    """A signal asked for an end before, or after, a run that would have ended in its own way."""


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _Stopped


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit. Expected trouble is one line on stderr and an exit code of its own."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # which nohup has set
                signal.signal(number, _stop)
        code = run(arguments)
    except _Stopped:
        code = _complain("interrupted", 1)
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code, one of :class:`~tracer_core.errors.ExitCode`.
    """
    try:
        result: Any = cli.main(arguments, prog_name="tracer", standalone_mode=False)
    except click.exceptions.Exit as request:
        return request.exit_code
    except click.exceptions.NoArgsIsHelpError as request:
        request.show()
        return request.exit_code
    except click.Abort:
        return _complain("interrupted", 1)
    except Exception as error:
        expected = _expected(error)
        if expected is None:
            raise
        return _complain(*expected)
    return result if isinstance(result, int) else 0


def _expected(error: Exception) -> tuple[str, int] | None:
    """Message and exit code of an error that is no bug of ours."""
    from tracer_core.errors import TracerError  # noqa: PLC0415 - only when something is wrong

    if isinstance(error, TracerError):
        return str(error), error.exit_code
    if isinstance(error, click.ClickException):
        return _with_hint(error), error.exit_code
    if isinstance(error, OSError) and error.errno in _UNWRITABLE and error.filename is None:
        from tracer_core.cli.stdout import unwritable  # noqa: PLC0415 - ditto

        return _expected(unwritable(error))
    return None


def _with_hint(error: click.ClickException) -> str:
    message = error.format_message().rstrip(".")
    if not isinstance(error, click.UsageError):
        return message
    command = error.ctx.command_path if error.ctx else "tracer"
    return f"{message}; see: {command} --help"


def _complain(message: str, code: int) -> int:
    one_line = " ".join(line.strip() for line in message.splitlines() if line.strip())
    print(f"Error: {one_line}", file=sys.stderr)  # noqa: T201 - the one place that speaks for all errors
    return code
