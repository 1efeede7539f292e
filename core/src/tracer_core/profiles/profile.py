"""What a profile says, with the lines on which it says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tracer_core.profiles.conditions import Condition

COMMANDS = ("collect", "pcap")
"""The commands that profiles have options for; the keys under which they have them."""

UNNAMED = "Default"
"""Name of an entry that has none."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of an option.

    Attributes:
        text: As on a command line.
        line: On which it stands, from 1.
    """

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Argument:
    """An option of a command.

    Attributes:
        name: Of the option, without the dashes in front: ``nft-verdicts``.
        line: On which it stands.
        values: In order; nothing for a flag.
    """

    name: str
    line: int
    values: tuple[Value, ...] | None = None

    @property
    def flag(self) -> str:
        """As on a command line."""
        return f"--{self.name}"

    @property
    def written(self) -> Iterator[str]:
        """All of it as on a command line."""
        if self.values is None:
            yield self.flag
            return
        yield from (f"{self.flag}={value.text}" for value in self.values)

    @property
    def is_probes(self) -> bool:
        """Whether its values are probes."""
        return self.name == "probe"

    @property
    def is_collectors(self) -> bool:
        """Whether its values are lists of collectors."""
        return self.name == "collectors"


@dataclass(frozen=True, slots=True)
class Entry:
    """Options for a command, and on which kernels they are meant.

    Attributes:
        name: For messages.
        line: On which it begins.
        conditions: All of which must hold.
        arguments: Sorted by name.
        required: Probes and collectors among the values without which it is of no use, as they are written there.
    """

    name: str
    line: int
    conditions: tuple[Condition, ...] = ()
    arguments: tuple[Argument, ...] = ()
    required: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile: one document of a file.

    Attributes:
        name: By which users ask for it.
        origin: The file, as messages name it.
        line: On which it begins.
        about: One sentence, or nothing.
        entries: By command, those of which the first that holds counts.
        text: The document.
        is_shipped: It comes with the core or with a collector: what it names that a kernel lacks is not misspelled.
    """

    name: str
    origin: str
    line: int = 1
    about: str = ""
    entries: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    text: str = ""
    is_shipped: bool = False

    def at(self, line: int) -> str:
        """A place in it, as messages name it."""
        return f"{self.origin}:{line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with a file.

    Attributes:
        origin: The file.
        line: On which; 0 if it is wrong as a whole.
        what: One line.
        profile: Name of the profile that it is in, as far as it is known.
        is_fatal: Whether the profile cannot be used.
    """

    origin: str
    line: int
    what: str
    profile: str = ""
    is_fatal: bool = True

    def __str__(self) -> str:
        where = f"{self.origin}:{self.line}" if self.line else self.origin
        return f"{where}: {'' if self.is_fatal else 'warning: '}{self.what}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found in a file.

    Attributes:
        origin: The file.
        profiles: Those that can be used, in order.
        problems: By line.
    """

    origin: str
    profiles: tuple[Profile, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def fatal(self) -> tuple[Problem, ...]:
        """Why profiles of it cannot be used."""
        return tuple(problem for problem in self.problems if problem.is_fatal)
