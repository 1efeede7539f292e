"""Texts of a language that were damaged, for fuzzing: whatever the language is."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

ODD_NUMBERS = (
    *("0", "-1", "00", "08", "0x", "0xg", "1e3", "1.5", "4294967295", "4294967296", "18446744073709551616", "9" * 400),
    *("2147483647", "2147483648", "-2147483649", "0x7fffffff", "0xffffffff", "0b1", "017777777777", "١٢"),
)
ODD_CHARACTERS = (
    *("\0", "\t", "\n", "\r", "\v", "\x1b[31m", "\x7f", "\x80", "\xa0", "\\", '"', "'", "`", "$(x)", ";", "#", "%s%n"),
    *(
        "é",
        "Ω",
        "\u202e",
        "\u2028",
        "\ufeff",
        "\U0001f9ed",
        "\udcff",
        "\udc00",
        "\ud800",
        "\uffff",
        "/*",
        "*/",
        "//",
        "??/",
    ),
)
_LARGEST = 200_000  # characters: more than the kernel takes for one argument


def mutated(random: Random, text: str, words: Sequence[str]) -> str:
    """The text with one to four changes.

    Args:
        random: Decides which.
        text: To be changed.
        words: Of the language.
    """
    for _ in range(random.randint(1, 4)):
        text = random.choice(_CHANGES)(random, text, words)
    return text[:_LARGEST]


def soup(random: Random, words: Sequence[str]) -> str:
    """Words of the language, odd numbers and characters, in no order."""
    among = (*words, *words, *ODD_NUMBERS, *ODD_CHARACTERS) if random.random() < 0.3 else words
    return random.choice(("", " ", " ")).join(random.choices(among, k=random.randint(1, 30)))


def noise(random: Random, _: Sequence[str] = ()) -> str:
    """Any characters at all, mostly of ASCII."""
    highest = random.choice((0x7F, 0x7F, 0xFF, 0xFFFF, 0x10FFFF))
    return "".join(chr(random.randint(0, highest)) for _ in range(random.randint(0, 60)))


def _span(random: Random, text: str) -> tuple[int, int]:
    first = random.randint(0, len(text))
    return first, min(len(text), first + random.choice((1, 1, 2, 5, 20, 100)))


def _put(random: Random, text: str, what: str) -> str:
    first, end = _span(random, text)
    return text[:first] + what + text[random.choice((first, end)) :]


def _cut(random: Random, text: str, _: Sequence[str]) -> str:
    first, end = _span(random, text)
    return text[:first] + text[end:]


def _repeat(random: Random, text: str, _: Sequence[str]) -> str:
    first, end = _span(random, text)
    return text[:first] + text[first:end] * random.choice((2, 3, 10, 100, 3000)) + text[end:]


def _move(random: Random, text: str, _: Sequence[str]) -> str:
    first, end = _span(random, text)
    rest = text[:first] + text[end:]
    at = random.randint(0, len(rest))
    return rest[:at] + text[first:end] + rest[at:]


def _character(random: Random, text: str, _: Sequence[str]) -> str:
    return _put(random, text, random.choice(ODD_CHARACTERS) * random.choice((1, 1, 1, 200)))


def _number(random: Random, text: str, _: Sequence[str]) -> str:
    return _put(random, text, random.choice(ODD_NUMBERS))


def _word(random: Random, text: str, words: Sequence[str]) -> str:
    return _put(random, text, f" {random.choice(words)} ")


def _nest(random: Random, text: str, _: Sequence[str]) -> str:
    depth = random.choice((1, 5, 50, 1000, 20000))
    before, behind = random.choice((("(", ")"), ("not ", ""), ("!", ""), ("-", ""), ("(", ""), ("[", "]"), ("~", "")))
    return before * depth + text + behind * depth


def _byte(random: Random, text: str, _: Sequence[str]) -> str:
    data = bytearray(text.encode(errors="surrogatepass"))
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return data.decode(errors="surrogateescape")


_CHANGES = (_cut, _cut, _repeat, _move, _character, _number, _number, _word, _word, _nest, _byte)
