"""Recordings of raw events, and the backend that plays them: a whole run without a kernel, for tests and bug reports.

A recording is a line of JSON that says which plan the records belong to, then blocks of an 8-byte little-endian
length and that many bytes as they stood in the ring.
"""

from __future__ import annotations

import contextlib
import json
import struct
from typing import TYPE_CHECKING, Any, BinaryIO

from tracer_core.backend.base import Batch, Losses
from tracer_core.backend.ring import walk
from tracer_core.errors import RunError, UsageError
from tracer_core.wire import ALIGNMENT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from tracer_core.backend.base import Backend
    from tracer_core.compose.composition import Composition
    from tracer_core.plan.plan import Plan

_LENGTH = struct.Struct("<Q")
_MAX_BLOCK = 1 << 30  # bytes, more than any ring has: a longer block is no block


def identity(plan: Plan) -> dict[str, Any]:
    """What of a plan its records depend on."""
    return {
        "probes": [str(probe.probe) for probe in plan.probes],
        "sections": [
            [s.layout.name, s.layout.version, s.shift, s.layout.size, s.layout.max_size] for s in plan.sections
        ],
    }


def beginning(plan: Plan) -> bytes:
    """What a recording of a plan's records begins with."""
    return json.dumps(identity(plan)).encode() + b"\n"


def block(batch: Batch) -> bytes:
    """What a recording has of a batch."""
    return _LENGTH.pack(len(batch.data)) + batch.data


class RecordingBackend:
    """Passes everything on to another backend, and writes what it reads to a file."""

    def __init__(self, backend: Backend, path: Path) -> None:
        self.live = backend.live
        self._backend = backend
        self._path = path
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        self._backend.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        try:
            if self._file is not None:
                with contextlib.suppress(OSError):  # reported when it was written
                    self._file.close()
        finally:
            self._backend.__exit__(kind, error, trace)

    def compile(self, plan: Plan, composition: Composition) -> None:
        """See :class:`~tracer_core.backend.base.Backend`; begins the recording."""
        self._backend.compile(plan, composition)
        try:
            self._file = self._path.open("wb")
        except OSError as error:
            raise RunError(f"cannot write {self._path}: {error.strerror}") from error
        self._write(self._file, beginning(plan))

    def load(self) -> None:
        """See :class:`~tracer_core.backend.base.Backend`."""
        self._backend.load()

    def attach(self) -> int:
        """See :class:`~tracer_core.backend.base.Backend`."""
        return self._backend.attach()

    def extend(self, probes: Sequence[int]) -> tuple[int, ...]:
        """See :class:`~tracer_core.backend.base.Backend`."""
        return self._backend.extend(probes)

    def enable(self) -> None:
        """See :class:`~tracer_core.backend.base.Backend`."""
        self._backend.enable()

    def disable(self) -> None:
        """See :class:`~tracer_core.backend.base.Backend`."""
        self._backend.disable()

    def detach(self) -> None:
        """See :class:`~tracer_core.backend.base.Backend`."""
        self._backend.detach()

    def read(self) -> Batch | None:
        """See :class:`~tracer_core.backend.base.Backend`; records what was read."""
        batch = self._backend.read()
        if batch and self._file is not None:
            self._write(self._file, block(batch))
        return batch

    def _write(self, file: BinaryIO, data: bytes) -> None:
        try:
            file.write(data)
            file.flush()
        except OSError as error:
            raise RunError(f"cannot write {self._path}: {error.strerror}", hint="is the disk full?") from error

    def losses(self) -> Losses:
        """See :class:`~tracer_core.backend.base.Backend`."""
        return self._backend.losses()


class ReplayBackend:
    """Plays a recording. Attaching does nothing; reading ends with the recording."""

    live = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._probes = self._attached = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if self._file is not None:
            self._file.close()

    def compile(self, plan: Plan, composition: Composition) -> None:  # noqa: ARG002 - nothing to compile
        """See :class:`~tracer_core.backend.base.Backend`.

        Raises:
            UsageError: the recording cannot be read, or was made with other probes or sections.
        """
        self._probes, self._attached = len(plan.probes), plan.attached
        try:
            self._file = self._path.open("rb")
            recorded = json.loads(self._file.readline())
        except (OSError, ValueError) as error:
            raise UsageError(f"cannot read the recording {self._path}: {error}") from error
        if recorded != identity(plan):
            raise UsageError(
                f"the recording {self._path} was made with other probes or sections: {json.dumps(recorded)}",
                hint="give the same -c and -p as when it was made",
            )

    def load(self) -> None:
        """See :class:`~tracer_core.backend.base.Backend`."""

    def attach(self) -> int:
        """See :class:`~tracer_core.backend.base.Backend`. All are as good as attached."""
        return self._attached

    def extend(self, _probes: Sequence[int]) -> tuple[int, ...]:
        """See :class:`~tracer_core.backend.base.Backend`."""
        return ()

    def enable(self) -> None:
        """See :class:`~tracer_core.backend.base.Backend`."""

    def disable(self) -> None:
        """See :class:`~tracer_core.backend.base.Backend`."""

    def detach(self) -> None:
        """See :class:`~tracer_core.backend.base.Backend`."""

    def read(self) -> Batch | None:
        """See :class:`~tracer_core.backend.base.Backend`.

        Raises:
            UsageError: the recording ends in the middle of a block.
        """
        if self._file is None:
            return None
        prefix = self._file.read(_LENGTH.size)
        if not prefix:
            return None
        size = _LENGTH.unpack(prefix)[0] if len(prefix) == _LENGTH.size else -1
        data = self._file.read(size) if 0 <= size <= _MAX_BLOCK else b""
        if len(data) != size:
            raise UsageError(f"the recording {self._path} is cut off at byte {self._file.tell()}")
        whole = size % ALIGNMENT == 0
        end, offsets = walk(memoryview(data).cast("I"), 0, size) if whole else (-1, ())
        if end != size:
            raise UsageError(f"the recording {self._path} is corrupt before byte {self._file.tell()}")
        return Batch(data, offsets)

    def losses(self) -> Losses:
        """See :class:`~tracer_core.backend.base.Backend`."""
        return Losses((0,) * self._probes)
