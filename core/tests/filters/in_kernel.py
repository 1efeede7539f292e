"""Filters compiled as in a run and called in the kernel, with packets in a map that user space has mapped."""

from __future__ import annotations

import ctypes
import mmap
import os
import re
import struct
import time
from contextlib import ExitStack
from importlib.resources import files

from core.tests.filters.oracles import Sample

from tracer_core.backend.compiler import Compiler
from tracer_core.filters.packet import header
from tracer_core.libbpf import ProgLoadOpts, TestRunOpts, library

RAW_TRACEPOINT, CLASSIFIER = 17, 3  # enum bpf_prog_type: the second can be repeated and timed
SIZE = 1 << 16
FIXED = struct.Struct("=QIII4x")
LOG_SIZE = 1 << 24
LOG_ALL, LOG_STATISTICS = 1, 4  # BPF_LOG_LEVEL1, BPF_LOG_STATS (5.2)

MEMORY = """
struct tracer_trial { u64 address; u32 len, linear, tag, unused; u8 memory[65536]; };
BPF_F_TABLE("array", u32, struct tracer_trial, tracer_trial, 1, BPF_F_MMAPABLE);
int tracer_trial_address(void *ctx)
{
	u32 key = 0;
	struct tracer_trial *trial = tracer_trial.lookup(&key);
	if (trial)
		trial->address = (u64)&trial->memory;
	return 0;
}
"""

CALL = """
int run_{name}(void *ctx)
{{
	u32 key = 0;
	struct tracer_trial *trial = tracer_trial.lookup(&key);
	if (!trial)
		return 0;
	return {call};
}}
"""
EMPTY = "trial->len + trial->linear + trial->tag + (u32)trial->address"


def program_text(functions: dict[str, str]) -> str:
    """C of functions by name, with an entry for each, and for one that does nothing."""
    api = files("tracer_core").joinpath("compose/bpf/tracer.bpf.h").read_text("utf-8")
    mask = re.search(r"^#define tracer_mask\(.*$", api, re.MULTILINE)
    assert mask
    calls = {name: f"{name}((void *)trial->address, trial->len, trial->linear, trial->tag)" for name in functions}
    entries = [CALL.format(name=name, call=call) for name, call in (calls | {"empty": EMPTY}).items()]
    return "\n".join((mask[0], MEMORY, header().text, *functions.values(), *entries))


class InKernel:
    """Loaded filters.

    Args:
        functions: C of each by the name of its function.
        kind: Of program.

    Attributes:
        code: Instructions, by function.
        processed: How many instructions the verifier looked at, the same one as often as it did.
    """

    def __init__(self, functions: dict[str, str], kind: int = RAW_TRACEPOINT) -> None:
        self._resources = ExitStack()
        self._kind = kind
        names = [f"run_{name}" for name in (*functions, "empty")]
        start = time.perf_counter()
        with Compiler() as compiler:
            compiled = compiler.compile(program_text(functions), [*names, "tracer_trial_address"])
        self.compile_seconds = time.perf_counter() - start
        for fd in compiled.maps.values():
            self._resources.callback(os.close, fd)
        size = -(-(SIZE + FIXED.size) // mmap.PAGESIZE) * mmap.PAGESIZE
        self._memory = mmap.mmap(compiled.maps["tracer_trial"], size)
        self._resources.callback(self._memory.close)
        self.code = compiled.code
        self.processed: dict[str, int] = {}
        start = time.perf_counter()
        self._fds = {name: self._load(name, code) for name, code in compiled.code.items()}
        self.load_seconds = time.perf_counter() - start
        self._call("tracer_trial_address")
        self._address = FIXED.unpack_from(self._memory)[0]

    def __enter__(self) -> InKernel:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def put(self, sample: Sample) -> None:
        """What the next calls see. Behind the packet, bytes that are not its own."""
        FIXED.pack_into(self._memory, 0, self._address, len(sample.data), sample.linear, sample.tag)
        data = sample.data[: sample.linear] + b"\x45\x08\x00\x06" * 100
        self._memory[FIXED.size : FIXED.size + len(data)] = data

    def verdict(self, name: str) -> int:
        return self._call(f"run_{name}")[0]

    def nanoseconds(self, name: str, repeat: int) -> int:
        return self._call(f"run_{name}", repeat)[1]

    def _call(self, function: str, repeat: int = 0) -> tuple[int, int]:
        options = TestRunOpts(sz=ctypes.sizeof(TestRunOpts))
        arguments = (ctypes.c_uint64 * 12)()
        if self._kind == RAW_TRACEPOINT:
            options.ctx_in, options.ctx_size_in = ctypes.addressof(arguments), ctypes.sizeof(arguments)
        else:
            options.data_in, options.data_size_in = ctypes.addressof(arguments), ctypes.sizeof(arguments)
            options.repeat = repeat
        error = library().bpf_prog_test_run_opts(self._fds[function], ctypes.byref(options))
        assert not error, os.strerror(-error)
        return options.retval, options.duration

    def _load(self, name: str, code: bytes) -> int:
        log = ctypes.create_string_buffer(LOG_SIZE)
        options = ProgLoadOpts(sz=ctypes.sizeof(ProgLoadOpts))
        options.log_size, options.log_buf = LOG_SIZE, ctypes.addressof(log)
        for options.log_level in (LOG_STATISTICS, LOG_ALL):
            count = len(code) // 8
            fd: int = library().bpf_prog_load(self._kind, b"trial", b"GPL", code, count, ctypes.byref(options))
            if fd >= 0:
                self._resources.callback(os.close, fd)
                processed = re.search(rb"processed (\d+) insns", log.value)
                assert processed
                self.processed[name] = int(processed[1])
                return fd
        raise AssertionError(f"{os.strerror(-fd)}: …{log.value.decode(errors='replace')[-3000:]}")


def stack_bytes(code: bytes) -> int:
    """How deep below the frame pointer a program's loads, stores and addresses go."""
    deepest = 0
    for at in range(0, len(code), 8):
        op, registers, offset, immediate = struct.unpack_from("=BBhi", code, at)
        source, target = registers >> 4, registers & 15
        if (op & 7 in (2, 3) and target == 10) or (op & 7 == 1 and source == 10):
            deepest = min(deepest, offset)
        if op == 0x07 and immediate < 0:  # r = r10; r += immediate
            deepest = min(deepest, immediate if at >= 8 and code[at - 8] == 0xBF and code[at - 7] >> 4 == 10 else 0)
    return -deepest
