"""What cannot be changed."""

from __future__ import annotations

from typing import NoReturn, Self


class Fixed:
    """What is of events: its copies are itself, and it stays in its process."""

    __slots__ = ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"cannot pickle {type(self).__name__!r} object: give others its to_dict()")
