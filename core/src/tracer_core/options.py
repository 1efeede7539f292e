"""Options of collectors: frozen dataclasses whose fields become command-line options."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KEY = "tracer"


def option(
    default: Any,  # noqa: ANN401 - of the option's type
    *,
    help: str,  # noqa: A002 - as click names it
    choices: tuple[str, ...] = (),
    obsolete: Mapping[str, str] | None = None,
    selects: tuple[str, ...] = (),
) -> Any:  # noqa: ANN401 - as dataclasses.field
    """A field of an options class.

    Args:
        default: Its value if the user does not give one; its type is the option's: ``False`` makes a flag that
            turns it on; ``int``, ``str``, or a tuple of ``str``, which is given as a comma-separated list, and may be
            given again for more.
        help: One sentence for ``--help``.
        choices: Of a list: what may be in it; anything if there are none.
        obsolete: Of a list: what users may have in their scripts and is of no use any more, and why. With a reason, it
            is told. The collector sees none of it.
        selects: Of a list: what users may have in their scripts and is now a collector of that name. It is selected,
            if it is installed. The collector sees none of it.
    """
    return field(default=default, metadata={_KEY: (help, choices, obsolete or {}, selects)})


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """An option of a collector.

    Attributes:
        name: Of the field.
        default: Its default, of the option's type.
        help: One sentence.
        choices: See :func:`option`, as for the others.
        obsolete: Ditto.
        selects: Ditto.
    """

    name: str
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    obsolete: Mapping[str, str] = field(default_factory=dict)
    selects: tuple[str, ...] = ()

    def flag(self, collector: str) -> str:
        """``--<collector>-<option>``."""
        return f"--{collector}-{self.name}".replace("_", "-")


def option_specs(cls: type[Any]) -> Iterator[OptionSpec]:
    """The options that an options class declares, in order."""
    for item in dataclasses.fields(cls):
        yield OptionSpec(item.name, item.default, *item.metadata.get(_KEY, ("",)))
