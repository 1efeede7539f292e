"""A loaded program, and which of its probes it gets attached to when some cannot be had."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.backend import attach
from tracer_core.plan.plan import Identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from tracer_core.plan.plan import PlannedProbe
    from tracer_core.types import ProbeKind

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Link:
    """A program's being attached.

    Attributes:
        fd: Descriptor of the link; ``None`` where the kernel has none (kprobes and uprobes without a cookie).
        probes: Indices of the probes that it is attached to by it.
    """

    fd: int | None
    probes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LoadedProgram:
    """A program that the kernel has accepted.

    Attributes:
        fd: Its descriptor; somebody else closes it.
        kind: Where it runs.
        typed: It was loaded with the types of what it is attached to.
        identity: How it knows its probe.
        multi: It is attached to all its probes at once.
        probes: Indices of its probes.
    """

    fd: int
    kind: ProbeKind
    typed: bool
    identity: Identity
    multi: bool
    probes: tuple[int, ...]

    @contextmanager
    def attached(self, planned: Sequence[PlannedProbe]) -> Iterator[tuple[Link, ...]]:
        """Have it attached to all its probes; optional ones that cannot be had are left out, with a warning.

        Args:
            planned: All probes of the plan.

        Raises:
            MachineError: we may not, or the kernel has no such probes.
            RunError: the kernel refused.
        """
        with ExitStack() as stack:
            links: tuple[Link, ...]
            if self.multi:
                try:
                    links = (Link(stack.enter_context(self._all(self.probes, planned)), self.probes),)
                except OSError:  # one that cannot be had is enough, and only one by one tells which
                    links = self._one_by_one(stack, planned)
            else:
                links = self._one_by_one(stack, planned)
            yield links

    def _one_by_one(self, stack: ExitStack, planned: Sequence[PlannedProbe]) -> tuple[Link, ...]:
        links = []
        for index in self.probes:
            try:
                links.append(Link(stack.enter_context(self._one(index, planned)), (index,)))
            except OSError as error:
                explained = attach.explained(planned[index], error)
                if not planned[index].probe.optional:
                    raise explained from error
                log.warning("%s; it is left out", explained.message)
        return tuple(links)

    def _all(self, probes: Iterable[int], planned: Sequence[PlannedProbe]) -> AbstractContextManager[int]:
        cookies = {planned[index].probe.target: planned[index].cookie(index) for index in probes}
        return attach.kprobes(cookies, self.fd, returns=self.kind.returns)

    def _one(self, index: int, planned: Sequence[PlannedProbe]) -> AbstractContextManager[int | None]:
        if self.multi:
            return self._all((index,), planned)
        cookie = planned[index].cookie(index) if self.identity is Identity.COOKIE else None
        place = planned[index].user
        if place is not None:
            return attach.uprobe(place, self.fd, cookie=cookie)
        if self.kind.breaks:
            return attach.kprobe(planned[index].probe.target, self.fd, returns=self.kind.returns, cookie=cookie)
        return attach.raw(planned[index], self.fd, typed=self.typed)
