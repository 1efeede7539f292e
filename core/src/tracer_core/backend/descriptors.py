"""File descriptors: of what the kernel has given us, and how many we may have."""

from __future__ import annotations

import os
import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_OTHERS = 512  # descriptors for everything that is not attached


@contextmanager
def owned(fd: int, doing: str = "") -> Iterator[int]:
    """A descriptor that libbpf returned, closed at the end of the block.

    Args:
        fd: As returned: a negative one is an error number.
        doing: What the call was for, in the text of the error.

    Raises:
        OSError: there is none.
    """
    if fd < 0:
        reason = os.strerror(-fd)
        raise OSError(-fd, f"{doing}: {reason}" if doing else reason)
    try:
        yield fd
    finally:
        os.close(fd)


def make_room(count: int) -> None:
    """Be allowed so many descriptors beside those for everything else, as far as we may allow ourselves."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + _OTHERS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
