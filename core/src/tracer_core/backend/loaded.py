"""A loaded program, and which of its probes it gets attached to when some cannot be had."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.backend import attach
from tracer_core.backend.side_by_side import LeftTogether, side_by_side
from tracer_core.plan.plan import Identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
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
            attaching = _Attaching(self, planned, stack)
            links = attaching.at_once(tuple(probes)) if self.multi else attaching.one_by_one(tuple(probes))
            _tell_what_is_left_out(attaching.left_out)
            yield links


class Attachments:
    """What is attached. A probe that cannot be had is tried, and told of, once, however many programs it has."""

    def __init__(self) -> None:
        self._links = LeftTogether()
        self.left_out: set[int] = set()
        """Indices of the probes that cannot be had."""

    def attach(
        self, program: LoadedProgram, probes: Iterable[int], planned: Sequence[PlannedProbe]
    ) -> tuple[Link, ...]:
        """Attach a program: see :meth:`LoadedProgram.attached`. It is detached when this is closed."""
        wanted = [index for index in probes if index not in self.left_out]
        links = self._links.enter_context(program.attached(wanted, planned))
        self.left_out.update(set(wanted).difference(*(link.probes for link in links)))
        return links

    def close(self) -> None:
        """Detach all."""
        self._links.close()


class _Attaching:
    """Attaches a program.

    Args:
        program: Which.
        planned: All probes of the plan.
        stack: Detaches it.
    """

    def __init__(self, program: LoadedProgram, planned: Sequence[PlannedProbe], stack: ExitStack) -> None:
        self._program = program
        self._planned = planned
        self._stack = stack
        self.left_out: list[_Refusal] = []
        """Why optional probes cannot be had."""

    def at_once(self, probes: tuple[int, ...]) -> tuple[Link, ...]:
        """To all of some probes, by one link if all can be had."""
        if not probes:
            return ()
        program = self._program
        cookies = {self._planned[index].probe.target: self._planned[index].cookie(index) for index in probes}
        try:
            link = self._stack.enter_context(attach.kprobes(cookies, program.fd, returns=program.kind.returns))
        except OSError as error:
            if len(probes) == 1:
                self._leave_out(probes[0], error)
                return ()
            # one that cannot be had is enough, and halves tell which
            middle = len(probes) // 2
            return self.at_once(probes[:middle]) + self.at_once(probes[middle:])
        return (Link(link, probes),)

    def one_by_one(self, probes: tuple[int, ...]) -> tuple[Link, ...]:
        """To some probes, by a link for each."""
        results = self._stack.enter_context(side_by_side([self._one(index) for index in probes]))
        links = []
        for index, result in zip(probes, results, strict=True):
            if isinstance(result, OSError):
                self._leave_out(index, result)
            else:
                links.append(Link(result, (index,)))
        return tuple(links)

    def _one(self, index: int) -> AbstractContextManager[int | None]:
        program, probe = self._program, self._planned[index]
        cookie = probe.cookie(index) if program.identity is Identity.COOKIE else None
        if probe.user is not None:
            return attach.uprobe(probe.user, program.fd, cookie=cookie)
        if program.kind.breaks:
            return attach.kprobe(probe.probe.target, program.fd, returns=program.kind.returns, cookie=cookie)
        return attach.raw(probe, program.fd, typed=program.typed)

    def _leave_out(self, index: int, error: OSError) -> None:
        explained = attach.explained(self._planned[index], error)
        if not self._planned[index].probe.optional:
            raise explained from error
        self.left_out.append(explained)


def _tell_what_is_left_out(errors: Sequence[_Refusal]) -> None:
    level = logging.WARNING if len(errors) <= _NAMED else logging.DEBUG
    for error in errors:
        log.log(level, "%s; it is left out", error.message)
    if len(errors) > _NAMED:
        log.warning(
            "%d probes that match by name cannot be attached and are left out: see --log-level debug", len(errors)
        )
