"""Options of ``tracer collect`` as keyword arguments."""

from __future__ import annotations

import os
from numbers import Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_GLOBAL = ("log_level", "profile", "extra_profiles_dir")  # stand before the command


def command_line(arguments: tuple[str, ...], options: Mapping[str, Any]) -> list[str]:
    """The command line of a collection, without the program.

    Args:
        arguments: As on a command line, behind ``collect``.
        options: By their long names with ``_`` for ``-``, those of ``tracer`` itself, too, or by a letter. True is an
            option without a value; None and False are none; of a list, each item is one more.

    Raises:
        TypeError: a value is none that a command line can hold.
    """
    before = [text for name in _GLOBAL if name in options for text in _option(name, options[name])]
    behind = [text for name, value in options.items() if name not in _GLOBAL for text in _option(name, value)]
    return [*before, "collect", *map(os.fspath, arguments), *behind]


def _option(name: str, value: Any) -> Iterator[str]:  # noqa: ANN401 - what the user gave
    flag = f"-{name}" if len(name) == 1 else f"--{name.strip('_').replace('_', '-')}"
    if value is None or value is False:
        return
    if value is True:
        yield flag
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _option(name, item)
    elif isinstance(value, str | os.PathLike | Real):
        text = str(value)
        # what begins with a dash must not be taken for another option
        yield from ([flag, text] if len(name) == 1 else [f"{flag}={text}"])
    else:
        raise TypeError(f"{name}: {value!r} is no value of an option; give a text, a number, True or a list of those")
