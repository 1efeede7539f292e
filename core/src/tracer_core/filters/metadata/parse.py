"""From the text of a metadata filter to what it says. Names mean nothing yet.

::

    filter     = and ( ("or" | "||") and )*
    and        = not ( ("and" | "&&") not )*
    not        = ("not" | "!") not | "(" filter ")" | comparison
    comparison = step ( "." step )* [ operator value ]
    step       = NAME ( "[" number "]" )* [ ":" ["~"] number [ ":" NAME ] ]
    value      = ["-"] number | string | address [ "/" prefix ] | NAME
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from tracer_core.filters.metadata.meant import quoted
from tracer_core.filters.metadata.syntax import (
    Address,
    And,
    Comparison,
    Filter,
    Name,
    Not,
    Number,
    Operator,
    Or,
    Step,
    Text,
)
from tracer_core.filters.metadata.trouble import trouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracer_core.errors import UsageError
    from tracer_core.filters.metadata.syntax import Expression, Value

MAX_COMPARISONS = 200
"""Of a filter. More of them are more than verifiers of old kernels follow."""

_LANGUAGE = "as in: sk_buff.dev.name == 'eth0' and not sk_buff.cloned"
_NO_SECTIONS = "a filter is about what the kernel has, not about sections of events; see docs/reference/filters.md"
_MAX_DEPTH = 50
_MAX_TEXT = 64  # bytes of a string
_MAX_NAME = 127  # characters; what BTF can hold of one: KSYM_NAME_LEN of 5.10
_ALL_BITS = (1 << 64) - 1
_SPACE = re.compile(r"[ \t\r\n]*")
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_NUMBER = re.compile(r"(?:0[xX][0-9A-Fa-f]{1,40}|0[bB][01]{1,160}|[0-9]{1,48})(?!\w)", re.ASCII)
_WORD_GOES_ON = re.compile(r"\w", re.ASCII)
_OPERATOR = re.compile(r"==|!=|>=|<=|>|<")
_ADDRESS = re.compile(r"[0-9A-Fa-f]*[.:][0-9A-Fa-f.:]*(?:/[0-9]{1,3})?")
_WORD = re.compile(r"""[^\s()&|"'!=<>]+""")
_MAC = re.compile(r"[0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{1,2}){5}")
_STRING = re.compile(r"""(["'])(.*?)\1""", re.DOTALL)
_AND, _OR, _NOT = ("and", "&&"), ("or", "||"), ("not", "!")
_RESERVED = ("and", "or", "not")


def parse(text: str) -> Filter:
    """Parse a filter.

    Raises:
        UsageError: it is none.
    """
    return Filter(text, _Parser(text).whole())


class _Parser:
    """A parser by recursive descent: each method takes what it is named after from where the last one stopped."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._comparisons = 0

    def whole(self) -> Expression:
        self._skip()
        if self._at == len(self._text):
            raise self._trouble("there is nothing to compare")
        found = self._either()
        if self._at < len(self._text):
            raise self._trouble("the filter should end here, or go on with 'and' or 'or'")
        return found

    def _either(self) -> Expression:
        parts = self._parts(self._both, _OR)
        return parts[0] if len(parts) == 1 else Or(parts)

    def _both(self) -> Expression:
        parts = self._parts(self._negated, _AND)
        return parts[0] if len(parts) == 1 else And(parts)

    def _parts(self, part: Callable[[], Expression], joined_by: tuple[str, ...]) -> tuple[Expression, ...]:
        parts = [part()]
        while self._takes(*joined_by):
            parts.append(part())
        return tuple(parts)

    def _negated(self) -> Expression:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._trouble(f"parentheses and negations are more than {_MAX_DEPTH} deep")
        found: Expression
        if not self._is_at("!=") and self._takes(*_NOT):
            found = Not(self._negated())
        elif self._takes("("):
            found = self._either()
            self._needs(")")
        else:
            found = self._comparison()
        self._depth -= 1
        return found

    def _comparison(self) -> Comparison:
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            raise self._trouble(f"a filter has at most {MAX_COMPARISONS} comparisons")
        steps = [self._step()]
        if self._is_at("-"):
            what = "no structure and no argument has a '-' in its name"
            raise trouble(self._text, steps[0].at, what, hint=_NO_SECTIONS)
        while self._takes("."):
            steps.append(self._step())
        operator = self._matched(_OPERATOR)
        if operator is None:
            if self._is_at("="):
                raise self._trouble("values are compared with '=='")
            return Comparison(tuple(steps))
        at = self._at
        return Comparison(tuple(steps), Operator(operator), self._value(), at)

    def _step(self) -> Step:
        at = self._at
        name = self._name("a name")
        indexes = []
        while self._takes("["):
            indexes.append(self._number())
            self._needs("]")
        if not self._takes(":"):
            return Step(name, at, tuple(indexes))
        mask = self._mask()
        cast = self._name("the name of a structure") if self._takes(":") else ""
        return Step(name, at, tuple(indexes), mask, cast)

    def _mask(self) -> int:
        at = self._at
        is_inverted = self._takes("~")
        mask = self._number()
        mask = mask ^ _ALL_BITS if is_inverted and mask <= _ALL_BITS else mask
        if not 0 < mask <= _ALL_BITS:
            raise trouble(self._text, at, "a mask has at least one bit set, of 64", hint=_LANGUAGE)
        return mask

    def _number(self) -> int:
        found = self._matched(_NUMBER)
        if found is None:
            raise self._trouble("there should be a number: 42, 0x2a or 0b101010")
        return _integer(found)

    def _value(self) -> Value:
        if (string := _STRING.match(self._text, self._at)) is not None:
            return self._string(string)
        if (address := _ADDRESS.match(self._text, self._at)) is not None:
            return self._address(address)
        if self._takes("-"):
            return Number(-self._number())
        if _NUMBER.match(self._text, self._at):
            return Number(self._number())
        if self._is_at('"') or self._is_at("'"):
            raise self._trouble("the string has no quotation mark at its end")
        word = _WORD.match(self._text, self._at)
        if word is not None and _NAME.match(word[0]) and not _NAME.fullmatch(word[0]):
            raise trouble(self._text, self._at, f"{word[0]} is no name", hint=quoted(word[0]))
        return Name(self._name("a value: a number, a string, an address or an enumerator"))

    def _string(self, found: re.Match[str]) -> Text:
        value = found[2].encode(errors="surrogateescape")
        if not 1 <= len(value) <= _MAX_TEXT or b"\0" in value:
            raise self._trouble(f"a string has 1 to {_MAX_TEXT} bytes, none of them NUL")
        self._move(found.end())
        return Text(value)

    def _address(self, found: re.Match[str]) -> Address:
        text, slash, prefix = found[0].partition("/")
        try:
            if _MAC.fullmatch(text):
                value = bytes(int(byte, 16) for byte in text.split(":"))
            else:
                value = ipaddress.ip_address(text).packed
        except ValueError:
            value = b""
        bits = len(value) * 8
        if not value or (slash and not 0 < int(prefix or 0) <= bits):
            raise self._trouble("this is no address: 192.0.2.1, 192.0.2.0/24, 2001:db8::1 or 02:00:00:00:00:01")
        self._move(found.end())
        return Address(value, int(prefix) if slash else bits)

    def _takes(self, *words: str) -> bool:
        """Take one of these words, if one stands here."""
        for word in words:
            if self._is_at(word):
                self._move(self._at + len(word))
                return True
        return False

    def _needs(self, word: str) -> None:
        if not self._takes(word):
            raise self._trouble(f"there should be {word!r}")

    def _is_at(self, word: str) -> bool:
        if not self._text.startswith(word, self._at):
            return False
        # "android" does not begin with "and"
        return not (word.isalpha() and _WORD_GOES_ON.match(self._text, self._at + len(word)))

    def _name(self, what: str) -> str:
        found = _NAME.match(self._text, self._at)
        if found is None or found[0] in _RESERVED:
            raise self._trouble(f"there should be {what}")
        if len(found[0]) > _MAX_NAME:
            raise self._trouble(f"no name has more than {_MAX_NAME} characters")
        self._move(found.end())
        return found[0]

    def _matched(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self._text, self._at)
        if found is None:
            return None
        self._move(found.end())
        return found[0]

    def _move(self, at: int) -> None:
        self._at = at
        self._skip()

    def _skip(self) -> None:
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at

    def _trouble(self, what: str) -> UsageError:
        return trouble(self._text, self._at, what, hint=_LANGUAGE)


def _integer(text: str) -> int:
    base = {"0x": 16, "0b": 2}.get(text[:2].lower(), 10)
    return int(text, base)
