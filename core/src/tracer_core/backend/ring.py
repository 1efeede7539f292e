"""The BPF ring buffer, read in batches through its mapping.

Layout: ``kernel/bpf/ringbuf.c``. The first page holds the consumer position, the second the producer position, then the
data is mapped twice in a row. Each record has an 8-byte header: length with a busy and a discard bit.
The order of memory accesses relies on x86's: loads are not reordered with loads, stores not with older loads.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

from tracer_core.backend.base import Batch

if TYPE_CHECKING:
    from tracer_core.backend.base import Numbers

HEADER_SIZE = 8
MOST = 4 << 20
"""Bytes of a batch, if no record is longer: what is copied at a time, and then free for others in the ring."""

_BUSY = 1 << 31
_DISCARD = 1 << 30
_ALIKE = 32  # records of one length in a row, after which more of them are looked for all at once


class Ring:
    """Reader of one ring buffer map.

    Args:
        fd: Of the map; it stays the caller's.
        size: Bytes of data, a power of two.
    """

    def __init__(self, fd: int, size: int) -> None:
        page = mmap.PAGESIZE
        self._size = size
        self._consumer_page = mmap.mmap(fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._producer_page = mmap.mmap(fd, page, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
        self._pages = mmap.mmap(fd, 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=2 * page)
        # 8-byte views: one load, one store. Anything that writes byte by byte shows the kernel a torn position.
        self._consumer = memoryview(self._consumer_page).cast("Q")
        self._producer = memoryview(self._producer_page).cast("Q")
        self._words = memoryview(self._pages).cast("I")

    def close(self) -> None:
        """Give the mapping back."""
        for view in (self._consumer, self._producer, self._words):
            view.release()
        for mapping in (self._consumer_page, self._producer_page, self._pages):
            mapping.close()

    def read(self) -> Batch:
        """Take records that are complete: all, or as many as a batch may hold."""
        position = self._consumer[0]
        start = position & (self._size - 1)
        filled = self._producer[0] - position
        end, offsets = walk(self._words, start, start + min(filled, MOST))
        data = self._pages[start:end]
        if data:
            self._consumer[0] = position + end - start
        return Batch(data, offsets)


def walk(words: memoryview, start: int, end: int) -> tuple[int, Numbers]:
    """Find the complete records between two positions.

    Args:
        words: All bytes, as ``u32``.
        start: Where the first begins.
        end: None that begins there or later is looked at.

    Returns:
        Where they end, and where the contents of each begin, relative to *start*.
    """
    import numpy as np  # noqa: PLC0415 - takes its time, which a run has when it is attached

    pieces: list[Numbers] = []
    offsets: list[int] = []
    position, alike, last = start, 0, 0
    while position < end:
        length = words[position >> 2]
        if length >= _DISCARD:
            if length & _BUSY:
                break
            position += _room(length - _DISCARD)
            continue
        offsets.append(position)
        position += _room(length)
        alike = alike + 1 if length == last else 0
        last = length
        if alike == _ALIKE:  # probably a flood of them: the next ones all at once
            more = np.frombuffer(words, np.uint32)[position >> 2 : end >> 2 : _room(length) >> 2] == length
            count = len(more) if more.all() else int(more.argmin())
            pieces += (np.array(offsets), np.arange(position, position + count * _room(length), _room(length)))
            position += count * _room(length)
            offsets, alike = [], 0
    return position, np.concatenate([*pieces, np.array(offsets, np.int64)]) + (HEADER_SIZE - start)


def _room(length: int) -> int:
    """Bytes that a record of that length takes."""
    return (length + HEADER_SIZE + 7) & ~7
