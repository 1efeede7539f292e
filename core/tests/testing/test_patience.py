"""How long tests wait."""

from __future__ import annotations

import pytest

from tracer_core.testing.patience import VARIABLE, patience


@pytest.mark.parametrize("text", ["", "0", "-1", "inf", "long"])
def test_patience_is_a_positive_number(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ValueError, match=f"{VARIABLE} is '{text}': a positive number"):
        patience(1)


def test_patience_multiplies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert patience(20) == 20
    monkeypatch.setenv(VARIABLE, "2.5")
    assert patience(20) == 50
