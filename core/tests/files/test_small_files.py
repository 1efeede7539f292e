"""Small files of rotated sets: what they take without events, and that the rest is for events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.events.form import form_of
from tracer_core.files.arrow import writer as arrow
from tracer_core.files.arrow.schema import schema_of
from tracer_core.files.contents import Contents
from tracer_core.files.json import writer as json

from .rotation import ABOUT, Load, event, files_of, write

if TYPE_CHECKING:
    from pathlib import Path

BATCHES = [[event(number)] for number in range(40)]


def size(path: Path, batches: int) -> int:
    """Bytes of a single file of so many."""
    write(path, BATCHES[:batches], limit=0)
    return path.stat().st_size


def test_what_a_file_takes_without_events_is_known_before(tmp_path: Path) -> None:
    assert size(tmp_path / "empty.json", 0) == json.empty_size(ABOUT)
    assert size(tmp_path / "empty.arrow", 0) == arrow.empty_size(ABOUT, Contents((form_of(Load),)))


def test_the_schema_which_a_file_has_once_is_not_counted_for_each_batch(tmp_path: Path) -> None:
    each = (size(tmp_path / "x.arrow", 20) - size(tmp_path / "x.arrow", 10)) // 10
    path, limit = tmp_path / "events.arrow", 3 * size(tmp_path / "empty.arrow", 0)
    write(path, BATCHES, limit=limit)
    *full, _ = files_of(path)
    assert len(full) > 2
    schema = schema_of(Contents((form_of(Load),)), ABOUT).serialize().size
    for file in full:
        assert limit - file.stat().st_size < each + schema // 2


def test_the_end_of_a_file_has_room_though_it_takes_back_names(tmp_path: Path) -> None:
    path, batch = tmp_path / "events.arrow", [event(number, size) for number, size in enumerate((1, 256, 3169, 4096))]
    single = tmp_path / "single.arrow"
    write(single, [batch], limit=0)
    for limit in range(single.stat().st_size - 200, single.stat().st_size + 200, 8):
        write(path, [batch], limit=limit)
        assert all(file.stat().st_size <= limit for file in files_of(path))
