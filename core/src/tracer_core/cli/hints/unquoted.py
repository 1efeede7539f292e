"""Words that a shell took from the value of an option, and several values behind one: how they are to be given."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from itertools import takewhile
from typing import TYPE_CHECKING

import click

from tracer_core.errors import PluginError, UsageError
from tracer_core.plugins.declaration import shown
from tracer_core.plugins.validate import is_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_COMMAND = "command"
_PERHAPS = "if it is of the command, quote that"
_FILTERS = ("filters", "metadata")
_LIST = "LIST"  # how values with commas are called in help


@contextmanager
def hinting_at_quotes(ctx: click.Context, args: Sequence[str]) -> Iterator[None]:
    """Have the error for a command line tell of an option whose value has lost words, or has others behind it.

    Args:
        ctx: Of a command that has no arguments but options.
        args: What the user gave it.
    """
    given = tuple(args)  # which parsing takes away
    try:
        yield
    except PluginError as error:
        if hint := _hint(ctx, given, error):
            raise PluginError(error.message, hint=hint) from error
        raise
    except click.UsageError as error:
        if hint := _hint(ctx, given, error):
            raise UsageError(error.format_message().rstrip("."), hint=hint) from error
        raise


def _hint(ctx: click.Context, args: tuple[str, ...], error: PluginError | click.UsageError) -> str:
    for option, value, behind in _given(ctx.command, args):
        if option.name == _COMMAND and (found := _of_command(ctx.command, option.opts[-1], (value, *behind), error)):
            return found
        words = tuple(takewhile(lambda word: not word.startswith("-"), behind))
        if words and _is_of_words(error) and (found := _how(option, (value, *words))):
            return found
    return ""


def _given(command: click.Command, args: tuple[str, ...]) -> Iterator[tuple[click.Option, str, tuple[str, ...]]]:
    """Options whose value is a single word, with it and with what stands behind it, up to what is surely an option."""
    options = {flag: param for param in command.params if isinstance(param, click.Option) for flag in param.opts}
    ours = {flag for flag in options if flag.startswith("--")}
    for at, arg in enumerate(args):
        flag, equals, value = arg.partition("=")
        option, rest = options.get(flag), args[at + 1 :]
        if option is None or option.is_flag or not (equals or rest):
            continue
        value, behind = (value, rest) if equals else (rest[0], rest[1:])
        if len(value.split()) == 1:  # what has blanks was quoted
            yield option, value, tuple(takewhile(lambda word: word.partition("=")[0] not in ours, behind))


def _of_command(
    command: click.Command, flag: str, words: tuple[str, ...], error: PluginError | click.UsageError
) -> str:
    """What to do if an error comes of words that belong to a command, or may."""
    first, *behind = words
    begun = f"{flag} '{first} …'"
    if isinstance(error, click.NoSuchOption):
        is_theirs = not error.possibilities and any(word.startswith(error.option_name) for word in behind)
        return f"{_PERHAPS}: {begun}" if is_theirs else ""
    surplus, collectors = _read(command, behind)
    refused = [name for name in collectors if f" named {shown(name)} " in str(error)]
    if any(surplus or not is_name(name) for name in refused) or (surplus and _is_of_words(error)):
        return f"quote the whole command: {begun}"
    if isinstance(error, PluginError) and refused and not error.hint.endswith("?"):  # it is not nearly one there is
        return f"{_PERHAPS}: {flag} {shlex.quote(_up_to(refused[0], words))}; {error.hint}"
    return ""


def _up_to(collector: str, words: tuple[str, ...]) -> str:
    """The command that a collector's name ends. Whose options stand behind it is not known."""
    last = next((at for at, word in enumerate(words) if collector in word.removeprefix("-c").split(",")), len(words))
    return shlex.join(words[: last + 1]) + (" …" if words[last + 1 :] else "")


def _read(command: click.Command, words: list[str]) -> tuple[bool, list[str]]:
    """Whether there are words that are no options nor values of options, and which collectors are named."""
    lenient = click.Command(
        "lenient",
        params=command.params,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
        add_help_option=False,
    )
    with lenient.make_context("lenient", words, resilient_parsing=True) as ctx:
        collectors = ",".join(ctx.params.get("collectors") or ())
        return any(not word.startswith("-") for word in ctx.args), collectors.split(",")


def _is_of_words(error: Exception) -> bool:
    """Whether an error may be that for arguments that a command does not have. It has no class of its own in click."""
    return type(error) is click.UsageError


def _how(option: click.Option, words: tuple[str, ...]) -> str:
    """How an option is given that has all these words behind it; nothing if it cannot have several."""
    flag = next((flag for flag in option.opts if not flag.startswith("--")), option.opts[-1])
    if option.name in _FILTERS:
        return f"quote the whole filter: {flag} {shlex.quote(' '.join(words))}"
    if not option.multiple:
        return ""
    each = [word.strip(",") for word in words]
    if option.metavar == _LIST:
        return f"put commas between, and no blanks: {flag} {','.join(each)}"
    return f"give each by itself: {' '.join(f'{flag} {shlex.quote(word)}' for word in each)}"
