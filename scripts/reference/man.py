"""The manual page, in the language of man(7): commands and options as click knows them."""

from __future__ import annotations

import re
import textwrap
from inspect import cleandoc
from itertools import groupby
from typing import TYPE_CHECKING

import click
from scripts.reference.pages import REFERENCE

from tracer_core import __version__
from tracer_core.cli.main import cli

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DATE = "2026-11-27"
"""Of the version: it changes with that."""

_TITLE = f'.TH TRACER 1 {_DATE} "tracer {__version__}" "User Commands"'
_WIDTH = 72  # of lines of the source, before some characters become longer
# of "…": devices for ASCII drop it
_ESCAPES = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", "…": "..."}
_ALSO = (("tshark", 1), ("wireshark", 1), ("pcap-filter", 7), ("nft", 8), ("tcpdump", 8))


def page(_: str) -> str:
    """The whole page, whatever it was before."""
    root = cli.make_context("tracer", [], resilient_parsing=True)
    sections = {
        "NAME": [text(f"tracer - {_sentence(cli.help)}")],
        "SYNOPSIS": ["\\fBtracer\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]"],
        "DESCRIPTION": list(_description()),
        "OPTIONS": list(_options(root, cli.get_params(root))),
        "COMMANDS": list(_commands(root, cli)),
        "EXIT STATUS": list(_rows("exit-codes.md", 0, 2)),
        "ENVIRONMENT": list(_rows("environment.md", 0, 2, "read by `tracer", "read by `--help`")),
        "SEE ALSO": [", ".join(f"\\fB{text(name)}\\fR({section})" for name, section in _ALSO)],
    }
    lines = [_TITLE]
    for title, body in sections.items():
        lines += [f'.SH "{title}"', *body]
    return "\n".join(lines) + "\n"


def text(words: str) -> str:
    """Words as text: no requests, and with hyphens that can be copied."""
    return "\n".join(map(_escaped, textwrap.wrap(words, _WIDTH, break_on_hyphens=False, break_long_words=False)))


def _escaped(line: str) -> str:
    found = "".join(_ESCAPES.get(c, c if c.isascii() else f"\\[u{ord(c):04X}]") for c in line)
    return f"\\&{found}" if found.startswith(".") else found


def _description() -> Iterator[str]:
    yield text(cli.help or "")
    yield ".PP"
    yield text(
        "Commands can be shortened as long as they stay unambiguous; options cannot. Of collectors, the options of "
        "those from here are below; tracer collect --help has the options of all that are installed."
    )


def _commands(parent: click.Context, group: click.Group) -> Iterator[str]:
    """Those of a group, each with those below it."""
    for name in group.list_commands(parent):
        if command := group.get_command(parent, name):
            ctx = command.make_context(name, [], parent=parent, resilient_parsing=True)
            yield from _command(ctx, command)
            if isinstance(command, click.Group):
                yield from _commands(ctx, command)


def _command(ctx: click.Context, command: click.Command) -> Iterator[str]:
    usage = " ".join(text(piece) for piece in command.collect_usage_pieces(ctx))
    yield f'.SS "{text(ctx.command_path)}"'
    yield f"\\fB{text(ctx.command_path)}\\fR {usage}"
    for paragraph in cleandoc(command.help or "").split("\n\n"):
        yield ".PP"
        yield text(paragraph)
    options = [param for param in command.get_params(ctx) if isinstance(param, click.Option)]
    for owner, params in groupby(options, _owner):
        if owner:
            yield ".PP"
            yield text(f"Of collector {owner}:")
        yield from _options(ctx, params)


def _owner(option: click.Option) -> str:
    """The collector that an option is of."""
    owner, found, _ = (option.name or "").partition("__")
    return owner if found else ""


def _options(ctx: click.Context, params: Iterable[click.Parameter]) -> Iterator[str]:
    for param in params:
        record = param.get_help_record(ctx)
        if record is None or not isinstance(param, click.Option):
            continue
        names = ", ".join(f"\\fB{text(name)}\\fR" for name in (*param.opts, *param.secondary_opts))
        value = "" if param.is_flag or param.count else f" \\fI{text(param.make_metavar(ctx))}\\fR"
        yield f".TP\n{names}{value}\n{text(record[1])}"


def _rows(name: str, term: int, meaning: int, *whose: str) -> Iterator[str]:
    """Rows of a table of a page; those of some, if the second column says whose they are."""
    rows = re.findall(r"^\| (.*) \|$", (REFERENCE / name).read_text(), re.MULTILINE)[2:]  # after the head
    for cells in (row.split(" | ") for row in rows):
        if not whose or cells[1].startswith(whose):
            yield f".TP\n\\fB{text(_plain(cells[term]))}\\fR\n{text(_plain(cells[meaning]))}"


def _plain(markdown: str) -> str:
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", markdown).replace("`", "")


def _sentence(words: str | None) -> str:
    return (words or "").rstrip(".")
