"""Two network namespaces joined by a veth pair, the smallest topology. Others are in ``topology``."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tracer_core.testing.namespace import FOLDER, Namespace
from tracer_core.testing.topology.site import Topology, remove_leftovers, site

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence

__all__ = ["FOLDER", "Namespace", "TwoNamespaces", "remove_leftovers", "two_namespaces"]


@dataclass(frozen=True, slots=True)
class TwoNamespaces(Topology):
    """Neighbours ``a`` and ``b``, up and reachable from each other.

    Attributes:
        a: Has 192.0.2.1 and 2001:db8::1.
        b: Has 192.0.2.2 and 2001:db8::2.
    """

    a: Namespace
    b: Namespace

    @property
    def namespaces(self) -> tuple[Namespace, Namespace]:
        """Both."""
        return self.a, self.b

    def run(
        self, namespace: Namespace, argv: Sequence[str], *, timeout: float | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a program inside, to its end: see :meth:`Namespace.run`."""
        return namespace.run(argv, timeout=timeout, check=check)

    def popen(self, namespace: Namespace, argv: Sequence[str], **options: Any) -> subprocess.Popen[Any]:  # noqa: ANN401
        """Start a program inside; ending it is the caller's."""
        return namespace.popen(argv, **options)


@contextmanager
def two_namespaces(prefix: str) -> Iterator[TwoNamespaces]:
    """Make both, and remove them whatever happens. Needs root and ``ip`` of iproute2.

    Args:
        prefix: What the names begin with; a process id and a letter follow.

    Raises:
        subprocess.CalledProcessError: the kernel or ``ip`` refused; a note says why.
    """
    with site(prefix) as building:
        a = Namespace(building.namespace("a"), "veth-a", "192.0.2.1", "2001:db8::1")
        b = Namespace(building.namespace("b"), "veth-b", "192.0.2.2", "2001:db8::2")
        building.veth(a, b)
        building.settle(a, b)
        yield TwoNamespaces(a, b)
