"""One version everywhere and a changelog, by one command, in a copy of the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scripts import release
from tests.packages import PACKAGES, ROOT

if TYPE_CHECKING:
    from scripts.pages.blocks import Block


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What a release touches, in a folder of its own, with two fragments."""
    for path in (*release.files(ROOT), ROOT / "CHANGELOG.md", ROOT / "changelog.d/template.md", Path(release.__file__)):
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    (tmp_path / "changelog.d/7.feature.md").write_text("It flies.\n")
    (tmp_path / "changelog.d/+fall.fix.md").write_text("It falls no more.\n")
    return tmp_path


def make(copy: Path, version: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(copy / "scripts/release.py"), version]
    return subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def test_a_release_has_one_version_in_all_packages_and_its_notes_in_the_changelog(copy: Path) -> None:
    result = make(copy, "7.8.9rc1")
    assert result.returncode == 0, result.stderr
    for path in release.files(copy):
        assert '"7.8.9rc1"' in path.read_text()
    changelog = (copy / "CHANGELOG.md").read_text()
    assert "It flies. (#7)" in changelog
    assert result.stdout.startswith("## 7.8.9rc1 (")
    assert result.stdout.strip() in changelog
    assert not list(copy.glob("changelog.d/*.f*.md"))


def test_the_notes_of_a_release_are_its_own(copy: Path) -> None:
    make(copy, "7.8.9")
    (copy / "changelog.d/8.feature.md").write_text("It lands.\n")
    result = make(copy, "7.9.0")
    assert "It lands. (#8)" in result.stdout
    assert "It flies" not in result.stdout
    changelog = (copy / "CHANGELOG.md").read_text()
    assert changelog.startswith("# Changelog\n")
    assert changelog.index("## 7.9.0 (") < changelog.index("## 7.8.9 (")


@pytest.mark.parametrize("version", ["1.2", "v1.2.3", "1.2.3.dev1", "1.2.3 "])
def test_what_is_no_version_changes_nothing(copy: Path, version: str) -> None:
    before = {path: path.read_text() for path in release.files(copy)}
    result = make(copy, version)
    assert result.returncode == 2
    assert "is not a version like" in result.stderr
    assert {path: path.read_text() for path in before} == before


def test_every_package_is_released() -> None:
    released = {path.parent for path in release.files(ROOT)}
    assert {folder for folder in PACKAGES if "examples" not in folder.parts} <= released


def test_notes_are_made_as_the_page_on_releases_says(copy: Path, shown: tuple[Block, ...]) -> None:
    (block,) = shown
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["bash", "-ec", block.text], check=True, cwd=copy, env=environment, stdin=subprocess.DEVNULL)
    assert "It flies. (#7)" in (copy / "notes.md").read_text()
