"""The BPF ring buffer, read in batches through its mapping.

Layout: ``kernel/bpf/ringbuf.c``. The first page holds the consumer position, the second the producer position, then the
data is mapped twice in a row. Each record has an 8-byte header: length with a busy and a discard bit.
The order of memory accesses relies on x86's: loads are not reordered with loads, stores not with older loads.
"""

from __future__ import annotations

import mmap
import struct

from tracer_core.backend.base import Batch

HEADER_SIZE = 8
_BUSY = 1 << 31
_DISCARD = 1 << 30
_LENGTH = struct.Struct("<I").unpack_from


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

    def close(self) -> None:
        """Give the mapping back."""
        self._consumer.release()
        self._producer.release()
        for mapping in (self._consumer_page, self._producer_page, self._pages):
            mapping.close()

    def read(self) -> Batch:
        """Take all records that are complete."""
        position = self._consumer[0]
        start = position & (self._size - 1)
        end, offsets = walk(self._pages, start, start + self._producer[0] - position)
        if end == start:
            return EMPTY
        data = self._pages[start:end]
        self._consumer[0] = position + end - start
        return Batch(data, offsets)


def walk(data: bytes | mmap.mmap, start: int, end: int) -> tuple[int, tuple[int, ...]]:
    """Find the complete records between two positions.

    Returns:
        Where they end, and where each begins, relative to *start*.
    """
    position, offsets = start, []
    while position < end:
        (length,) = _LENGTH(data, position)
        if length & _BUSY:
            break
        if not length & _DISCARD:
            offsets.append(position - start + HEADER_SIZE)
        position += ((length & ~_DISCARD) + HEADER_SIZE + 7) & ~7
    return position, tuple(offsets)


EMPTY = Batch(b"", ())
