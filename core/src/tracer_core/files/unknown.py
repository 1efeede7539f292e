"""Sections that nobody here declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class UnknownSection(tuple[Any, ...]):
    """A section that nobody here declares, or not like this: its fields are as the file has them."""

    _fields: tuple[str, ...]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> UnknownSection:
        """Make one from names and values."""
        made = cls(values.values())
        made._fields = tuple(values)
        return made

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self, strict=True))
