"""tracefs, mounted for the time of a run where it is missing."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tracer_core.errors import RunError
from tracer_core.types import Change

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracer_core.changes.changes import Changes

log = logging.getLogger(__name__)

PLACE = "/sys/kernel/tracing"
_IS_MOUNTED = f"mountpoint -q {PLACE}"
MOUNT = Change(
    f"tracefs on {PLACE}",
    do=("mount", "-t", "tracefs", "tracefs", PLACE),
    undo=("sh", "-c", f"if {_IS_MOUNTED}; then exec umount {PLACE}; fi"),
)


@contextmanager
def mounted(changes: Changes) -> Iterator[None]:
    """Have tracefs mounted within the block, if it can be."""
    with ExitStack() as stack:
        if _is_mounted() and not changes.is_made(MOUNT):
            log.debug("tracefs is already mounted")
        else:
            try:
                stack.enter_context(changes.made(MOUNT))
            except RunError as error:
                log.warning("Could not mount tracefs to %s: %s", PLACE, error.message)
        yield


def _is_mounted() -> bool:
    try:
        mounts = Path("/proc/self/mounts").read_text(errors="replace")
    except OSError:
        return False
    return any(line.split()[2] == "tracefs" for line in mounts.splitlines() if len(line.split()) > 2)
