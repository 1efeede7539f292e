"""All that live and recorded kernels have in common: answers worked out from raw material."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from tracer_core.errors import MachineError
from tracer_core.kernel.btf_types import TRACEPOINT, BtfMember, BtfType, Kind
from tracer_core.kernel.config import parse_config
from tracer_core.kernel.ctype import c_type
from tracer_core.kernel.modules import ModuleTypes
from tracer_core.kernel.symbols import Symbols
from tracer_core.kernel.view import Member, Param, Prototype, Result, ResultForm

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tracer_core.kernel.btf import Btf
    from tracer_core.kernel.signatures import Signatures
    from tracer_core.kernel.source import Source

TRACEPOINT_CALLER = "__traceiter_"
"""Prefix of the function that calls the programs of a tracepoint, ``include/linux/tracepoint.h`` (5.10)."""

_SCALARS = (Kind.INT, Kind.ENUM, Kind.ENUM64)
_REGISTER = 8  # bytes
# of lines of tracefs, except for what it lists in place of functions that were discarded; one pass over 45,000 lines
_TRACEABLE = re.compile(r"^(?!__ftrace_invalid_address__)\S+", re.MULTILINE)


class BtfKernel:
    """The protocol :class:`~tracer_core.kernel.view.Kernel`, from any source.

    Everything is read on demand, once.

    Args:
        source: Where to read from.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._members: dict[str, tuple[Btf, dict[str, BtfMember]] | None] = {}
        self._prototypes: dict[tuple[str, Kind], Prototype | None] = {}

    @property
    def release(self) -> str:
        """``uname -r``. For messages and files, never for decisions."""
        return self._source.release

    @cached_property
    def btf(self) -> Btf:
        """Type information of vmlinux.

        Raises:
            MachineError: the kernel has none.
        """
        return self._source.vmlinux()

    @cached_property
    def modules(self) -> frozenset[str]:
        """Names of the loaded modules."""
        return _first_words(self._source.module_list())

    @cached_property
    def events(self) -> frozenset[str] | None:
        """``group:name`` of all tracepoints, or nothing where tracefs is not readable."""
        text = self._source.available_events()
        return None if text is None else _first_words(text)

    @cached_property
    def functions(self) -> frozenset[str] | None:
        """Functions that ftrace can trace, or nothing where tracefs is not readable."""
        text = self._source.available_functions()
        if text is None:
            return None
        return frozenset(_TRACEABLE.findall(text.decode()))

    @cached_property
    def symbols(self) -> Symbols:
        """All of kallsyms: names by address, whether addresses are hidden."""
        return Symbols(self._source.kallsyms())

    @cached_property
    def _places(self) -> Symbols:
        """The same when an address is first asked for: with programs that were loaded since a name was."""
        return Symbols(self._source.kallsyms())

    @cached_property
    def options(self) -> Mapping[str, str]:
        """All configuration options, none where the configuration is unknown.

        Raises:
            MachineError: the configuration that was found is none.
        """
        found = self._source.config()
        if found is None:
            return {}
        name, content = found
        try:
            return parse_config(content)
        except ValueError as error:
            raise MachineError(
                f"{name} is not a kernel configuration: {error}",
                hint="name a good one with --kconf",
            ) from error

    def module_btf(self, module: str) -> Btf:
        """Type information of a module, the one its ids refer to; of vmlinux for no name.

        Raises:
            KeyError: there is no such module, or it has no type information.
        """
        return self._split.btf(module) if module else self.btf

    def find(self, name: str, *kinds: Kind) -> tuple[str, BtfType] | None:
        """The first type of that name and kind, vmlinux first, then modules; and whose it is."""
        found = self.btf.find(name, *kinds)
        return ("", found) if found else self._split.find(name, *kinds)

    def function(self, name: str) -> Prototype | None:
        """Prototype of a function, vmlinux first, then modules; of several of a name, the first."""
        return self._prototype(name, Kind.FUNC)

    def tracepoint(self, name: str) -> Prototype | None:
        """Prototype of a tracepoint by its bare name; of several of a name, the first."""
        return self._prototype(TRACEPOINT + name, Kind.TYPEDEF)

    def tracepoint_names(self) -> frozenset[str]:
        """Bare names of all tracepoints that have a prototype."""
        return self.btf.names(TRACEPOINT) | self._split.names(TRACEPOINT)

    def functions_taking(self, c_types: Collection[str]) -> Mapping[str, Mapping[str, int]]:
        """Functions that take any of these types, with the position of the first parameter of each that they take.

        Those that have type information, of vmlinux and modules, in no order; each name once, as :meth:`function`
        finds it. Faster by far than to ask for one after the other.
        """
        found: dict[str, dict[str, int]] = {}
        known: set[str] = set()
        for signatures in self._signatures:
            taking = signatures.functions(c_types)
            found |= {name: positions for name, positions in taking.items() if name not in known}
            known |= signatures.names()
        return found

    def tracepoints_taking(self, c_types: Collection[str]) -> Mapping[str, Mapping[str, int]]:
        """The same for tracepoints, by their bare names."""
        found: dict[str, dict[str, int]] = {}
        for signatures in reversed(self._signatures):
            found |= signatures.tracepoints(c_types)
        return found

    def function_names(self) -> frozenset[str]:
        """Names of all functions that have a prototype."""
        return frozenset().union(*(signatures.names() for signatures in self._signatures))

    def member(self, aggregate: str, path: str) -> Member | None:
        """A member of ``struct`` or ``union`` *aggregate*, by dotted path.

        Anonymous levels are transparent. A typedef of an aggregate without a name
        (``possible_net_t``) will do, too. Nothing if the aggregate or the member does not exist on
        this kernel: the way to test for a feature.
        """
        first, *rest = path.split(".")
        known = self._members_of(aggregate)
        found = known[1].get(first) if known else None
        if known is None or found is None:
            return None
        btf, start = known[0], 0
        for name in rest:
            start += found.bit_offset
            inner = btf.resolve(found.type_id)
            found = next((member for member in btf.members(inner) if member.name == name), None)
            if found is None:
                return None
        text, size = c_type(btf, found.type_id), btf.size_of(found.type_id)
        return Member(found.name, text, start + found.bit_offset, found.bit_size, size)

    def enum(self, name: str) -> Mapping[str, int] | None:
        """Enumerators of ``enum`` *name*, or nothing."""
        found = self.find(name, Kind.ENUM, Kind.ENUM64)
        return dict(found[1].enumerators) if found else None

    def symbol(self, name: str) -> int | None:
        """Address of a symbol; 0 where the kernel hides addresses; nothing if there is none."""
        return self.symbols.address(name)

    def symbol_count(self, name: str) -> int:
        """How many symbols have a name."""
        return self.symbols.count(name)

    def symbol_at(self, address: int) -> tuple[str, int] | None:
        """Name of the nearest symbol at or below an address, and the distance in bytes; nothing if there is none."""
        return self._places.at(address)

    def netns_name(self, inode: int) -> str | None:  # noqa: ARG002 - of a protocol
        """Name of a network namespace: nothing, since only who runs has processes."""
        return None

    def config(self, option: str) -> str | None:
        """Value of an option ``CONFIG_X`` (``y``, ``m``, ``n``, text), nothing if unknown.

        Raises:
            MachineError: the configuration that was found is none.
        """
        return self.options.get(option)

    @cached_property
    def _split(self) -> ModuleTypes:
        return ModuleTypes(self._source, self.btf)

    @cached_property
    def _signatures(self) -> tuple[Signatures, ...]:
        from tracer_core.kernel.signatures import Signatures  # noqa: PLC0415 - numpy, which few questions need

        first = Signatures(self.btf)
        return (first, *(Signatures(btf, base=first) for btf in self._split.all()))

    def _members_of(self, aggregate: str) -> tuple[Btf, dict[str, BtfMember]] | None:
        if aggregate not in self._members:
            self._members[aggregate] = None
            found = self.find(aggregate, Kind.STRUCT, Kind.UNION, Kind.TYPEDEF)
            if found:
                btf = self.module_btf(found[0])
                members = btf.members(btf.resolve(found[1].id))
                self._members[aggregate] = btf, {member.name: member for member in members}
        return self._members[aggregate]

    def _prototype(self, name: str, kind: Kind) -> Prototype | None:
        if (name, kind) not in self._prototypes:
            self._prototypes[name, kind] = self._read_prototype(name, kind)
        return self._prototypes[name, kind]

    def _read_prototype(self, name: str, kind: Kind) -> Prototype | None:
        found = self.find(name, kind)
        if found is None:
            return None
        module, target = found
        btf = self.module_btf(module)
        proto = btf.resolve(target.ref)
        if kind is Kind.TYPEDEF:
            proto = btf.resolve(proto.ref)  # the typedef is of a pointer
        if proto.kind is not Kind.FUNC_PROTO:
            return None
        params = tuple(Param(*_param(btf, param)) for param in proto.params)
        if kind is Kind.TYPEDEF:
            params = self._named(name.removeprefix(TRACEPOINT), params)[1:]  # void *__data comes first
        return Prototype(params, c_type(btf, proto.ref), module, target.id, _result(btf, proto.ref))

    def _named(self, tracepoint: str, params: tuple[Param, ...]) -> tuple[Param, ...]:
        """Parameters of a tracepoint with their names, which only the function that calls its programs has."""
        caller = self.function(TRACEPOINT_CALLER + tracepoint)
        same = caller is not None and [param.type for param in caller.params] == [param.type for param in params]
        return caller.params if caller is not None and same else params


def _param(btf: Btf, param: tuple[str, int]) -> tuple[str, str]:
    name, type_id = param
    return name, c_type(btf, type_id) if type_id else "..."


def _result(btf: Btf, type_id: int) -> Result:
    found = btf.resolve(type_id) if type_id else None
    if found is None:
        return Result()
    size = btf.size_of(found.id)
    if found.kind is Kind.PTR:
        return Result(ResultForm.POINTER, size)
    if found.kind not in _SCALARS or size > _REGISTER:
        return Result()
    # before 6.0 (pahole 1.24), nothing tells whether an enum is signed
    signed = found.signed or found.kind is not Kind.INT
    return Result(ResultForm.SIGNED if signed else ResultForm.UNSIGNED, size)


def _first_words(text: bytes) -> frozenset[str]:
    return frozenset(line.split(None, 1)[0].decode() for line in text.splitlines() if line.strip())
