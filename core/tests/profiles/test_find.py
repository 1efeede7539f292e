"""Where profiles are looked for, and which one is found."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.errors import UsageError
from tracer_core.plugins.host import Host
from tracer_core.profiles import find as finding
from tracer_core.profiles.find import BUILT_IN, find, shelves

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, and a system, without profiles; and a working directory without files."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(finding, "_SYSTEM", tuple(str(tmp_path / name) for name in ("usr", "etc")))
    monkeypatch.chdir(home)
    return home


def write(path: Path, *names: str, version: str = "1.0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("---\n".join(f"version: {version}\nname: {name}\nabout: {path}\n" for name in names))
    return path


def found(name: str, extra: Path | None = None) -> Path:
    return Path(find(name, extra, lambda: Host(list)).origin)


def refused(name: str, extra: Path | None = None) -> str:
    with pytest.raises(UsageError) as error:
        find(name, extra, lambda: Host(list))
    return str(error.value)


def test_the_first_place_that_has_a_name_counts(tmp_path: Path, home: Path) -> None:
    folders = [
        tmp_path / "extra",
        home / ".config/tracer/profiles",
        home / ".config/retis/profiles",
        tmp_path / "usr",
        tmp_path / "etc",
    ]
    files = [write(folder / f"{index}.yaml", "mine") for index, folder in enumerate(folders)]
    for path in files:
        assert found("mine", folders[0]) == path
        path.unlink()
    assert "Profile with name mine not found" in refused("mine", folders[0])


def test_a_file_that_can_be_read_comes_before_all_names(home: Path) -> None:
    write(home / ".config/tracer/profiles/generic.yaml", "generic")
    write(home / "generic", "other")
    assert found("generic") == Path("generic")
    assert find("./generic", None, Host).name == "other"


def test_a_file_that_cannot_be_read_says_so_unless_a_profile_has_its_name(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home / "mine", "whatever")
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "mine":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return read(path)

    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(Path, "read_bytes", refuse)  # root may read whatever it is
    assert refused("mine").startswith("mine: Permission denied; see: tracer profile check")
    known = write(home / ".config/tracer/profiles/1.yaml", "mine")
    assert found("mine") == known


def test_a_pipe_of_a_shell_is_a_file_too() -> None:
    reading, writing = os.pipe()
    with open(writing, "w") as pipe:  # noqa: PTH123 - a descriptor
        pipe.write('version: "1.0"\nname: mine\n')
    path = f"/dev/fd/{reading}"
    assert found(path) == Path(path)
    os.close(reading)


def test_ours_are_there_and_can_be_replaced(home: Path) -> None:
    for name in BUILT_IN:
        assert found(name) == Path(f"tracer_core/profiles/builtin/{name}.yaml")
    path = write(home / ".config/retis/profiles/generic.yml", "generic")
    assert found("generic") == path


def test_a_name_near_that_of_a_profile_is_answered_with_it(home: Path) -> None:
    write(home / ".config/tracer/profiles/mine.yaml", "mine")
    assert refused("ifdum").endswith("; did you mean ifdump?")
    assert refused("miine").endswith("; did you mean mine?")


def test_only_yaml_files_of_the_folder_itself_are_looked_at(home: Path) -> None:
    folder = home / ".config/tracer/profiles"
    write(folder / "mine.yaml.bak", "mine")
    write(folder / "more/mine.yaml", "mine")
    (folder / "folder.yaml").mkdir()
    assert refused("mine").endswith("; list them with: tracer profile list")


def test_two_of_one_name_in_a_folder_are_refused(home: Path) -> None:
    folder = home / ".config/tracer/profiles"
    write(folder / "a.yaml", "mine", "other")
    write(folder / "b.yaml", "mine")
    assert f"Found two profiles with name 'mine' in {folder}: {folder}/a.yaml:1 and {folder}/b.yaml:1" in refused(
        "mine"
    )
    assert found("other") == folder / "a.yaml"


def test_a_bad_one_is_not_passed_over_for_another_of_its_name(home: Path) -> None:
    bad = home / ".config/tracer/profiles/anything.yaml"
    write(bad, "generic", version="7.0")
    message = f"{bad}:1: version 7.0: not supported, versions 1.x are; see: tracer profile check {bad}"
    assert refused("generic") == message
    bad.write_text("[")
    assert found("ifdump") == Path("tracer_core/profiles/builtin/ifdump.yaml")
    bad.rename(bad.with_name("ifdump.yaml"))
    assert refused("ifdump").startswith(f"{bad.with_name('ifdump.yaml')}:1: while parsing a flow node")


def test_who_is_not_found_may_be_in_a_file_that_cannot_be_read(home: Path) -> None:
    write(home / ".config/tracer/profiles/a.yaml", "one", version="x")
    assert "Profile with name mine not found (1 file(s) cannot be read)" in refused("mine")


def test_a_file_must_have_one_profile(home: Path) -> None:
    path = write(home / "two.yaml", "one", "two")
    assert refused(str(path)) == f"{path} has several profiles: one, two; name one: -P {home} -p NAME"


def test_what_is_odd_about_a_profile_is_told_when_it_is_used(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(home / "mine.yaml", "mine", version="1.7")
    with caplog.at_level(logging.WARNING):
        find(str(path), None, Host)
    assert caplog.messages == [f"{path}:1: version 1.7: partially supported, as far as it is like 1.0"]


def test_collectors_ship_profiles(install: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    install("shipping")
    with caplog.at_level(logging.WARNING):
        places = {shelf.name: [profile.name for profile in shelf.profiles] for shelf in shelves(None, Host)}
    assert places["collector shipping (fixture-shipping 1.0)"] == ["shipped", "bare"]
    assert next(iter(places)) == "built-in"
    assert find("shipped", None, Host).at(1) == "fixture_shipping/shipped.yaml:1"
    assert caplog.messages == [
        "no profiles are taken from it: collector unhelpful (fixture-shipping 1.0): tracer_profiles returned 'x', "
        "not ProfileSource"
    ]


def test_collectors_are_not_asked_for_what_is_found_without_them() -> None:
    find("generic", None, lambda: pytest.fail("they are"))
