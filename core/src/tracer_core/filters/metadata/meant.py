"""What may be meant by a word that a value is compared with, and that cannot be: a string, an enumerator, a number."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from tracer_core.errors import did_you_mean
from tracer_core.filters.metadata.typing import ENUMS
from tracer_core.kernel.btf_types import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tracer_core.filters.metadata.typing import Typing

_SHOWN = 3  # names
_ALIKE = 0.8  # of thousands, only what is hardly different
_DEFINED = "give its number: what is #defined has no name here"


def instead_of_name(name: str, compared: Typing) -> str:
    """A hint for a name that is no enumerator.

    Args:
        name: It.
        compared: Type of what it is compared with, which is no string.
    """
    if own := _own(compared):
        return _of_enum(name, own)
    found = _same(name, compared.btf.enumerator_names())
    return did_you_mean(found) or _DEFINED


def instead_of_string(value: bytes, compared: Typing) -> str:
    """A hint for a string that is compared with what is none; nothing if none is known.

    Args:
        value: Of the string.
        compared: Type of what it is compared with.
    """
    if own := _own(compared):
        return f"enumerators have no quotation marks: {_of_enum(value.decode(errors='replace'), own)}"
    return "numbers have no quotation marks" if compared.kind is Kind.INT else ""


def quoted(word: str) -> str:
    """A hint for a word that is meant to be a string."""
    return f'strings have quotation marks: "{word}"'


def _own(compared: Typing) -> tuple[str, ...]:
    return tuple(name for name, _ in compared.resolved.enumerators) if compared.kind in ENUMS else ()


def _of_enum(name: str, own: tuple[str, ...]) -> str:
    if found := _near(name, own):
        return did_you_mean(found)
    more = ", …" if len(own) > _SHOWN else ""
    return f"there are {', '.join(own[:_SHOWN])}{more}"


def _near(name: str, names: Collection[str]) -> list[str]:
    """Names that end like it, as a whole or nearly: the kernel puts that of the enum before them."""
    if found := _ending(name, names):
        return found
    words = name.count("_") + 1
    ends = {known: "_".join(known.split("_")[-words:]) for known in sorted(names)}
    alike = get_close_matches(name.upper(), sorted(set(ends.values())))
    found = [known for end in alike for known in names if ends[known] == end]
    return (found or get_close_matches(name.upper(), sorted(names)))[:_SHOWN]


def _same(name: str, names: Iterable[str]) -> list[str]:
    """The same among all names of the kernel, of which nearly all have nothing to do with it."""
    everything = sorted(names)
    return _ending(name, everything) or get_close_matches(name.upper(), everything, _SHOWN, _ALIKE)


def _ending(name: str, names: Iterable[str]) -> list[str]:
    end = f"_{name.upper()}"
    return sorted(
        (known for known in names if f"_{known.upper()}".endswith(end)), key=lambda known: (len(known), known)
    )[:_SHOWN]
