"""A run's fragments on made-up memory: structures are filled by member, and what is reported of them are events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.backend.machine import running_machine
from tracer_core.testing.trial import MEMORY_SIZE, Trial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from tracer_core.sections import Event
    from tracer_core.testing.runs import PlannedRun


class Tried:
    """The programs of a run, called on memory of one's own; see :class:`~tracer_core.testing.trial.Trial`.

    The memory is laid out as on the kernel that the run was planned for, which need not be the one that is running.

    Args:
        run: Planned with probes on tracepoints, and with ``typed=False``: the kernel runs no typed programs this way.
        extra: More C: functions ``int name(u64 *args)`` for ``trial.call``.
        functions: Their names.
    """

    def __init__(self, run: PlannedRun, *, extra: str = "", functions: Sequence[str] = ()) -> None:
        self._run = run
        self.trial = Trial(run.plan, run.composed(running_machine()), extra=extra, functions=functions)
        """What calls them."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.trial.__exit__(kind, error, trace)

    @property
    def memory(self) -> memoryview:
        """16 KiB, writable."""
        return self.trial.memory

    def address(self, at: int = 0) -> int:
        """What the kernel calls a byte of the memory: what pointers hold."""
        return self.trial.address + at

    def clear(self) -> None:
        """Make all of the memory zeros."""
        self.memory[:] = bytes(MEMORY_SIZE)

    def fill(self, aggregate: str, at: int, members: Mapping[str, int | bytes]) -> None:
        """Set members of a structure.

        Args:
            aggregate: Name of the ``struct`` or ``union``.
            at: Where in the memory it begins.
            members: By dotted path. Numbers may be negative; bytes fill the beginning of an array.

        Raises:
            KeyError: the kernel that the run is planned for has no such member.
        """
        for path, value in members.items():
            place = self._run.kernel.member(aggregate, path)
            if place is None:
                raise KeyError(f"{aggregate}.{path}")
            first = at + place.bit_offset // 8
            if isinstance(value, bytes):
                self.memory[first : first + len(value)] = value
            else:
                self._put(first, place.bit_offset % 8, place.bit_size or place.size * 8, value)

    def _put(self, first: int, shift: int, bits: int, value: int) -> None:
        """Set some bits of the bytes from *first* on, and leave the others."""
        mask = (1 << bits) - 1
        size = (shift + bits + 7) // 8
        with self.memory as memory:  # what a failed test still holds cannot be unmapped
            before = int.from_bytes(memory[first : first + size], "little")
            after = before & ~(mask << shift) | (value & mask) << shift
            memory[first : first + size] = after.to_bytes(size, "little")

    def events(self, *arguments: int, probe: int = 0) -> list[Event]:
        """Run a probe's program, and give the events that it makes: one or none.

        Args:
            arguments: Of the tracepoint: addresses, or numbers.
            probe: Index in the plan.
        """
        return self.trial.events(self._run.prepared.readers, *arguments, probe=probe)
