"""Tables for notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_LONGEST = 200  # characters of a value
_CELL = '<td style="text-align:left;vertical-align:top">'


def table(values: Mapping[str, Any]) -> str:
    """Names and values; what is in groups has a name like ``meta.len``."""
    rows = (f"<tr><th style='text-align:left'>{escape(name)}</th>{_cell(value)}</tr>" for name, value in _flat(values))
    return f"<table><tbody>{''.join(rows)}</tbody></table>"


def rows(head: Sequence[str], found: Iterable[Sequence[Any]], more: str = "") -> str:
    """A table with a head.

    Args:
        head: Names of the columns.
        found: Its rows.
        more: What is said below it.
    """
    titles = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(map(_cell, values))}</tr>" for values in found)
    below = f"<p>{escape(more)}</p>" if more else ""
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>{below}"


def _cell(value: Any) -> str:  # noqa: ANN401 - any value
    text = str(value)
    return f"{_CELL}{escape(text if len(text) <= _LONGEST else text[:_LONGEST] + '…')}</td>"


def _flat(values: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value
