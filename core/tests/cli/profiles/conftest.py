"""Where profiles of tests are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.profiles import find

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a test's profiles are, and no others but those that are shipped."""
    monkeypatch.setattr(find, "_SYSTEM", ())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".config/tracer/profiles"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def write(folder: Path, install: Callable[..., None]) -> Callable[..., Path]:
    """Write a profile with these options for ``collect``; two collectors to use are installed."""
    install("good", "shipping")

    def put(name: str, args: str, more: str = "") -> Path:
        path = folder / f"{name}.yaml"
        path.write_text(f'version: "1.0"\nname: {name}\ncollect:\n  - args: {args}\n{more}')
        return path

    return put
