"""What ``tracer profile check`` takes: names, files, folders; and what it says of what is none of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.tests.cli.conftest import Result

GOOD = "collect:\n- args: {probe: tp:net:netif_rx}\n"
BAD = "collect:\n- args: {prob: x}\n"
NO_OPTION = "tracer collect has no option --prob, with the collectors that are selected; did you mean probe?"


@pytest.fixture
def check(run: Callable[..., Result]) -> Callable[..., Result]:
    """Check profiles."""
    return lambda *names: run("profile", "check", *names)


def write(path: Path, text: str, name: str = "mine") -> Path:
    path.write_text(f'version: "1.0"\nname: {name}\n{text}')
    return path


@pytest.mark.parametrize("name", ["generic", "shipped"])
def test_names_of_the_core_and_of_collectors_are_checked(
    check: Callable[..., Result], install: Callable[..., None], name: str
) -> None:
    install("shipping")
    assert (check(name).code, check(name).out) == (0, "")


def test_a_name_stands_for_the_file_that_has_it_as_for_a_run(
    check: Callable[..., Result], run: Callable[..., Result], folder: Path, tmp_path: Path
) -> None:
    path = write(folder / "1.yaml", BAD, "generic")
    assert check("generic").out == f"{path}:4: {NO_OPTION}\n"
    extra = tmp_path / "extra"
    extra.mkdir()
    write(extra / "1.yaml", GOOD, "generic")
    assert run("-P", str(extra), "profile", "check", "generic").code == 0
    write(tmp_path / "generic", "collect: 1\n")
    assert check("generic").out == "generic:3: collect: must be a list of entries, not text\n"


def test_of_a_name_that_only_a_bad_file_can_have_it_is_said_what_is_wrong(
    check: Callable[..., Result], folder: Path
) -> None:
    path = folder / "web.yaml"
    path.write_text("[")
    assert check("web").out.startswith(f"{path}:1: while parsing a flow node")


def test_a_folder_stands_for_its_files_and_each_is_checked_once(check: Callable[..., Result], folder: Path) -> None:
    one, two = write(folder / "1.yaml", BAD, "one"), write(folder / "2.yml", "collect: 1\n", "two")
    write(folder / "3.txt", BAD, "three")
    result = check(str(folder), "one", str(two))
    assert result.code == 1
    assert result.out == f"{one}:4: {NO_OPTION}\n{two}:3: collect: must be a list of entries, not text\n"
    for path in (one, two):
        path.unlink()
    assert check(str(folder)).error == f"{folder}: no file in it is called *.yaml or *.yml"


def test_two_profiles_of_one_name_in_a_folder_are_told_of(check: Callable[..., Result], folder: Path) -> None:
    one, two = write(folder / "1.yaml", GOOD), write(folder / "2.yaml", GOOD)
    write(folder.parent / "3.yaml", GOOD)
    for names in (["mine"], [str(one), str(two), str(folder.parent / "3.yaml")]):
        result = check(*names)
        assert (result.code, result.out) == (1, f"{two}:1: there is a profile mine at {one}:1, too\n")


@pytest.mark.parametrize(
    ("name", "hint"), [("generik", "did you mean generic?"), ("no/such", "list them with: tracer profile list")]
)
def test_what_is_neither_is_one_line_that_says_where_it_was_looked_for(
    check: Callable[..., Result], folder: Path, name: str, hint: str
) -> None:
    result = check("generic", name)
    looked = f"there is no such file, and no such name in {folder}, the core or a collector"
    assert (result.code, result.error) == (2, f"Profile with name {name} not found: {looked}; {hint}")


def test_nothing_is_no_folder(check: Callable[..., Result]) -> None:
    assert check("").code == 2


def test_a_file_that_cannot_be_read_has_no_line(check: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    write(Path("mine.yaml"), GOOD)
    monkeypatch.setattr(Path, "read_bytes", _refuse)  # root may read whatever it is
    assert (check("./mine.yaml").code, check("./mine.yaml").out) == (1, "mine.yaml: Permission denied\n")


def _refuse(path: Path) -> bytes:
    raise PermissionError(13, "Permission denied", str(path))


def test_names_are_completed(
    run: Callable[..., Result], install: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    install("shipping")
    monkeypatch.setenv("_TRACER_COMPLETE", "zsh_complete")
    monkeypatch.setenv("COMP_WORDS", "profile\ncheck\ngeneric\nship")
    assert "shipped" in run().out
