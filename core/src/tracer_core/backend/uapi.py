"""Numbers of the kernel's BPF interface: ``include/uapi/linux/bpf.h``, as far as we use it."""

from __future__ import annotations

from enum import IntEnum


class ProgramType(IntEnum):
    """``enum bpf_prog_type``."""

    KPROBE = 2
    RAW_TRACEPOINT = 17
    TRACING = 26


class AttachType(IntEnum):
    """``enum bpf_attach_type``. Programs of most types are loaded with none of them, which is 0."""

    TRACE_RAW_TP = 23
    TRACE_FENTRY = 24
    TRACE_FEXIT = 25
    PERF_EVENT = 41
    TRACE_KPROBE_MULTI = 42
    """Since 5.18."""


class LinkType(IntEnum):
    """``enum bpf_link_type``."""

    PERF_EVENT = 7
    KPROBE_MULTI = 8


class PerfEventType(IntEnum):
    """``enum bpf_perf_event_type`` (6.6): what a link of type :attr:`LinkType.PERF_EVENT` is on."""

    KPROBE = 3
    KRETPROBE = 4


class MapType(IntEnum):
    """``enum bpf_map_type``."""

    HASH = 1
    ARRAY = 2
    PERCPU_HASH = 5
    PERCPU_ARRAY = 6
    LRU_HASH = 9
    LRU_PERCPU_HASH = 10
    LPM_TRIE = 11
    QUEUE = 22
    STACK = 23
    RINGBUF = 27
