"""Handles of the kernel's own type information, which typed programs on functions and tracepoints of modules need."""

from __future__ import annotations

import ctypes
import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tracer_core.libbpf import BtfInfo, library

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME_SIZE = 64  # MODULE_NAME_LEN is 56


@contextmanager
def module_btf(module: str) -> Iterator[int]:
    """A descriptor of a loaded module's BTF, as the kernel numbers its types (5.11).

    Raises:
        OSError: ENOENT if it has none, or was unloaded; EPERM if we may not look.
    """
    fd = _find(module)
    try:
        yield fd
    finally:
        os.close(fd)


def _find(module: str) -> int:
    lib, number = library(), ctypes.c_uint32(0)
    while lib.bpf_btf_get_next_id(number.value, ctypes.byref(number)) == 0:
        fd: int = lib.bpf_btf_get_fd_by_id(number.value)
        if fd == -errno.ENOENT:  # gone in the meantime
            continue
        if fd < 0:
            raise OSError(-fd, f"open BTF: {os.strerror(-fd)}")
        if _name(fd) == module.encode():
            return fd
        os.close(fd)
    raise OSError(errno.ENOENT, f"the kernel has no BTF of module {module}")


def _name(fd: int) -> bytes:
    name = ctypes.create_string_buffer(_NAME_SIZE)
    info = BtfInfo(name=ctypes.addressof(name), name_len=_NAME_SIZE)
    size = ctypes.c_uint32(ctypes.sizeof(info))
    error: int = library().bpf_obj_get_info_by_fd(fd, ctypes.byref(info), ctypes.byref(size))
    # the kernel's own has a name, too; programs' has none
    return name.value if error == 0 and info.kernel_btf else b""
