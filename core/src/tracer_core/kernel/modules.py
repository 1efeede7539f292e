"""Type information of modules: split BTF, loaded only where a name asks for it.

A machine has a hundred modules and most questions are not for them. libbpf would scan all types of
vmlinux again for each module, so the raw bytes are asked first: names in BTF are offsets into the
strings of vmlinux and of the module, and a type begins with that offset.
"""

from __future__ import annotations

import re
import struct
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from tracer_core.errors import MachineError
from tracer_core.kernel.btf import Btf
from tracer_core.kernel.btf_blob import Sections, sections

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tracer_core.kernel.btf_types import BtfType, Kind
    from tracer_core.kernel.source import Source


class ModuleTypes:
    """Types by name in the split BTF of all modules, in the order of the modules' names."""

    def __init__(self, source: Source, base: Btf) -> None:
        self._source = source
        self._base = base
        self._loaded: dict[str, Btf] = {}

    def btf(self, module: str) -> Btf:
        """The BTF of one module.

        Raises:
            KeyError: it has none.
            MachineError: it does not fit that of vmlinux.
        """
        if module not in self._loaded:
            if module not in self._raw:
                raise KeyError(module)
            data = self._source.split_btf(module)
            self._loaded[module] = Btf.from_bytes(data, base=self._base, origin=f"module {module}")
        return self._loaded[module]

    def find(self, name: str, *kinds: Kind) -> tuple[str, BtfType] | None:
        """The first type of that name and one of the kinds, and its module.

        A module whose type information does not fit vmlinux's is passed over.
        """
        for module in self._holding(name, kinds):
            try:
                btf = self.btf(module)
            except MachineError:
                continue
            found = btf.find(name, *kinds)
            if found and found.id >= self._base.count:
                return module, found
        return None

    def all(self) -> Iterator[Btf]:
        """The BTF of every module, without those that do not fit vmlinux's."""
        for module in self._raw:
            with suppress(MachineError):
                yield self.btf(module)

    def names(self, prefix: str) -> frozenset[str]:
        """All names of the modules' own that begin with *prefix*, the prefix cut off."""
        pattern = re.compile(rb"\0" + prefix.encode() + rb"(\w+)")
        return frozenset(name.decode() for parts in self._raw.values() for name in pattern.findall(parts.strings))

    @cached_property
    def _raw(self) -> dict[str, Sections]:
        return {module: sections(self._source.split_btf(module)) for module in self._source.split_modules()}

    def _holding(self, name: str, kinds: Collection[Kind]) -> Iterator[str]:
        if not self._raw:
            return
        needle = b"\0" + name.encode() + b"\0"
        strings = sections(self._base.raw).strings
        shared = strings.find(needle) + 1
        for module, parts in self._raw.items():
            own = parts.strings.find(needle) + 1
            offsets = ([shared] if shared else []) + ([len(strings) + own] if own else [])
            if any(_begins_type(parts.types, offset, kinds) for offset in offsets):
                yield module


def _begins_type(types: bytes, name_offset: int, kinds: Collection[Kind]) -> bool:
    """Whether a type of these kinds seems to have that name; other words may look like it."""
    needle = struct.pack("=I", name_offset)
    at = types.find(needle)
    while at >= 0:
        if at % 4 == 0 and at + 8 <= len(types):
            (info,) = struct.unpack_from("=I", types, at + 4)
            if info >> 24 & 0x1F in kinds:
                return True
        at = types.find(needle, at + 1)
    return False
