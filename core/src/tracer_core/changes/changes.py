"""Changes of the machine: made for the time of a run, and never left behind for good.

Each is written down before it is made. So if the run is killed, the next one, or ``tracer doctor``, finds who made it,
sees that this process is gone, and undoes it.
"""

from __future__ import annotations

import logging
import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tracer_core.changes.commands import execute, held_signals
from tracer_core.changes.process import Process
from tracer_core.changes.records import Record, Records
from tracer_core.errors import MachineError, RunError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tracer_core.types import Change

log = logging.getLogger(__name__)


class Changes:
    """What this process may change.

    Args:
        records: Where changes are written down.
    """

    def __init__(self, records: Records | None = None) -> None:
        self._records = records or Records()
        self._process = Process.current()

    @contextmanager
    def made(self, change: Change) -> Iterator[None]:
        """Have the machine changed within the block. Runs that make the same change share it; the last one undoes it.

        Raises:
            MachineError: it cannot be written down.
            RunError: it cannot be made; then nothing is changed.
        """
        record = Record(change.what, change.undo, self._process)
        path = None
        try:
            with held_signals():  # they come at its end
                path = self._make(change, record)
            yield
        finally:
            if path is not None:
                with held_signals():
                    self._take_back(path, record)

    def is_made(self, change: Change) -> bool:
        """Whether a run that goes on has made it."""
        place = Record(change.what, change.undo, self._process).place
        return any(record.place == place for record in self._living())

    def _make(self, change: Change, record: Record) -> Path:
        with self._records.locked():
            shared = any(other.place == record.place for other in self._living())
            path = self._records.add(record)
            try:
                if not shared:
                    execute(change.do)
            except RunError as error:
                path.unlink(missing_ok=True)
                raise RunError(f"cannot make {change.what}: {error.message}", hint="nothing was changed") from error
        log.debug("made %s", change.what)
        return path

    def _take_back(self, path: Path, record: Record) -> None:
        try:
            with self._records.locked():
                if any(other.place == record.place for other in self._living(without=path)):
                    path.unlink(missing_ok=True)
                else:
                    self._undo(path, record)
        except MachineError as error:  # somebody did away with the folder meanwhile
            log.warning("%s", error)
            self._undo(path, record)

    def _living(self, without: Path | None = None) -> Iterator[Record]:
        for path, record in self._records.all().items():
            if path != without and not record.process.is_gone(self._process):
                yield record

    def clean(self) -> list[str]:
        """Undo what runs left behind that have been killed.

        Returns:
            What it was, by name.

        Raises:
            MachineError: the records cannot be used.
        """
        if not any(record.process.is_gone(self._process) for record in self._records.all().values()):
            return []
        undone = []
        with held_signals(), self._records.locked():
            kept = {record.place for record in self._living()}
            for path, record in self._records.all().items():
                if not record.process.is_gone(self._process):
                    continue
                if record.place in kept:
                    path.unlink(missing_ok=True)
                elif self._undo(path, record):
                    undone.append(record.what)
        return undone

    def _undo(self, path: Path, record: Record) -> bool:
        """Undo a change and forget it; where this fails, say how to do it by hand, and leave it to the next one."""
        entering = record.process.entering(self._process)
        try:
            if entering is not None:  # else its namespace is gone, and the change with it
                execute((*entering, *record.undo))
        except RunError as error:
            log.warning("cannot undo %s: %s; to undo it, run: %s", record.what, error, shlex.join(record.undo))
            return False
        path.unlink(missing_ok=True)
        log.debug("undid %s", record.what)
        return True


def clean() -> list[str]:
    """Undo what killed runs left behind, as far as this user may; never a reason to fail.

    Returns:
        What it was, by name.
    """
    try:
        undone = Changes().clean()
    except (MachineError, OSError) as error:
        log.debug("did not look for what killed runs left behind: %s", error)
        return []
    for what in undone:
        log.info("Undid what a killed run left behind: %s", what)
    return undone
