from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import pytest

from tracer_core.backend import cache as module
from tracer_core.backend.cache import Cache, default_folder

KEY, OTHER = "a" * 64, "b" * 64


@pytest.fixture(autouse=True)
def _warnings_are_new() -> None:
    module._warn.cache_clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def found(folder: Path | None, key: str = KEY) -> bytes | None:
    with Cache(folder) as cache:
        return cache.get(key)


def kept(folder: Path | None, data: bytes = b"data", key: str = KEY) -> None:
    with Cache(folder) as cache:
        cache.put(key, data)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_what_was_kept_is_found_until_it_is_replaced(folder: Path) -> None:
    assert found(folder) is None
    kept(folder, b"old")
    assert found(folder) == b"old"
    kept(folder, b"new")
    assert found(folder) == b"new"
    assert found(folder, OTHER) is None


def test_nobody_else_may_look_into_it(folder: Path) -> None:
    kept(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / KEY).stat().st_mode & 0o777 == 0o600
    assert names(folder) == [KEY], "nothing half-written is left"


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_may_write_to_is_not_used_and_that_is_said_once(
    folder: Path, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    kept(folder)
    folder.chmod(mode)
    assert found(folder) is None
    kept(folder, key=OTHER)
    assert not (folder / OTHER).exists()
    assert warnings(caplog) == [f"cache folder {folder} is not used: others may write to it"]


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_to_is_not_used_and_that_is_said_once(
    folder: Path, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    kept(folder)
    (folder / KEY).chmod(mode)
    assert found(folder) is None
    assert found(folder) is None
    assert warnings(caplog) == [f"{folder / KEY} is not used: others may write to it"]


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("what", [".", KEY])
def test_what_belongs_to_somebody_else_is_not_used(folder: Path, what: str, caplog: pytest.LogCaptureFixture) -> None:
    kept(folder)
    os.chown(folder / what, 12345, -1)
    assert found(folder) is None
    (warning,) = warnings(caplog)
    assert warning.endswith("is not used: it belongs to user 12345")


def test_links_pipes_and_folders_are_no_entries(folder: Path, tmp_path: Path) -> None:
    kept(folder)
    (folder / OTHER).symlink_to(KEY)
    assert found(folder, OTHER) is None
    os.mkfifo(folder / ("c" * 64))
    assert found(folder, "c" * 64) is None
    (folder / ("d" * 64)).mkdir()
    assert found(folder, "d" * 64) is None
    kept(folder, key="d" * 64)


def test_without_a_folder_nothing_is_kept_and_nothing_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "file"
    file.touch()
    for folder in (None, file, file / "below", tmp_path / "no/such/folder", Path("/proc/nothing")):
        kept(folder)
        assert found(folder) is None
    assert warnings(caplog) == []
    assert not (tmp_path / "no").exists()


@pytest.mark.usefixtures("root")
def test_no_folder_is_made_in_the_home_of_somebody_else(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 12345, -1)
    kept(home / ".cache/tracer")
    assert list(home.iterdir()) == []
    os.chown(home, os.geteuid(), -1)
    kept(home / ".cache/tracer")
    assert found(home / ".cache/tracer") == b"data"


def test_what_was_not_used_for_longest_goes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 3)
    keys = [f"{n:064}" for n in range(5)]
    for n, key in enumerate(keys[:3]):
        kept(folder, key=key)
        os.utime(folder / key, (n, n))
    assert found(folder, keys[0]) == b"data"
    kept(folder, key=keys[3])
    assert names(folder) == [keys[0], keys[2], keys[3]]


def test_it_stays_below_its_size(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 1000)
    for n in range(5):
        kept(folder, bytes(400), f"{n:064}")
        assert sum(file.stat().st_size for file in folder.iterdir()) <= 1000
    kept(folder, bytes(1001))
    assert found(folder) is None


def test_files_that_are_not_of_the_cache_stay(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 0)
    folder.mkdir(0o700)
    (folder / "letters").touch()
    left = folder / f"{OTHER}.123-456"  # by somebody who was killed
    left.touch()
    kept(folder)
    assert names(folder) == ["letters"]


def test_readers_see_whole_values_while_others_write(folder: Path) -> None:
    values = [bytes([n]) * 100_000 for n in range(4)]
    seen: list[bytes | None] = []
    kept(folder, values[0])

    def write(data: bytes) -> None:
        for _ in range(50):
            kept(folder, data)

    writers = [threading.Thread(target=write, args=(data,)) for data in values]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        seen.append(found(folder))
    for writer in writers:
        writer.join()
    assert seen
    assert all(data in values for data in seen)
    assert names(folder) == [KEY]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TRACER_CACHE_DIR": "/one", "XDG_CACHE_HOME": "/two"}, "/one"),
        ({"TRACER_CACHE_DIR": "", "XDG_CACHE_HOME": "/two"}, None),
        ({"XDG_CACHE_HOME": "/two"}, "/two/tracer"),
        ({"XDG_CACHE_HOME": "relative"}, "/nobody/.cache/tracer"),
        ({}, "/nobody/.cache/tracer"),
    ],
)
def test_where_it_is(environment: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nobody")
    assert default_folder(environment) == (Path(expected) if expected else None)
