"""A loaded program, and which of its probes it gets attached to when some cannot be had."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.backend import attach
from tracer_core.backend.side_by_side import side_by_side
from tracer_core.plan.plan import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from tracer_core.errors import MachineError, RunError
    from tracer_core.plan.plan import PlannedProbe
    from tracer_core.types import ProbeKind

    _Refusal = MachineError | RunError

log = logging.getLogger(__name__)

_NAMED = 3  # probes that are left out are named up to so many


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
    def attached(self, probes: Sequence[int], planned: Sequence[PlannedProbe]) -> Iterator[tuple[Link, ...]]:
        """Have it attached to some of its probes; optional ones that cannot be had are left out, with a warning.

        Args:
            probes: Indices of those.
            planned: All probes of the plan.

        Raises:
            MachineError: we may not, or the kernel has no such probes.
            RunError: the kernel refused.
        """
        with ExitStack() as stack:
            left_out: list[_Refusal] = []
            attach_to = self._at_once if self.multi else self._one_by_one
            links = attach_to(stack, tuple(probes), planned, left_out)
            _tell_what_is_left_out(left_out)
            yield links

    def _at_once(
        self,
        stack: ExitStack,
        probes: tuple[int, ...],
        planned: Sequence[PlannedProbe],
        left_out: list[_Refusal],
    ) -> tuple[Link, ...]:
        if not probes:
            return ()
        cookies = {planned[index].probe.target: planned[index].cookie(index) for index in probes}
        try:
            link = stack.enter_context(attach.kprobes(cookies, self.fd, returns=self.kind.returns))
        except OSError as error:
            if len(probes) == 1:
                _leave_out(planned[probes[0]], error, left_out)
                return ()
            # one that cannot be had is enough, and halves tell which
            middle = len(probes) // 2
            parts = (probes[:middle], probes[middle:])
            return tuple(link for part in parts for link in self._at_once(stack, part, planned, left_out))
        return (Link(link, probes),)

    def _one_by_one(
        self,
        stack: ExitStack,
        probes: tuple[int, ...],
        planned: Sequence[PlannedProbe],
        left_out: list[_Refusal],
    ) -> tuple[Link, ...]:
        results = stack.enter_context(side_by_side([self._one(index, planned) for index in probes]))
        links = []
        for index, result in zip(probes, results, strict=True):
            if isinstance(result, OSError):
                _leave_out(planned[index], result, left_out)
            else:
                links.append(Link(result, (index,)))
        return tuple(links)

    def _one(self, index: int, planned: Sequence[PlannedProbe]) -> AbstractContextManager[int | None]:
        probe = planned[index]
        cookie = probe.cookie(index) if self.identity is Identity.COOKIE else None
        if probe.user is not None:
            return attach.uprobe(probe.user, self.fd, cookie=cookie)
        if self.kind.breaks:
            return attach.kprobe(probe.probe.target, self.fd, returns=self.kind.returns, cookie=cookie)
        return attach.raw(probe, self.fd, typed=self.typed)


def _leave_out(planned: PlannedProbe, error: OSError, left_out: list[_Refusal]) -> None:
    explained = attach.explained(planned, error)
    if not planned.probe.optional:
        raise explained from error
    left_out.append(explained)


def _tell_what_is_left_out(errors: Sequence[_Refusal]) -> None:
    level = logging.WARNING if len(errors) <= _NAMED else logging.DEBUG
    for error in errors:
        log.log(level, "%s; it is left out", error.message)
    if len(errors) > _NAMED:
        log.warning(
            "%d probes that match by name cannot be attached and are left out: see --log-level debug", len(errors)
        )
