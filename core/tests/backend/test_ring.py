from __future__ import annotations

import mmap
import os
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_core.backend import ring as module
from tracer_core.backend.ring import HEADER_SIZE, Ring, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY, DISCARD = 1 << 31, 1 << 30
SIZE = 1 << 16  # bytes of the ring of these tests


def record(length: int, flags: int = 0) -> bytes:
    return struct.pack("<II", length | flags, 7) + bytes(-(-length // 8) * 8)


def offsets_of(records: list[bytes]) -> list[int]:
    """Where the contents begin of those that are neither discarded nor behind one that is being written."""
    found, at = [], 0
    for one in records:
        (length,) = struct.unpack_from("<I", one)
        if length & BUSY:
            break
        if not length & DISCARD:
            found.append(at + HEADER_SIZE)
        at += len(one)
    return found


def words(data: bytes) -> memoryview:
    return memoryview(data).cast("I")


# runs of one length, as floods make them, and single records between them
runs = st.tuples(
    st.integers(0, 40), st.sampled_from([0, 0, 0, 0, DISCARD, BUSY]), st.one_of(st.just(1), st.integers(1, 120))
)


@given(st.lists(runs, max_size=12))
def test_every_complete_record_before_the_first_busy_one_is_found(parts: list[tuple[int, int, int]]) -> None:
    records = [record(length, flags) for length, flags, count in parts for _ in range(count)]
    complete = records[: next((n for n, one in enumerate(records) if one[3] & 0x80), len(records))]
    data = b"".join(records)
    end, offsets = walk(words(data), 0, len(data))
    assert end == len(b"".join(complete))
    assert offsets.tolist() == offsets_of(records)


def test_offsets_are_relative_to_where_the_walk_began() -> None:
    data = record(5) * 3
    end, offsets = walk(words(data), 16, len(data))
    assert (end, offsets.tolist()) == (48, [8, 24])


class Kernel:
    """The producer's side of a ring, in memory that a descriptor can be had of."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("ring")
        os.ftruncate(self.fd, 2 * mmap.PAGESIZE + 2 * SIZE)
        self.position = 0

    def write(self, data: bytes) -> None:
        for at in range(len(data)):  # the data is there twice, one after the other
            place = (self.position + at) % SIZE
            for base in (0, SIZE):
                os.pwrite(self.fd, data[at : at + 1], 2 * mmap.PAGESIZE + base + place)
        self.position += len(data)
        os.pwrite(self.fd, struct.pack("<Q", self.position), mmap.PAGESIZE)

    def consumed(self) -> int:
        return int.from_bytes(os.pread(self.fd, 8, 0), "little")


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    made = Kernel()
    yield made
    os.close(made.fd)


def test_what_was_read_is_given_back_to_the_kernel_and_never_read_again(kernel: Kernel) -> None:
    ring = Ring(kernel.fd, SIZE)
    assert len(ring.read()) == 0
    kernel.write(record(24) * 2)
    batch = ring.read()
    assert (batch.data, list(batch.offsets)) == (record(24) * 2, [8, 40])
    assert kernel.consumed() == 64
    assert len(ring.read()) == 0
    ring.close()


def test_records_that_go_over_the_end_of_the_ring_are_whole(kernel: Kernel) -> None:
    ring = Ring(kernel.fd, SIZE)
    kernel.write(record(SIZE - 32))
    assert len(ring.read()) == 1
    kernel.write(struct.pack("<II", 40, 0) + bytes(range(40)))
    assert ring.read().data[HEADER_SIZE:] == bytes(range(40))
    ring.close()


def test_what_comes_behind_a_record_that_is_being_written_waits_for_it(kernel: Kernel) -> None:
    ring = Ring(kernel.fd, SIZE)
    kernel.write(record(8) + record(8, BUSY) + record(8))
    assert list(ring.read().offsets) == [8]
    assert len(ring.read()) == 0
    assert kernel.consumed() == 16
    ring.close()


def test_a_read_takes_no_more_than_a_batch_may_hold(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 100)
    ring = Ring(kernel.fd, SIZE)
    kernel.write(record(24) * 5)
    assert [len(ring.read()) for _ in range(3)] == [4, 1, 0]
    ring.close()
