"""What users see of events: columns made of those of records, and text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

Columns = dict[str, Any]
"""Fields of one section for many events: column by name, equally long. Numbers are arrays, variable parts lists, groups
:class:`Group`; decoders give arrays, masked where values are missing, lists,
:class:`~tracer_core.events.batch.Labels`, or groups."""


@dataclass(frozen=True, slots=True)
class Group:
    """A column of groups.

    Attributes:
        columns: Their fields, of those that are there.
        rows: Which sections those are of: indices among all, ascending. Nothing if all have it.
    """

    columns: Columns
    rows: np.ndarray[Any, Any] | None = None


@dataclass(frozen=True, slots=True)
class Decoder:
    """Turns raw columns into those of the section as users see it.

    Attributes:
        section: The section class.
        decode: Takes and gives columns; called per batch, never per event. Of a section with a record of its own,
            it takes those of the record, groups included: a group that none has is None.
    """

    section: type[Any]
    decode: Callable[[Columns], Columns]


class Place(Enum):
    """Where a section's text goes."""

    HEAD = "head"
    """On the event's first line."""
    TOP = "top"
    """A part of its own, before all others."""
    PART = "part"
    """A part of its own."""


class Style(Enum):
    """What a section's text means, where colours can show it: at terminals."""

    PLAIN = "plain"
    """Nothing in particular."""
    IDENTITY = "identity"
    """Which packet it is. Its first word tells: it has one colour wherever it is."""
    TROUBLE = "trouble"
    """Something went wrong for the packet."""


@dataclass(frozen=True, slots=True)
class TextOptions:
    """How the user wants text.

    Attributes:
        link_layer: Show it (``-e``).
        multi_line: Parts are on lines of their own.
    """

    link_layer: bool = False
    multi_line: bool = True


@dataclass(frozen=True, slots=True)
class Formatter:
    """Text of a section.

    Attributes:
        section: The section class.
        format: Gives the text without indentation; nothing means no text. What is not printable is shown escaped.
            Line ends that it makes are lines; those in fields that are text or ``Chars`` are escaped, too.
        place: Where it goes.
        after: Public names of the sections whose text comes before.
        unless: Public names of the sections whose text, in an event that has one, stands for this one, too.
        beside: Public name of a section, one that is beside no other: this comes right behind it, and in an event that
            has it on the same line.
        style: What the text means. The text itself has no colours in it.
    """

    section: type[Any]
    format: Callable[[Any, TextOptions], str]
    place: Place = Place.PART
    after: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    beside: str = ""
    style: Style = Style.PLAIN
