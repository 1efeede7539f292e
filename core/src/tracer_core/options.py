"""Options of collectors: frozen dataclasses whose fields become command-line options."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_HELP = "tracer_help"


def option(default: Any, *, help: str) -> Any:  # noqa: A002, ANN401 - as dataclasses.field and click name and type it
    """A field of an options class.

    Args:
        default: Its value if the user does not give one; its type is the option's: ``bool`` makes a flag, ``int``,
            ``str``, or a tuple of ``str``, which is given as a comma-separated list.
        help: One sentence for ``--help``.
    """
    return field(default=default, metadata={_HELP: help})


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """An option of a collector.

    Attributes:
        field: Name of the field.
        default: Its default, of the option's type.
        help: One sentence.
    """

    field: str
    default: Any
    help: str

    def flag(self, collector: str) -> str:
        """``--<collector>-<option>``."""
        return f"--{collector}-{self.field}".replace("_", "-")


def option_specs(cls: type[Any]) -> Iterator[OptionSpec]:
    """The options that an options class declares, in order."""
    for item in dataclasses.fields(cls):
        yield OptionSpec(item.name, item.default, item.metadata.get(_HELP, ""))
