"""What is wrong with a metadata filter, and where."""

from __future__ import annotations

from tracer_core.errors import UsageError

_SHOWN = 24  # characters of the place
_SEE = "see docs/reference/filters.md"


def trouble(text: str, at: int, what: str, *, hint: str = "") -> UsageError:
    """An error that points at a character.

    Args:
        text: The whole filter.
        at: Index of the character.
        what: What is wrong there.
        hint: What to do about it.
    """
    rest = text[at : at + _SHOWN] + ("…" if len(text) > at + _SHOWN else "")
    where = f"at {rest!r}" if at < len(text) else "at the end"
    return UsageError(f"metadata filter, character {at + 1}, {where}: {what}", hint=hint or _SEE)
