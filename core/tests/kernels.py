"""Recorded kernels with what recordings leave out."""

from __future__ import annotations

from typing import cast

from tracer_core.kernel.view import Kernel, Member
from tracer_core.testing.kernels import recorded_kernel


class _WithStacks:
    def __init__(self, kernel: Kernel, symbols: dict[str, int], config: dict[str, str]) -> None:
        self._kernel = kernel
        self._symbols = symbols
        self._config = config

    def __getattr__(self, name: str) -> object:
        return getattr(self._kernel, name)

    def member(self, aggregate: str, path: str) -> Member | None:
        if (aggregate, path) == ("task_struct", "stack"):
            return Member("stack", "void *", bit_offset=256, bit_size=0, size=8)
        return self._kernel.member(aggregate, path)

    def symbol(self, name: str) -> int | None:
        return self._symbols.get(name, self._kernel.symbol(name))

    def config(self, option: str) -> str | None:
        return self._config.get(option, self._kernel.config(option))


def with_stacks(name: str, *, symbols: dict[str, int] | None = None, config: dict[str, str] | None = None) -> Kernel:
    """A recorded kernel that says where the stack of a task is.

    Args:
        name: As for ``recorded_kernel``.
        symbols: Addresses beside those recorded.
        config: Options beside those recorded.
    """
    return cast("Kernel", _WithStacks(recorded_kernel(name), symbols or {}, config or {}))
