"""What may be asked of the traced kernel: a protocol with a live and a recorded implementation.

Collectors receive a :class:`Kernel` and must not look at ``/proc``, ``/sys`` or the release number
themselves: they test for the member, symbol or type they need, so that they work on recorded
kernels too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tracer_core.kernel.btf import Btf
    from tracer_core.kernel.btf_types import BtfType, Kind


@dataclass(frozen=True, slots=True)
class Member:
    """Where a member of a struct or union lives.

    Attributes:
        name: Its name.
        type: Its C type as text, for example ``struct net_device *``.
        bit_offset: Bits from the start of the outermost struct.
        bit_size: Bits of a bit-field, 0 for a plain member.
        size: Bytes of its type.
    """

    name: str
    type: str
    bit_offset: int
    bit_size: int
    size: int


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of a probed function or tracepoint.

    Attributes:
        name: Its name in the kernel source, may be empty.
        type: Its C type without qualifiers, every pointer level written out:
            ``struct sk_buff *`` and ``struct sk_buff **`` are different types.
    """

    name: str
    type: str


class ResultForm(IntEnum):
    """How the bits of a function's result are to be read."""

    NOTHING = 0
    """There is no result, or one that does not fit a register."""
    SIGNED = 1
    """A signed integer."""
    UNSIGNED = 2
    """An unsigned integer, a truth value or an enumerator."""
    POINTER = 3
    """An address."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a function returns, as far as its bits are concerned.

    Attributes:
        form: How they are to be read.
        size: Bytes that count; 0 for nothing.
    """

    form: ResultForm = ResultForm.NOTHING
    size: int = 0


@dataclass(frozen=True, slots=True)
class Prototype:
    """What a function or tracepoint receives and returns.

    Attributes:
        params: In order; for a tracepoint, without the leading ``void *__data``.
        returns: C type of the result, ``void`` if none.
        module: Name of the module that has it, empty for vmlinux.
        btf_id: In the BTF of ``module``: of the function, or of the tracepoint's ``btf_trace_``
            typedef.
        result: The same as ``returns``, typedefs resolved.
    """

    params: tuple[Param, ...]
    returns: str
    module: str
    btf_id: int
    result: Result = Result()

    def index_of(self, c_type: str) -> int | None:
        """Position of the first parameter of exactly that C type, or nothing."""
        return next((i for i, param in enumerate(self.params) if param.type == c_type), None)


class Kernel(Protocol):
    """A read-only view of a kernel. Every answer is stable for the life of the view, but for names of namespaces."""

    @property
    def release(self) -> str:
        """``uname -r``. For messages and files, never for decisions."""

    @property
    def modules(self) -> frozenset[str]:
        """Names of the loaded modules."""

    @property
    def events(self) -> frozenset[str] | None:
        """``group:name`` of all tracepoints, or nothing where tracefs is not readable."""

    @property
    def functions(self) -> frozenset[str] | None:
        """Functions that ftrace can trace, or nothing where tracefs is not readable."""

    def function(self, name: str) -> Prototype | None:
        """Prototype of a kernel function, vmlinux first, then modules."""

    def tracepoint(self, name: str) -> Prototype | None:
        """Prototype of a tracepoint by its bare name, without the group."""

    def tracepoint_names(self) -> frozenset[str]:
        """Bare names of all tracepoints that have a prototype."""

    def member(self, aggregate: str, path: str) -> Member | None:
        """A member of ``struct`` or ``union`` *aggregate*, by dotted path.

        Anonymous levels are transparent. Nothing if the aggregate or the member does not exist on
        this kernel: the way to test for a feature.
        """

    def enum(self, name: str) -> Mapping[str, int] | None:
        """Enumerators of ``enum`` *name*, or nothing."""

    def symbol(self, name: str) -> int | None:
        """Address of a symbol; 0 where the kernel hides addresses; nothing if there is none."""

    def symbol_at(self, address: int) -> tuple[str, int] | None:
        """Name of the nearest symbol at or below an address, and the distance in bytes; nothing if there is none."""

    def netns_name(self, inode: int) -> str | None:
        """Name of a network namespace, by the inode number of ``/proc/PID/ns/net``.

        That of ``ip netns``, else ``NAME/PID`` of a process in it; nothing where neither is known, as on recorded
        kernels.
        """

    def config(self, option: str) -> str | None:
        """Value of an option ``CONFIG_X`` (``y``, ``m``, ``n``, text), nothing if unknown."""


class TypedKernel(Kernel, Protocol):
    """A view that has the types themselves, for the core: collectors are promised none of their classes."""

    @property
    def btf(self) -> Btf:
        """Type information of vmlinux.

        Raises:
            MachineError: the kernel has none.
        """

    def find(self, name: str, *kinds: Kind) -> tuple[str, BtfType] | None:
        """The first type of that name and one of the kinds, and its module; vmlinux, named ``""``, comes first."""

    def module_btf(self, module: str) -> Btf:
        """Type information of a module; of vmlinux for no name.

        Raises:
            KeyError: there is no such module, or it has none.
        """

    def functions_taking(self, c_types: Collection[str]) -> Mapping[str, Mapping[str, int]]:
        """Functions that take any of these types, with the position of the first parameter of each that they take.

        Those that have type information, of vmlinux and modules, in no order; each name once, as :meth:`function`
        finds it. Faster by far than to ask for one after the other.
        """

    def tracepoints_taking(self, c_types: Collection[str]) -> Mapping[str, Mapping[str, int]]:
        """The same for tracepoints, by their bare names."""

    def function_names(self) -> frozenset[str]:
        """Names of all functions that have a prototype."""

    def symbol_count(self, name: str) -> int:
        """How many symbols have a name: static functions of several files may share one."""
