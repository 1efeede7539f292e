"""The command ``tracer``: global options and lazily imported sub-commands."""

from __future__ import annotations

import errno
import os
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from tracer_core import __version__
from tracer_core.cli import streams
from tracer_core.cli.completion.demand import VARIABLE, on_demand
from tracer_core.cli.prefixes import PrefixGroup

if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

    from click.shell_completion import CompletionItem

_COMMANDS = {
    "collect": ("tracer_core.cli.commands.collect", "collect", "Trace packets and print their events."),
    "convert": ("tracer_core.cli.commands.convert", "convert", "Write the events of a file in another format."),
    "doctor": ("tracer_core.cli.commands.doctor", "doctor", "Say what this machine can do, and what to fix."),
    "inspect": (
        "tracer_core.cli.commands.inspect",
        "inspect",
        "List the functions and tracepoints that can be probed.",
    ),
    "pcap": ("tracer_core.cli.commands.pcap", "pcap", "Write packets as pcapng, for Wireshark and tcpdump."),
    "profile": ("tracer_core.cli.commands.profile", "profile", "List, show and check profiles."),
    "print": ("tracer_core.cli.commands.print", "print_command", "Print the events of a file."),
    "plugins": ("tracer_core.cli.commands.plugins", "plugins", "List the installed collectors."),
    "sh-complete": (
        "tracer_core.cli.commands.sh_complete",
        "sh_complete",
        "Print the script for completion in a shell.",
    ),
    "python": ("tracer_core.cli.commands.python", "python", "Run a Python script on the events of a file."),
    "schema": ("tracer_core.cli.commands.schema", "schema", "Print the JSON schema of events."),
    "sort": ("tracer_core.cli.commands.sort", "sort", "Group events into the journeys of packets."),
    "stats": ("tracer_core.cli.commands.stats", "stats", "Say what an event file holds."),
}

_TOPICS = {
    "Tracing": ("collect", "inspect", "profile"),
    "Event files": ("print", "sort", "stats", "convert", "pcap", "python", "schema"),
    "This machine": ("doctor", "plugins", "sh-complete"),
}
"""Headings in ``--help``, with the commands that stand there."""

_UNWRITABLE = (errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF)
"""What writing to stdout fails with: its reader is gone, it is full, broken, closed."""


class _LazyGroup(PrefixGroup):
    """A group whose sub-commands are imported when they are run."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        from tracer_core.cli.context import naming  # noqa: PLC0415 - --version and --help do without

        module, attribute, _ = _COMMANDS[name]
        command: click.Command = getattr(import_module(module), attribute)
        return naming(command)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Commands, of which none is imported for that, and options."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only shells ask

        found = [(name, summary) for name, (_, _, summary) in sorted(_COMMANDS.items()) if name.startswith(incomplete)]
        commands = [CompletionItem(name, help=summary) for name, summary in found]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        known = {name for names in _TOPICS.values() for name in names}
        topics = {**_TOPICS, "Other commands": tuple(name for name in sorted(_COMMANDS) if name not in known)}
        width = max(map(len, _COMMANDS))
        for title, names in topics.items():
            if names:
                with formatter.section(title):
                    formatter.write_dl([(f"{name:<{width}}", _COMMANDS[name][2]) for name in names])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", message="tracer %(version)s")
@click.option(
    "--log-level",
    type=click.Choice(["error", "warn", "info", "debug", "trace"]),
    default="info",
    show_default=True,
    help="Least severe messages to show, on stderr.",
)
@click.option(
    "-p",
    "--profile",
    "profiles",
    multiple=True,
    metavar="NAME|FILE",
    shell_complete=on_demand("values", "profiles"),
    help="Take options from profiles: names or files, comma-separated. For collect and pcap.",
)
@click.option(
    "-P",
    "--extra-profiles-dir",
    "profile_folder",
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="Look for profiles in this folder first.",
)
@click.pass_context
def cli(ctx: click.Context, log_level: str, profiles: tuple[str, ...], profile_folder: str | None) -> None:
    """Trace packets through the Linux network stack."""
    from tracer_core.cli.messages import configure  # noqa: PLC0415 - --version and --help do without logging

    configure(log_level)
    if profiles or profile_folder:
        from pathlib import Path  # noqa: PLC0415 - ditto

        from tracer_core.cli.profiles.profiled import want  # noqa: PLC0415 - ditto

        want(ctx, profiles, Path(profile_folder) if profile_folder else None)


class _Stopped(BaseException):
    """A signal asked for an end before, or after, a run that would have ended in its own way."""


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _Stopped


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit. Expected trouble is one line on stderr and an exit code of its own."""
    streams.prepare()
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
    if VARIABLE in os.environ:
        from tracer_core.cli.completion.answer import answer  # noqa: PLC0415 - only shells ask

        return answer(cli)
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
    if isinstance(error, click.NoSuchOption):
        from tracer_core.cli.hints.misplaced import misplaced  # noqa: PLC0415 - only when something is wrong

        if where := misplaced(error):
            return where
    message = error.format_message().rstrip(".")
    if not isinstance(error, click.UsageError):
        return message
    command = error.ctx.command_path if error.ctx else "tracer"
    return f"{message} See: {command} --help" if message.endswith("?") else f"{message}; see: {command} --help"


def _complain(message: str, code: int) -> int:
    one_line = " ".join(line.strip() for line in message.splitlines() if line.strip())
    from tracer_core.cli.colour import RED, in_colour  # noqa: PLC0415 - only when something is wrong
    from tracer_core.display.printable import printable  # noqa: PLC0415 - ditto

    print(f"{in_colour('Error:', RED, sys.stderr)} {printable(one_line)}", file=sys.stderr)  # noqa: T201 - the one place that speaks for all errors
    return code
