"""Tables for notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from tracer_core.display.printable import printable, printable_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_LONGEST = 200  # characters of a value
_CELL = '<td style="text-align:left;vertical-align:top;white-space:pre-wrap">'


def table(values: Mapping[str, Any]) -> str:
    """Names and values; what is in groups has a name like ``meta.len``."""
    rows = (
        f"<tr><th style='text-align:left'>{escape(printable(name))}</th>{_cell(_cut(printable(str(value))))}</tr>"
        for name, value in _flat(values)
    )
    return f"<table><tbody>{''.join(rows)}</tbody></table>"


def rows(head: Sequence[str], found: Iterable[Sequence[Any]], more: str) -> str:
    """A table with a head.

    Args:
        head: Names of the columns.
        found: Its rows: values whose text may have several lines, which are shown as they are.
        more: What is said below it, if anything.
    """
    titles = "".join(f"<th>{escape(name)}</th>" for name in head)
    texts = (map(printable_lines, map(str, values)) for values in found)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in texts)
    below = f"<p>{escape(more)}</p>" if more else ""
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>{below}"


def _cell(text: str) -> str:
    return f"{_CELL}{escape(text)}</td>"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _flat(values: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value
