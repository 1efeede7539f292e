"""Bytecode of tests is made before a guest would have to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab import bytecode

if TYPE_CHECKING:
    from pathlib import Path


def test_tests_are_rewritten_and_kept_and_none_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # as in many containers
    (tmp_path / "test_one.py").write_text(
        "from pathlib import Path\ndef test_it():\n    Path(__file__).with_name('ran').touch()\n    assert True\n"
    )
    (tmp_path / "test_damaged.py").write_text("def\n")
    bytecode.of_tests(tmp_path, ["test_one.py", "test_damaged.py"])
    assert [path.name.partition(".")[0] for path in (tmp_path / "__pycache__").iterdir()] == ["test_one"]
    assert not (tmp_path / "ran").exists()
