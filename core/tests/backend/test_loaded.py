"""Which probes of a program are attached when some cannot be."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_core.backend import attach
from tracer_core.backend.loaded import LoadedProgram
from tracer_core.errors import MachineError, RunError
from tracer_core.kernel.view import Prototype
from tracer_core.plan.plan import Identity, PlannedProbe
from tracer_core.types import Probe, ProbeKind

NOTHING = Prototype((), "void", "", 0)


class Kernel:
    """Attaches, but not to some functions."""

    def __init__(self, refused: set[str], error: int = errno.EINVAL) -> None:
        self.refused, self.error = refused, error
        self.attached: dict[str, int] = {}
        self.calls = 0

    @contextmanager
    def kprobes(self, cookies: Mapping[str, int], _program: int, *, returns: bool) -> Iterator[int]:
        assert not returns
        self.calls += 1
        if not self.refused.isdisjoint(cookies):
            raise OSError(self.error, "Invalid argument")
        self.attached |= cookies
        try:
            yield self.calls
        finally:
            for name in cookies:
                del self.attached[name]

    @contextmanager
    def kprobe(self, name: str, program: int, *, returns: bool, cookie: int | None) -> Iterator[int | None]:
        with self.kprobes({name: cookie or 0}, program, returns=returns) as link:
            yield link


def functions(count: int, *, optional: bool = True) -> list[PlannedProbe]:
    return [
        PlannedProbe(Probe(ProbeKind.KPROBE, f"function_{n}", optional=optional), NOTHING, 0, positions=(n % 7,))
        for n in range(count)
    ]


def program(count: int, *, multi: bool) -> LoadedProgram:
    return LoadedProgram(
        9, ProbeKind.KPROBE, typed=False, identity=Identity.COOKIE, multi=multi, probes=tuple(range(count))
    )


@given(st.integers(1, 60), st.data())
@pytest.mark.parametrize("multi", [True, False])
def test_all_that_can_be_attached_are_and_know_themselves_by_their_cookies(
    multi: bool, count: int, data: st.DataObject
) -> None:
    refused = data.draw(st.sets(st.integers(0, count - 1), max_size=5))
    kernel, planned = Kernel({f"function_{n}" for n in refused}), functions(count)
    expected = {p.probe.target: p.cookie(n) for n, p in enumerate(planned) if n not in refused}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attach, "kprobes", kernel.kprobes)
        patch.setattr(attach, "kprobe", kernel.kprobe)
        with program(count, multi=multi).attached(range(count), planned) as links:
            assert kernel.attached == expected
            assert sorted(index for link in links for index in link.probes) == sorted(set(range(count)) - refused)
    assert not kernel.attached


def test_many_functions_are_attached_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(set())
    monkeypatch.setattr(attach, "kprobes", kernel.kprobes)
    with program(2000, multi=True).attached(range(2000), functions(2000)) as links:
        assert len(links) == kernel.calls == 1


def test_one_that_must_be_had_is_an_error_and_nothing_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel({"function_3"})
    monkeypatch.setattr(attach, "kprobes", kernel.kprobes)
    planned = functions(8, optional=False)
    with (
        pytest.raises(RunError, match="probe kprobe:function_3: cannot attach"),
        program(8, multi=True).attached(range(8), planned),
    ):
        raise AssertionError
    assert not kernel.attached


def test_few_that_are_left_out_are_named_and_many_are_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for refused, expected in ((2, 2), (5, 1)):
        caplog.clear()
        monkeypatch.setattr(attach, "kprobes", Kernel({f"function_{n}" for n in range(refused)}).kprobes)
        with program(9, multi=True).attached(range(9), functions(9)):
            pass
        warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert len(warnings) == expected
    assert warnings == ["5 probes that match by name cannot be attached and are left out: see --log-level debug"]


def test_too_few_descriptors_are_the_machines_fault() -> None:
    error = attach.explained(functions(1)[0], OSError(errno.EMFILE, "Too many open files"))
    assert isinstance(error, MachineError)
    assert "ulimit" in error.hint
