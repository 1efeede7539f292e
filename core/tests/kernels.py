"""Recorded kernels with other facts than those recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from tracer_core.testing.kernels import recorded_kernel

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tracer_core.kernel.view import Member, TypedKernel


class _Changed:
    def __init__(
        self,
        kernel: TypedKernel,
        symbols: Mapping[str, int],
        config: Mapping[str, str],
        lacks: Collection[tuple[str, str]],
    ) -> None:
        self._kernel = kernel
        self._symbols = symbols
        self._config = config
        self._lacks = lacks

    def __getattr__(self, name: str) -> object:
        return getattr(self._kernel, name)

    def member(self, aggregate: str, path: str) -> Member | None:
        return None if (aggregate, path) in self._lacks else self._kernel.member(aggregate, path)

    def symbol(self, name: str) -> int | None:
        return self._symbols.get(name, self._kernel.symbol(name))

    def config(self, option: str) -> str | None:
        return self._config.get(option, self._kernel.config(option))


def changed(
    name: str,
    *,
    symbols: Mapping[str, int] | None = None,
    config: Mapping[str, str] | None = None,
    lacks: Collection[tuple[str, str]] = (),
) -> TypedKernel:
    """A recorded kernel, but for some answers.

    Args:
        name: As for ``recorded_kernel``.
        symbols: Addresses beside those recorded.
        config: Options beside those recorded.
        lacks: Structs and members that it does not know of.
    """
    return cast("TypedKernel", _Changed(recorded_kernel(name), symbols or {}, config or {}, lacks))
