from __future__ import annotations

from pathlib import Path

import pytest

from tracer_core.backend.base import Batch, Losses
from tracer_core.backend.replay import RecordingBackend, ReplayBackend
from tracer_core.compose.composition import Composition
from tracer_core.errors import RunError, UsageError
from tracer_core.kernel.view import Prototype
from tracer_core.plan.plan import Plan, PlannedProbe
from tracer_core.types import Probe

EMPTY = Composition("", (), 1)


def plan_of(target: str) -> Plan:
    probe = PlannedProbe(Probe.tracepoint(target), Prototype((), "void", "", 0), 0)
    return Plan("test", (), (), (), (), (), (probe,), ())


PLAN = plan_of("net:one")
RECORD = b"\x03\0\0\0\0\0\0\0abc\0\0\0\0\0"


class Source(ReplayBackend):
    """Gives two batches, as a kernel would."""

    def __init__(self) -> None:
        self._batches = [Batch(RECORD, (8,)), Batch(b"", ()), Batch(RECORD * 2, (8, 24))]

    def __exit__(self, *_: object) -> None:
        pass

    def compile(self, plan: Plan, composition: Composition) -> None:
        pass

    def read(self) -> Batch | None:
        return self._batches.pop(0) if self._batches else None

    def losses(self) -> Losses:
        return Losses((0,))


def record_to(path: Path) -> None:
    with RecordingBackend(Source(), path) as recorder:
        recorder.compile(PLAN, EMPTY)
        while recorder.read() is not None:
            pass


def test_what_was_recorded_is_played_batch_by_batch(tmp_path: Path) -> None:
    path = tmp_path / "raw"
    record_to(path)
    with ReplayBackend(path) as player:
        player.compile(PLAN, EMPTY)
        for data, offsets in ((RECORD, [8]), (RECORD * 2, [8, 24])):
            batch = player.read()
            assert batch is not None
            assert (batch.data, list(batch.offsets)) == (data, offsets)
        assert player.read() is None
        assert player.losses().total == 0


def test_a_recording_of_another_plan_is_refused_and_says_of_which(tmp_path: Path) -> None:
    record_to(tmp_path / "raw")
    with ReplayBackend(tmp_path / "raw") as player, pytest.raises(UsageError, match="tp:net:one"):
        player.compile(plan_of("net:two"), EMPTY)


@pytest.mark.parametrize("cut", [1, 7, 12])
def test_a_recording_that_is_cut_off_is_played_up_to_the_cut(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "raw"
    record_to(path)
    path.write_bytes(path.read_bytes()[:-cut])
    with ReplayBackend(path) as player:
        player.compile(PLAN, EMPTY)
        assert player.read() is not None
        with pytest.raises(UsageError, match="cut off at byte"):
            player.read()


@pytest.mark.parametrize("content", [b"", b"garbage\n", b"\xff\xfe\n", b"{}\n"])
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "raw").write_bytes(content)
    with ReplayBackend(tmp_path / "raw") as player, pytest.raises(UsageError, match="recording"):
        player.compile(PLAN, EMPTY)


def test_a_recording_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    recorder = RecordingBackend(Source(), tmp_path / "gone" / "raw")
    with recorder, pytest.raises(RunError, match="cannot write"):
        recorder.compile(PLAN, EMPTY)
