"""The few calls of ``libbpf.so.1`` that the project makes, typed, through ctypes.

libbcc depends on libbpf, so wherever BCC runs this library is present. Signatures:
``tools/lib/bpf/btf.h`` and ``bpf.h`` of the kernel tree, libbpf 1.0 and later.
"""

from __future__ import annotations

import ctypes
import logging
from functools import cache

from tracer_core.errors import MachineError
from tracer_core.levels import LogLevel

_SONAME = "libbpf.so.1"
_PRINT_FN = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)


_LINE = 1024  # bytes of a message
_LEVELS = {
    0: logging.DEBUG,
    1: logging.DEBUG,
}  # of enum libbpf_print_level: warning, information

log = logging.getLogger("libbpf")


def _print(level: int, text: bytes, arguments: int) -> int:
    """Log what libbpf says. What matters of it is in errno and in the verifier's log: those are reported."""
    importance = _LEVELS.get(level, LogLevel.TRACE)
    if log.isEnabledFor(importance):
        line = ctypes.create_string_buffer(_LINE)
        # a va_list is passed as a pointer, on x86-64 and aarch64
        ctypes.CDLL(None).vsnprintf(line, ctypes.c_size_t(_LINE), text, ctypes.c_void_p(arguments))
        log.log(importance, "%s", line.value.decode(errors="replace").rstrip())
    return 0


_PRINT = _PRINT_FN(_print)


class ProgLoadOpts(ctypes.Structure):
    """``struct bpf_prog_load_opts`` (libbpf 1.0); ``sz`` tells libbpf how much of it we know."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("attempts", ctypes.c_int),
        ("expected_attach_type", ctypes.c_uint32),
        ("prog_btf_fd", ctypes.c_uint32),
        ("prog_flags", ctypes.c_uint32),
        ("prog_ifindex", ctypes.c_uint32),
        ("kern_version", ctypes.c_uint32),
        ("attach_btf_id", ctypes.c_uint32),
        ("attach_prog_fd", ctypes.c_uint32),
        ("attach_btf_obj_fd", ctypes.c_uint32),
        ("fd_array", ctypes.c_void_p),
        ("func_info", ctypes.c_void_p),
        ("func_info_cnt", ctypes.c_uint32),
        ("func_info_rec_size", ctypes.c_uint32),
        ("line_info", ctypes.c_void_p),
        ("line_info_cnt", ctypes.c_uint32),
        ("line_info_rec_size", ctypes.c_uint32),
        ("log_level", ctypes.c_uint32),
        ("log_size", ctypes.c_uint32),
        ("log_buf", ctypes.c_void_p),
    )


class KprobeMulti(ctypes.Structure):
    """``kprobe_multi`` of ``struct bpf_link_create_opts``."""

    _fields_ = (
        ("flags", ctypes.c_uint32),
        ("cnt", ctypes.c_uint32),
        ("syms", ctypes.POINTER(ctypes.c_char_p)),
        ("addrs", ctypes.c_void_p),
        ("cookies", ctypes.c_void_p),
    )


class PerfEvent(ctypes.Structure):
    """``perf_event`` of ``struct bpf_link_create_opts``."""

    _fields_ = (("bpf_cookie", ctypes.c_uint64),)


class _LinkTarget(ctypes.Union):
    _fields_ = (("perf_event", PerfEvent), ("kprobe_multi", KprobeMulti))


class LinkCreateOpts(ctypes.Structure):
    """``struct bpf_link_create_opts`` (libbpf 1.0); of its union we only name what we use."""

    _anonymous_ = ("target",)
    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("flags", ctypes.c_uint32),
        ("iter_info", ctypes.c_void_p),
        ("iter_info_len", ctypes.c_uint32),
        ("target_btf_id", ctypes.c_uint32),
        ("target", _LinkTarget),
    )


class MapCreateOpts(ctypes.Structure):
    """``struct bpf_map_create_opts`` (libbpf 1.0), up to the flags."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("btf_fd", ctypes.c_uint32),
        ("btf_key_type_id", ctypes.c_uint32),
        ("btf_value_type_id", ctypes.c_uint32),
        ("btf_vmlinux_value_type_id", ctypes.c_uint32),
        ("inner_map_fd", ctypes.c_uint32),
        ("map_flags", ctypes.c_uint32),
    )


class MapInfo(ctypes.Structure):
    """``struct bpf_map_info`` of the kernel, up to the flags."""

    _fields_ = (
        ("type", ctypes.c_uint32),
        ("id", ctypes.c_uint32),
        ("key_size", ctypes.c_uint32),
        ("value_size", ctypes.c_uint32),
        ("max_entries", ctypes.c_uint32),
        ("map_flags", ctypes.c_uint32),
    )


class TestRunOpts(ctypes.Structure):
    """``struct bpf_test_run_opts`` (libbpf 1.0), up to the members that raw tracepoints take."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("data_in", ctypes.c_void_p),
        ("data_out", ctypes.c_void_p),
        ("data_size_in", ctypes.c_uint32),
        ("data_size_out", ctypes.c_uint32),
        ("ctx_in", ctypes.c_void_p),
        ("ctx_out", ctypes.c_void_p),
        ("ctx_size_in", ctypes.c_uint32),
        ("ctx_size_out", ctypes.c_uint32),
        ("retval", ctypes.c_uint32),
        ("repeat", ctypes.c_int),
        ("duration", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("cpu", ctypes.c_uint32),
        ("batch_size", ctypes.c_uint32),
    )


class BtfInfo(ctypes.Structure):
    """``struct bpf_btf_info`` (5.11) of include/uapi/linux/bpf.h."""

    _fields_ = (
        ("btf", ctypes.c_uint64),
        ("btf_size", ctypes.c_uint32),
        ("id", ctypes.c_uint32),
        ("name", ctypes.c_uint64),
        ("name_len", ctypes.c_uint32),
        ("kernel_btf", ctypes.c_uint32),
    )


class ProgInfo(ctypes.Structure):
    """``struct bpf_prog_info`` of include/uapi/linux/bpf.h, up to ``recursion_misses`` (5.12)."""

    _fields_ = (
        ("type", ctypes.c_uint32),
        ("id", ctypes.c_uint32),
        ("_unused", ctypes.c_uint8 * 200),  # where zeros ask for nothing
        ("recursion_misses", ctypes.c_uint64),
    )


class _PerfEventInfo(ctypes.Structure):
    """``perf_event`` of ``struct bpf_link_info`` with ``kprobe`` in it (6.6), up to ``missed`` (6.7, 6.6.59)."""

    _fields_ = (
        ("type", ctypes.c_uint32),
        ("func_name", ctypes.c_uint64),
        ("name_len", ctypes.c_uint32),
        ("offset", ctypes.c_uint32),
        ("addr", ctypes.c_uint64),
        ("missed", ctypes.c_uint64),
    )


class _KprobeMultiInfo(ctypes.Structure):
    """``kprobe_multi`` of ``struct bpf_link_info`` (6.6), up to ``missed`` (6.7)."""

    _fields_ = (
        ("addrs", ctypes.c_uint64),
        ("count", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("missed", ctypes.c_uint64),
    )


class _LinkInfoOf(ctypes.Union):
    _fields_ = (("perf_event", _PerfEventInfo), ("kprobe_multi", _KprobeMultiInfo))


class LinkInfo(ctypes.Structure):
    """``struct bpf_link_info`` of include/uapi/linux/bpf.h; of its union we only name what we use."""

    _anonymous_ = ("of",)
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("id", ctypes.c_uint32),
        ("prog_id", ctypes.c_uint32),
        ("of", _LinkInfoOf),
    )


@cache
def library() -> ctypes.CDLL:
    """Load the library once and declare the signatures we rely on.

    Raises:
        MachineError: the library is not installed.
    """
    try:
        lib = ctypes.CDLL(_SONAME, use_errno=True)
    except OSError as error:
        raise MachineError(
            f"cannot load {_SONAME}: {error}",
            hint="install libbpf 1.0 or later: apt install libbpf1",
        ) from error
    void_p, u32, text = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_char_p
    signatures: dict[str, tuple[type | None, tuple[type, ...]]] = {
        "libbpf_version_string": (text, ()),
        "libbpf_set_print": (void_p, (_PRINT_FN,)),
        "btf__parse_split": (void_p, (text, void_p)),
        "btf__free": (None, (void_p,)),
        "btf__type_cnt": (u32, (void_p,)),
        "btf__type_by_id": (void_p, (void_p, u32)),
        "btf__name_by_offset": (text, (void_p, u32)),
        "btf__find_by_name_kind": (ctypes.c_int, (void_p, text, u32)),
        "btf__raw_data": (void_p, (void_p, ctypes.POINTER(u32))),
        "bpf_prog_load": (
            ctypes.c_int,
            (ctypes.c_int, text, text, text, ctypes.c_size_t, ctypes.POINTER(ProgLoadOpts)),
        ),
        "bpf_prog_test_run_opts": (ctypes.c_int, (ctypes.c_int, ctypes.POINTER(TestRunOpts))),
        "bpf_btf_get_next_id": (ctypes.c_int, (u32, ctypes.POINTER(u32))),
        "bpf_btf_get_fd_by_id": (ctypes.c_int, (u32,)),
        "bpf_obj_get_info_by_fd": (ctypes.c_int, (ctypes.c_int, void_p, ctypes.POINTER(u32))),
        "bpf_map_update_elem": (ctypes.c_int, (ctypes.c_int, void_p, void_p, ctypes.c_uint64)),
        "bpf_raw_tracepoint_open": (ctypes.c_int, (text, ctypes.c_int)),
        "bpf_map_create": (ctypes.c_int, (ctypes.c_int, text, u32, u32, u32, void_p)),
        "bpf_link_create": (
            ctypes.c_int,
            (ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.POINTER(LinkCreateOpts)),
        ),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(lib, name)
        function.restype = result
        function.argtypes = arguments
    lib.libbpf_set_print(_PRINT)
    return lib


def version() -> str:
    """Release of the library, as it says: ``v1.1``.

    Raises:
        MachineError: the library is not installed.
    """
    text: bytes = library().libbpf_version_string()
    return text.decode()
