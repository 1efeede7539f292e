"""Programs in the kernel: ours, and those that somebody holds."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
from pathlib import Path


def our_programs() -> set[int]:
    """Ids of the programs in the kernel that are called as ours are."""
    libbpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
    found, number = set(), ctypes.c_uint32(0)
    while libbpf.bpf_prog_get_next_id(number, ctypes.byref(number)) == 0:
        fd = libbpf.bpf_prog_get_fd_by_id(number)
        if fd < 0:
            continue  # gone
        info, size = ctypes.create_string_buffer(80), ctypes.c_uint32(80)  # up to the name, which every kernel has
        if libbpf.bpf_obj_get_info_by_fd(fd, info, ctypes.byref(size)) == 0 and info.raw[64:80].startswith(b"tracer\0"):
            found.add(number.value)
        os.close(fd)
    return found


def held_programs() -> set[int]:
    """Ids of the programs that some living process holds, itself or by an attachment."""
    found: set[int] = set()
    for path in Path("/proc").glob("[0-9]*/fdinfo/*"):
        with contextlib.suppress(OSError):
            found.update(map(int, re.findall(r"^prog_id:\s+(\d+)$", path.read_text(), re.MULTILINE)))
    return found


def map_named(name: str) -> int:
    """A descriptor of the newest map in the kernel with this name, up to 15 bytes. Closing it is the caller's.

    Raises:
        LookupError: there is none.
    """
    libbpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
    found, number = -1, ctypes.c_uint32(0)
    while libbpf.bpf_map_get_next_id(number, ctypes.byref(number)) == 0:
        fd = libbpf.bpf_map_get_fd_by_id(number)
        info, size = ctypes.create_string_buffer(40), ctypes.c_uint32(40)  # up to the name
        is_known = fd >= 0 and libbpf.bpf_obj_get_info_by_fd(fd, info, ctypes.byref(size)) == 0
        if is_known and info.raw[24:40].rstrip(b"\0") == name.encode():
            fd, found = found, fd
        if fd >= 0:
            os.close(fd)
    if found < 0:
        raise LookupError(f"no map is called {name}")
    return found
