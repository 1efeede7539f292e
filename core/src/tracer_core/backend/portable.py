"""Compiled code that outlives the process that compiled it: bytes from which code and its maps can be made again.

Format: SHA-256 of the rest, a line of JSON, then the code of all functions one after the other. In the code, maps are
referred to by their position in the list. Reading executes nothing, and believes nothing that it has not checked.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from tracer_core.backend.compiler import Compiled
from tracer_core.backend.instructions import CONSTANT, MAP_FD, SIZE, wide_loads, with_values
from tracer_core.backend.uapi import MapType
from tracer_core.libbpf import MapCreateOpts, MapInfo, library

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

FORMAT = 1
"""To be raised with each change of the format, or of what it means."""

_DIGEST = 32
# maps that are nothing but what their definition says: others refer to maps, programs or devices
_TYPES = frozenset(MapType)
_NUMA_NODE = 1 << 2  # BPF_F_NUMA_NODE: the definition would have to say which


class NotPortableError(ValueError):
    """Code or maps that cannot be kept, or bytes from which none can be made."""


@dataclass(frozen=True, slots=True)
class MapDefinition:
    """What a map is made from: ``struct bpf_map_info``."""

    name: str
    type: int
    key_size: int
    value_size: int
    max_entries: int
    flags: int


@dataclass(frozen=True, slots=True)
class File:
    """A file that the code depends on, as it was.

    Attributes:
        path: Absolute.
        size: Bytes.
        changed: Nanoseconds since 1970.
    """

    path: str
    size: int
    changed: int

    @classmethod
    def at(cls, path: str) -> File:
        """As it is now.

        Raises:
            OSError: it is not there.
        """
        status = os.stat(path)  # noqa: PTH116 - pathlib would be the only use of it here
        return cls(path, status.st_size, status.st_mtime_ns)

    @property
    def is_unchanged(self) -> bool:
        """Whether it still is what it was."""
        try:
            return File.at(self.path) == self
        except (OSError, ValueError):
            return False


@dataclass(frozen=True, slots=True)
class Portable:
    """Code without maps.

    Attributes:
        key: What it was made from.
        code: Instructions by function; they refer to maps by their position.
        maps: What to make.
        files: Of the compiler.
    """

    key: str
    code: dict[str, bytes]
    maps: tuple[MapDefinition, ...]
    files: tuple[File, ...]


def portable(key: str, compiled: Compiled) -> Portable:
    """Take code off its maps.

    Raises:
        NotPortableError: it refers to something, or has maps, of which a definition is not enough.
        OSError: a map cannot be asked, or a file of the compiler is gone.
    """
    maps = tuple(_definition(name, fd) for name, fd in compiled.maps.items())
    positions = {fd: position for position, fd in enumerate(compiled.maps.values())}
    if not all(_refers_to(positions, code) for code in compiled.code.values()):
        raise NotPortableError("it refers to other things than its maps")
    code = {name: with_values(code, MAP_FD, positions) for name, code in compiled.code.items()}
    return Portable(key, code, maps, tuple(map(File.at, compiled.files)))


def with_maps(value: Portable) -> Compiled:
    """Code on maps of its own: the other way round. Their descriptors are the caller's to close.

    Raises:
        OSError: the kernel did not make one.
    """
    maps = _make_maps(value.maps)
    fds = dict(enumerate(maps.values()))
    code = {name: with_values(code, MAP_FD, fds) for name, code in value.code.items()}
    return Compiled(code, maps, tuple(file.path for file in value.files))


def _make_maps(definitions: Sequence[MapDefinition]) -> dict[str, int]:
    """Make maps; their descriptors are the caller's to close.

    Raises:
        OSError: the kernel did not make one.
    """
    made: dict[str, int] = {}
    for wanted in definitions:
        options = MapCreateOpts(sz=ctypes.sizeof(MapCreateOpts), map_flags=wanted.flags)
        fd: int = library().bpf_map_create(
            wanted.type,
            wanted.name.encode(),
            wanted.key_size,
            wanted.value_size,
            wanted.max_entries,
            ctypes.byref(options),
        )
        if fd < 0:
            for other in made.values():
                os.close(other)
            raise OSError(-fd, f"map {wanted.name}: {os.strerror(-fd)}")
        made[wanted.name] = fd
    return made


def encode(value: Portable) -> bytes:
    """Write portable code as bytes."""
    head = {
        "key": value.key,
        "functions": [[name, len(code)] for name, code in value.code.items()],
        "maps": [astuple(definition) for definition in value.maps],
        "files": [astuple(file) for file in value.files],
    }
    body = b"\n".join((json.dumps(head).encode(), b"".join(value.code.values())))
    return hashlib.sha256(body).digest() + body


def decode(data: bytes) -> Portable:
    """Read portable code from bytes.

    Raises:
        NotPortableError: the bytes are not what :func:`encode` wrote.
    """
    body = data[_DIGEST:]
    if hashlib.sha256(body).digest() != data[:_DIGEST]:
        raise NotPortableError("cut off or damaged")
    head, _, code = body.partition(b"\n")
    try:
        return _checked(json.loads(head), code)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise NotPortableError(f"not of this format: {error!r}") from error


def _checked(head: Any, code: bytes) -> Portable:  # noqa: ANN401 - JSON
    maps = tuple(MapDefinition(_text(name), *map(_number, numbers)) for name, *numbers in head["maps"])
    files = tuple(File(_text(path), *map(_number, numbers)) for path, *numbers in head["files"])
    functions, at = {}, 0
    for name, size in head["functions"]:
        functions[_text(name)] = code[at : at + _number(size)]
        at += size
    if at != len(code) or any(len(part) % SIZE for part in functions.values()):
        raise NotPortableError("sizes of functions")
    if not all(_refers_to(range(len(maps)), part) for part in functions.values()):
        raise NotPortableError("references to maps")
    if len({made.name for made in maps}) != len(maps) or not all(map(_is_plain, maps)):
        raise NotPortableError("maps")
    return Portable(_text(head["key"]), functions, maps, files)


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    if not isinstance(value, str):
        raise NotPortableError(f"{value!r} is not a string")
    return value


def _number(value: Any) -> int:  # noqa: ANN401 - JSON
    if not isinstance(value, int) or not 0 <= value < 1 << 64:
        raise NotPortableError(f"{value!r} is not a number")
    return value


def _definition(name: str, fd: int) -> MapDefinition:
    info, size = MapInfo(), ctypes.c_uint32(ctypes.sizeof(MapInfo))
    error: int = library().bpf_obj_get_info_by_fd(fd, ctypes.byref(info), ctypes.byref(size))
    if error < 0:
        raise OSError(-error, os.strerror(-error))
    made = MapDefinition(name, info.type, info.key_size, info.value_size, info.max_entries, info.map_flags)
    if not _is_plain(made):
        raise NotPortableError(f"map {name} of type {made.type}")
    return made


def _refers_to(maps: Container[int], code: bytes) -> bool:
    """Whether code refers to these maps and to nothing else that belongs to a process."""
    return all(load.source == CONSTANT or (load.source == MAP_FD and load.value in maps) for load in wide_loads(code))


def _is_plain(made: MapDefinition) -> bool:
    is_name = made.name.isascii() and made.name.isidentifier()
    return is_name and made.type in _TYPES and not made.flags & _NUMA_NODE
