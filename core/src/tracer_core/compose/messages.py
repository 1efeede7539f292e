"""``TRACER_LOG`` in C: found, checked, and replaced by a call that writes a number, or by nothing.

Formats stay in user space: a program writes which one and up to four values. What is less important than the run's
level is not in the text at all, so it costs nothing.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from tracer_core.compose.composition import MESSAGE_VALUES, Message
from tracer_core.errors import PluginError
from tracer_core.levels import LogLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

MACRO = "TRACER_LOG"
_FORM = f'{MACRO}(ctx, level, "format", ...)'

# what stands for itself, whatever is in it; then what matters
_TOKEN = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|(?P<define>\#\s*define\s+TRACER_LOG\b)"
    r"|(?P<call>\bTRACER_LOG\s*\()|(?P<mark>[(),\[\]{}])",
    re.DOTALL,
)
_CONVERSION = re.compile(r"%(?:(?:hh|h|ll|l|z)?(?P<kind>[diuxX])|(?P<other>[pc%]))")
_FUNCTION = re.compile(r"^[A-Za-z_][^\n;={}]*?\b(\w+)\((?:[^;{}]*?)\)\s*\{", re.MULTILINE)
_STRINGS = re.compile(r"\s*(?:\"(?:\\.|[^\"\\])*\"\s*)+")
_COMMENT = re.compile(r"(\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')|/\*.*?\*/|//[^\n]*", re.DOTALL)
_BREAK = re.compile(r"\\?\n")


class Messages:
    """The messages of a composition.

    Args:
        level: The least important that are wanted; nothing if none are.
    """

    def __init__(self, level: LogLevel | None) -> None:
        self._level = level
        self.found: list[Message] = []
        """Those that are in the text, by their numbers."""

    def expand(self, text: str, owner: str, origin: str, *, named: bool = True) -> str:
        """A text with calls in place of its messages, and as many lines.

        Args:
            text: C.
            owner: Collector whose it is.
            origin: What compile errors call it.
            named: The names of its functions tell somebody something.

        Raises:
            PluginError: a message is not one.
        """
        if MACRO not in text:
            return text
        parts, at = [], 0
        for start, end, arguments in _calls(text, owner, origin):
            where = f"{origin}:{text.count(chr(10), 0, start) + 1}"
            parts += [text[at:start], self._call(arguments, owner, where, _function(text, start) if named else "")]
            parts += _BREAK.findall(text, start, end)  # lines keep their numbers
            at = end
        return "".join((*parts, text[at:]))

    def _call(self, arguments: list[str], owner: str, where: str, function: str) -> str:
        if len(arguments) < 3:
            raise PluginError(f"{owner}: {where}: {MACRO} takes at least three arguments", hint=f"write {_FORM}")
        context, level_name, literal, *values = map(_one_line, arguments)
        try:
            level = LogLevel[level_name.upper()] if level_name.islower() else None
        except KeyError:
            level = None
        if level is None:
            names = ", ".join(level.name.lower() for level in LogLevel)
            raise PluginError(
                f"{owner}: {where}: {MACRO}: there is no level {level_name!r}", hint=f"choose from {names}"
            )
        if not _STRINGS.fullmatch(literal):
            raise PluginError(f"{owner}: {where}: {MACRO}: the format is not a string literal", hint=f"write {_FORM}")
        message = Message(level, owner, function, ast.literal_eval(f"({literal})"))
        _check(message, len(values), where)
        if self._level is None or level < self._level:
            return "((void)0)"
        if message not in self.found:
            self.found.append(message)
        passed = [f"(u64)({value})" for value in values] + ["0"] * (MESSAGE_VALUES - len(values))
        return f"tracer_say({context}, {self.found.index(message)}, {', '.join(passed)})"


def formatted(text: str, values: tuple[int, ...]) -> str:
    """A format with its values, 64 bits each, as ``printf`` would have them."""
    rest = iter(values)

    def convert(match: re.Match[str]) -> str:
        kind = match["kind"] or match["other"]
        if kind == "%":
            return "%"
        value = next(rest, 0)
        if kind in "di":
            return str(value - (value >> 63 << 64))
        if kind == "c":
            return chr(value & 0x7F)
        return {"u": "{}", "x": "{:x}", "X": "{:X}", "p": "{:#x}"}[kind].format(value)

    return _CONVERSION.sub(convert, text)


def _one_line(argument: str) -> str:
    without_comments = _COMMENT.sub(lambda match: match[1] or " ", argument)
    return _BREAK.sub(" ", without_comments).strip()


def _check(message: Message, values: int, where: str) -> None:
    conversions = [found for found in _CONVERSION.finditer(message.format) if found["other"] != "%"]
    if "%" in _CONVERSION.sub("", message.format):
        known = "%d, %u, %x, %p, %c and %%, without widths"
        raise PluginError(f"{message.owner}: {where}: {MACRO}: a conversion is not known", hint=f"there are {known}")
    if len(conversions) != values:
        raise PluginError(f"{message.owner}: {where}: {MACRO}: {len(conversions)} conversions, but {values} values")
    if values > MESSAGE_VALUES:
        raise PluginError(f"{message.owner}: {where}: {MACRO}: more than {MESSAGE_VALUES} values")


def _calls(text: str, owner: str, origin: str) -> Iterator[tuple[int, int, list[str]]]:
    """Where each call begins and ends, and its arguments as they are written."""
    start, depth, at, arguments = -1, 0, 0, list[str]()
    for token in _TOKEN.finditer(text):
        if depth == 0:
            if token["call"]:
                start, depth, at, arguments = token.start(), 1, token.end(), []
            continue
        if token["call"]:
            depth += 1
        mark = token["mark"]
        if mark and mark in "([{":
            depth += 1
        elif mark and mark in ")]}":
            depth -= 1
        if mark and (depth == 0 or (mark == "," and depth == 1)):
            arguments.append(text[at : token.start()])
            at = token.end()
        if depth == 0:
            yield start, token.end(), arguments
    if depth:
        line = text.count("\n", 0, start) + 1
        raise PluginError(f"{owner}: {origin}:{line}: {MACRO} does not end")


def _function(text: str, at: int) -> str:
    """The C function that a place is in; nothing in a macro."""
    return next((found[1] for found in reversed(list(_FUNCTION.finditer(text, 0, at)))), "")
