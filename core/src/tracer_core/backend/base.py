"""What a run needs of a kernel: load, attach, read. Two implementations: BCC, and replay of a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    import numpy as np

    from tracer_core.compose.composition import Composition
    from tracer_core.plan.plan import Plan

    Numbers = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Records as they stood in the ring, in its order. Its length is their number.

    Attributes:
        data: Bytes. A record begins 8 bytes after a multiple of 8 and is at most as long as the plan says.
        offsets: Where in *data* each record begins, ascending.
    """

    data: bytes
    offsets: Numbers | Sequence[int]

    def __len__(self) -> int:
        return len(self.offsets)

    def first(self, count: int) -> Batch:
        """The same without all records after the first *count*."""
        return Batch(self.data, self.offsets[:count])


@dataclass(frozen=True, slots=True)
class Missed:
    """Hits for which the kernel did not run a program, in whatever namespace and of whatever packet they were.

    Attributes:
        probes: Indices in the plan. Of several, the kernel does not say which of them were hit.
        least: So many calls at least.
        most: So many at most; more than *least* only for probes at returns, for which a call is hit twice, at its
            entry and at its return, and may have been missed at one or at both.
    """

    probes: tuple[int, ...]
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Losses:
    """Events that could not be written, and hits that never became events.

    Attributes:
        by_probe: Events lost, for each probe of the plan, in order.
        missed: Hits missed while programs were enabled. No hit is in two of them, but a probe may be.
        uncounted: Indices of probes that may have missed hits, too, of which the kernel says nothing.
        messages: Messages of programs lost.
    """

    by_probe: tuple[int, ...]
    missed: tuple[Missed, ...] = ()
    uncounted: tuple[int, ...] = ()
    messages: int = 0

    @property
    def total(self) -> int:
        """Events lost, over all probes."""
        return sum(self.by_probe)


class Backend(Protocol):
    """A way to run a composed program. Leaving the context detaches and closes everything."""

    live: bool
    """It changes what the running kernel does; a replay does not."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...

    def compile(self, plan: Plan, composition: Composition) -> None:
        """Compile a composition and make its maps.

        Raises:
            CompileError: the compiler refused the text.
            MachineError: something that is needed is not there or not allowed.
        """

    def load(self) -> None:
        """Load all programs; nothing runs yet.

        Raises:
            LoadError: the kernel refused a program.
        """

    def attach(self) -> int:
        """Attach all programs, but to no spare probe. They do nothing until :meth:`enable`.

        Returns:
            How many probes are attached: optional ones that cannot be had are left out, with a warning.

        Raises:
            RunError: a probe could not be attached.
        """

    def extend(self, probes: Sequence[int]) -> tuple[int, ...]:
        """Attach to spare probes, too, while the others run; what cannot be attached is left out, with a warning.

        Args:
            probes: Indices in the plan, each once in a run.

        Returns:
            Those that are attached now.
        """

    def enable(self) -> None:
        """Let all programs work from now on."""

    def disable(self) -> None:
        """Stop them: none begins to write any more, and what is in the ring can still be read."""

    def detach(self) -> None:
        """Detach all programs; losses can still be asked for."""

    def read(self) -> Batch | None:
        """Take what has come, possibly nothing; does not wait.

        Returns:
            The records, empty if there are none now; ``None`` if there will never be any again.
        """

    def losses(self) -> Losses:
        """Events lost and hits missed so far; takes no lock that programs could wait for, and accesses no map."""
