"""Our filters as native code, libpcap's interpreter and the kernel's classic BPF, over many packets at once."""

from __future__ import annotations

import ctypes
import shutil
import socket
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tracer_core.filters.classic import Program
from tracer_core.filters.packet import header
from tracer_core.filters.pcap import library
from tracer_core.testing.pytest_plugin import unavailable

SHIM = Path(__file__).with_name("shim.c")
GAP = 256  # bytes behind each packet, as a kernel has them behind the data of one
ADDRESSES = 12
SO_ATTACH_FILTER = 26
CODE = struct.Struct("=HBBI")


@dataclass(frozen=True)
class Sample:
    """A packet as a filter meets it.

    Attributes:
        data: Its bytes.
        linear: How many of them can be read.
        tag: TPID << 16 | TCI, beside the data; 0: none.
    """

    data: bytes
    linear: int
    tag: int = 0

    def on_the_wire(self) -> Sample:
        """With its tag in place, and not beside the data any more."""
        if not self.tag or self.linear < ADDRESSES:
            return Sample(self.data, self.linear)
        data = self.data[:ADDRESSES] + self.tag.to_bytes(4, "big") + self.data[ADDRESSES:]
        return Sample(data, self.linear + 4)

    def without_tag(self) -> Sample:
        return Sample(self.data, self.linear)


class Packets:
    """Samples in memory that C can walk."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = samples
        entries, arena = [], bytearray()
        for sample in samples:
            entries += [len(arena), len(sample.data), sample.linear, sample.tag]
            arena += sample.data + bytes((n * 37 + 11) & 0xFF for n in range(GAP))
        self.count = len(samples)
        self.arena = ctypes.create_string_buffer(bytes(arena), len(arena))
        self.entries = (ctypes.c_uint32 * len(entries))(*entries)

    def __len__(self) -> int:
        return self.count


def shared_library(folder: Path, text: str, *flags: str) -> ctypes.CDLL:
    """C, compiled by the compiler of the machine and loaded; a warning is an error."""
    gcc = shutil.which("gcc")
    if gcc is None:
        unavailable("gcc", "needs gcc")
    number = len(list(folder.iterdir()))
    source, target = folder / f"{number}.c", folder / f"{number}.so"
    source.write_text(text)
    always = ("-shared", "-fPIC", "-Wall", "-Wno-unused-function", "-Werror")
    subprocess.run([gcc, *always, *flags, "-o", target, source], check=True)
    return ctypes.CDLL(str(target))


class Native:
    """Functions of filters, compiled by the C compiler of the machine.

    Args:
        folder: To compile in.
        texts: Each defines one function.
        names: Of the functions.
        flags: For the compiler.
    """

    def __init__(self, folder: Path, texts: Sequence[str], names: Sequence[str], *flags: str) -> None:
        run = "\n".join(f"RUN({name})" for name in names)
        text = "\n".join((SHIM.read_text(), header().text, *texts, run))
        self.lib = shared_library(folder, text, "-O0", "-Wno-unused-variable", "-Wno-unused-but-set-variable", *flags)
        self._names = names

    def verdicts(self, which: int, packets: Packets) -> bytes:
        out = ctypes.create_string_buffer(len(packets))
        size = ctypes.c_uint64(len(packets.arena))
        self.lib[f"run_{self._names[which]}"](packets.arena, size, packets.entries, len(packets), out)
        return out.raw

    @property
    def strays(self) -> int:
        return ctypes.c_uint32.in_dll(self.lib, "strays").value


def encoded(program: Program) -> bytes:
    return b"".join(CODE.pack(each.code, each.jt, each.jf, each.k) for each in program)


def libpcap_verdicts(native: Native, program: Program, packets: Packets) -> bytes:
    """What ``bpf_filter()`` of libpcap says."""
    out = ctypes.create_string_buffer(len(packets))
    native.lib.run_interpreter(
        library().bpf_filter, encoded(program), packets.arena, packets.entries, len(packets), out
    )
    return out.raw


class KernelFilter:
    """The kernel's own classic BPF, on a pair of datagram sockets: what matches is received. Needs no privileges."""

    def __init__(self, program: Program) -> None:
        self._sockets = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        code = encoded(program)
        self._code = ctypes.create_string_buffer(code, len(code))
        fprog = struct.pack("HxxxxxxP", len(program), ctypes.addressof(self._code))
        try:
            self._sockets[1].setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        for each in self._sockets:
            each.close()

    def verdicts(self, native: Native, packets: Packets) -> bytes:
        out = ctypes.create_string_buffer(len(packets))
        ours, theirs = (each.fileno() for each in self._sockets)
        native.lib.run_sockets(ours, theirs, packets.arena, packets.entries, len(packets), out)
        return out.raw


def kernel_verdicts(native: Native, program: Program, packets: Packets) -> bytes:
    kernel = KernelFilter(program)
    try:
        return kernel.verdicts(native, packets)
    finally:
        kernel.close()
