"""Programs that share a probe, as those at the entry and the return of a function do, where it cannot be had."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tracer_core.backend import attach
from tracer_core.backend.loaded import Attachments, LoadedProgram
from tracer_core.errors import RunError
from tracer_core.kernel.view import Prototype
from tracer_core.plan.plan import Identity, PlannedProbe
from tracer_core.types import Probe, ProbeKind

PLANNED = [
    PlannedProbe(Probe(ProbeKind.KRETPROBE, name, optional=True), Prototype((), "void", "", 0), 0)
    for name in ("good", "bad", "better")
]


class Kernel:
    """Notes where it was asked to attach. It refuses one function."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.attached = 0

    @contextmanager
    def kprobes(self, cookies: Mapping[str, int], _program: int, *, returns: bool) -> Iterator[int]:
        self.asked.append(("return" if returns else "entry", *cookies))
        if "bad" in cookies:
            raise OSError(errno.EINVAL, "Invalid argument")
        self.attached += 1
        try:
            yield self.attached
        finally:
            self.attached -= 1

    @contextmanager
    def kprobe(self, name: str, program: int, *, returns: bool, cookie: int | None) -> Iterator[int | None]:
        with self.kprobes({name: cookie or 0}, program, returns=returns) as link:
            yield link


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel()
    monkeypatch.setattr(attach, "kprobes", kernel.kprobes)
    monkeypatch.setattr(attach, "kprobe", kernel.kprobe)
    return kernel


def programs(*, multi: bool) -> tuple[LoadedProgram, LoadedProgram]:
    """That at the return, and that at the entry."""
    at_return = LoadedProgram(
        9, ProbeKind.KRETPROBE, typed=False, identity=Identity.COOKIE, multi=multi, probes=(0, 1, 2)
    )
    return at_return, replace(at_return, kind=ProbeKind.KPROBE)


@pytest.mark.parametrize("multi", [True, False])
def test_a_probe_at_a_return_that_cannot_be_had_is_told_of_once(
    kernel: Kernel, caplog: pytest.LogCaptureFixture, multi: bool
) -> None:
    at_return, at_entry = programs(multi=multi)
    attachments = Attachments()
    assert attachments.attach(at_return, at_return.probes, PLANNED)
    kernel.asked.clear()
    links = attachments.attach(at_entry, at_entry.probes, PLANNED)
    assert sorted(index for link in links for index in link.probes) == [0, 2]
    assert sorted(name for asked in kernel.asked for name in asked if name not in ("entry", "return")) == [
        "better",
        "good",
    ]
    assert attachments.left_out == {1}
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, "probe kretprobe:bad: cannot attach: Invalid argument; it is left out")
    ]
    assert kernel.attached
    attachments.close()
    assert not kernel.attached


@pytest.mark.parametrize("multi", [True, False])
def test_where_none_can_be_had_nothing_is_tried_at_the_entry(kernel: Kernel, multi: bool) -> None:
    at_return, at_entry = programs(multi=multi)
    attachments = Attachments()
    assert attachments.attach(at_return, (1,), PLANNED) == ()
    assert attachments.attach(at_entry, (1,), PLANNED) == ()
    assert kernel.asked == [("return", "bad")]


def test_one_that_must_be_had_is_an_error(kernel: Kernel) -> None:
    at_return, _ = programs(multi=True)
    planned = [replace(one, probe=replace(one.probe, optional=False)) for one in PLANNED]
    attachments = Attachments()
    with pytest.raises(RunError, match="probe kretprobe:bad: cannot attach"):
        attachments.attach(at_return, at_return.probes, planned)
    assert not kernel.attached
