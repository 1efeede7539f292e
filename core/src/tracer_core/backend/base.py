"""What a run needs of a kernel: load, attach, read. Two implementations: BCC, and replay of a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from tracer_core.compose.composition import Composition
    from tracer_core.plan.plan import Plan


@dataclass(frozen=True, slots=True)
class Batch:
    """Records as they stood in the ring, in its order.

    Attributes:
        data: Bytes. A record begins 8 bytes after a multiple of 8 and is at most as long as the plan says.
        offsets: Where in *data* each record begins.
    """

    data: bytes
    offsets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Losses:
    """Events that could not be written.

    Attributes:
        by_probe: For each probe of the plan, in order.
    """

    by_probe: tuple[int, ...]

    @property
    def total(self) -> int:
        """Over all probes."""
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

    def attach(self) -> None:
        """Attach all programs. They do nothing until :meth:`enable`.

        Raises:
            RunError: a probe could not be attached.
        """

    def enable(self) -> None:
        """Let all programs work from now on."""

    def disable(self) -> None:
        """Stop them; what is in the ring can still be read."""

    def detach(self) -> None:
        """Detach all programs; losses can still be asked for."""

    def read(self, timeout: float) -> Batch | None:
        """Wait for records.

        Args:
            timeout: Longest wait in seconds.

        Returns:
            What has come, possibly nothing (an empty batch); ``None`` if nothing will ever come again.
        """

    def losses(self) -> Losses:
        """Events lost so far."""
