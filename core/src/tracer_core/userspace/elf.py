"""What an ELF file says of places to probe, as file offsets: uprobes take those. Pure: a stream in, values out."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import NoteSection, SymbolTableSection

from tracer_core.errors import MachineError, near
from tracer_core.userspace.notes import BASE_SECTION, OWNER, SECTION, UsdtNote, parse_note

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

ARCHITECTURES = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64"}
_LOADABLE = ("ET_EXEC", "ET_DYN")
_EXECUTABLE = 1  # PF_X
# what a parser of damaged or hostile bytes ends in, besides its own errors
_BROKEN = (
    ELFError,
    ConstructError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
)


class NotInFileError(MachineError):
    """A file has not what was looked for, or is none that could have it."""


@dataclass(frozen=True, slots=True)
class UsdtLocation:
    """One place of a USDT probe.

    Attributes:
        offset: Of the instruction in the file.
        semaphore: Of the counter in the file, 0 if there is none: ``ref_ctr_offset`` of a uprobe.
        arguments: Their specification (:mod:`tracer_core.userspace.usdt_arguments`).
    """

    offset: int
    semaphore: int
    arguments: str


class Elf:
    """An ELF file: 64 bits, little-endian, an executable or a shared library.

    Args:
        stream: Its content, open as long as this is used.
        path: For messages.

    Raises:
        NotInFileError: it is something else.
    """

    def __init__(self, stream: BinaryIO, path: str) -> None:
        self.path = path
        with self._readable():
            self._file = ELFFile(stream)
            machine, kind = self._file["e_machine"], self._file["e_type"]
            if self._file.elfclass != 64 or not self._file.little_endian or machine not in ARCHITECTURES:
                raise NotInFileError(f"{path}: programs for {machine} cannot be probed, only 64-bit x86 and ARM")
            if kind not in _LOADABLE:
                raise NotInFileError(f"{path} is neither an executable nor a shared library")
            self.architecture = ARCHITECTURES[machine]

    @cached_property
    def notes(self) -> tuple[UsdtNote, ...]:
        """USDT notes, in the order of the file.

        Raises:
            NotInFileError: they cannot be read.
        """
        with self._readable():
            base = self._file.get_section_by_name(BASE_SECTION)
            section = self._file.get_section_by_name(SECTION)
            if not isinstance(section, NoteSection):
                return ()
            address = base["sh_addr"] if base is not None else 0
            return tuple(
                parse_note(note["n_descdata"], address) for note in section.iter_notes() if note["n_name"] == OWNER
            )

    def usdt(self, target: str) -> tuple[UsdtLocation, ...]:
        """All places of a probe, by file offset.

        Args:
            target: ``provider:name``.

        Raises:
            NotInFileError: it is not there, or a note points out of the program.
        """
        found = [note for note in self.notes if note.target == target]
        if not found:
            raise self._no_probe(target)
        places = {
            UsdtLocation(
                self._offset(note.pc, _EXECUTABLE),
                self._offset(note.semaphore, 0) if note.semaphore else 0,
                note.arguments,
            )
            for note in found
        }
        return tuple(sorted(places, key=lambda place: place.offset))

    def function(self, name: str) -> int:
        """File offset of a function, by its symbol.

        Raises:
            NotInFileError: there is none, or several that share the name.
        """
        with self._readable():
            addresses = set(self._addresses(name))
        if not addresses:
            hint = "a stripped program has no symbols but those that it exports"
            raise NotInFileError(f"{self.path} has no function {name}", hint=hint)
        if len(addresses) > 1:
            raise NotInFileError(f"{self.path} has {len(addresses)} functions of the name {name}")
        return self._offset(addresses.pop(), _EXECUTABLE)

    def _addresses(self, name: str) -> Iterator[int]:
        for section in self._file.iter_sections():
            if isinstance(section, SymbolTableSection):
                for symbol in section.get_symbol_by_name(name) or ():
                    if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_shndx"] != "SHN_UNDEF":
                        yield symbol["st_value"]

    @cached_property
    def _segments(self) -> tuple[tuple[int, int, int, int], ...]:
        with self._readable():
            return tuple(
                (segment["p_vaddr"], segment["p_memsz"], segment["p_offset"], segment["p_flags"])
                for segment in self._file.iter_segments("PT_LOAD")
            )

    def _offset(self, address: int, flags: int) -> int:
        for start, size, offset, has in self._segments:
            if start <= address < start + size and flags & has == flags:
                return address - start + offset
        what = "executable part" if flags else "part"
        raise NotInFileError(f"{self.path}: address {address:#x} is in no {what} of the program")

    def _no_probe(self, target: str) -> NotInFileError:
        if not self.notes:
            hint = "it has to be built with them, which often takes an option of its build"
            return NotInFileError(f"{self.path} has no USDT probes", hint=hint)
        hint = near(target, (note.target for note in self.notes)) or f"list them with: readelf -n {self.path}"
        return NotInFileError(f"{self.path} has no USDT probe {target}", hint=hint)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except _BROKEN as error:
            words = re.sub(r"\s+", " ", str(error)).strip() or type(error).__name__
            raise NotInFileError(f"{self.path} is not an ELF file that we can read: {words}") from error
