"""What a tool is that is compared with others: how it is run around a flood, and what it counts."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.flooding.network import TRACEPOINTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import ExitStack
    from pathlib import Path

    from bench.flooding.network import Network
    from bench.flooding.processes import Processes


@dataclass(frozen=True)
class Count:
    """What became of the events.

    Attributes:
        kept: Events that came out.
        lost: Events of which the tool says that it lost them.
        size: Bytes written; nothing if it wrote no file.
    """

    kept: int
    lost: int
    size: int | None = None


@dataclass
class Running:
    """A tool that sees packets.

    Attributes:
        processes: What it is; nothing for what is only in the kernel.
        count: To be called when it ended.
        linger: Seconds to wait before it is ended.
    """

    processes: Processes | None = None
    count: Callable[[], Count] | None = None
    linger: float = 0.0


@dataclass(frozen=True)
class Tool:
    """One of what is compared.

    Attributes:
        key: For ``--only`` and ``--without``.
        title: For the table.
        tracepoints: How many.
        exact: Whether kept and lost must add up to the hits.
    """

    key: str
    title: str
    tracepoints: int = 2
    exact: bool = False

    @property
    def group(self) -> str:
        """The key without what tells variants of it apart."""
        return self.key.partition("-")[0]

    @property
    def events(self) -> tuple[str, ...]:
        """Names of its tracepoints."""
        return TRACEPOINTS[: self.tracepoints]

    def prepare(self, resources: ExitStack) -> Tool:
        """Get what it needs, once; what is left in *resources* is given back at the end.

        Raises:
            UnavailableError: it cannot be had; the message says why.
        """
        del resources
        return self

    @contextmanager
    def running(self, network: Network, folder: Path) -> Iterator[Running]:
        """Run it within the block, in an empty folder; it is ready when the block begins."""
        del network, folder
        yield Running()
