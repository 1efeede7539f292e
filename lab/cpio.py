"""Archives that the kernel takes as its first root file system: cpio, the "newc" kind."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

CONSOLE = (5, 1)


class Entry(NamedTuple):
    """A file, folder or device."""

    name: str
    data: bytes = b""
    mode: int = stat.S_IFREG | 0o644
    device: tuple[int, int] = (0, 0)


def folder(name: str) -> Entry:
    """A folder; it must come before what is in it."""
    return Entry(name, mode=stat.S_IFDIR | 0o755)


def program(name: str, data: bytes) -> Entry:
    """An executable file."""
    return Entry(name, data, stat.S_IFREG | 0o755)


def archive(entries: Iterable[Entry]) -> bytes:
    """All of it; the kernel unpacks archives that follow each other."""
    parts = [_packed(number, entry) for number, entry in enumerate(entries, 1)]
    return b"".join([*parts, _packed(0, Entry("TRAILER!!!", mode=0))])


def _packed(number: int, entry: Entry) -> bytes:
    name = entry.name.encode() + b"\0"
    fields = (number, entry.mode, 0, 0, 1, 0, len(entry.data), 0, 0, *entry.device, len(name), 0)
    header = b"070701" + "".join(f"{field:08x}" for field in fields).encode()
    return _padded(header + name) + _padded(entry.data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
