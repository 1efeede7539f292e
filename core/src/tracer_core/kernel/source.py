"""Raw material about a kernel: the seam between live and recorded kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tracer_core.kernel.btf import Btf


class Source(Protocol):
    """Raw text and type information of one kernel, read anew at each call and not interpreted.

    :class:`~tracer_core.kernel.base.BtfKernel` asks for each part once, and only when needed.
    """

    @property
    def release(self) -> str:
        """``uname -r``."""

    def vmlinux(self) -> Btf:
        """Type information of vmlinux.

        Raises:
            MachineError: there is none, or it cannot be read.
        """

    def split_modules(self) -> tuple[str, ...]:
        """Names of the modules that have type information of their own, sorted."""

    def split_btf(self, module: str) -> bytes:
        """The split BTF of one of them; empty if it is gone."""

    def kallsyms(self) -> bytes:
        """Text of ``/proc/kallsyms``: address, type, name and, after a tab, ``[module]``."""

    def module_list(self) -> bytes:
        """Text of ``/proc/modules``; empty for a kernel without modules."""

    def available_events(self) -> bytes | None:
        """Text of tracefs' ``available_events``, nothing if it is not readable."""

    def available_functions(self) -> bytes | None:
        """Text of tracefs' ``available_filter_functions``, nothing if it is not readable."""

    def config(self) -> tuple[str, bytes] | None:
        """Name and content, plain or gzip, of the kernel's configuration; nothing if unknown."""
