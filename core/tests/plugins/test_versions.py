"""Which versions of the plugin API a core takes."""

from __future__ import annotations

import pytest

from tracer_core.plugins import validate
from tracer_core.plugins.declaration import Owner
from tracer_core.plugins.validate import Status, UnusableError, refuse_bad
from tracer_core.types import CollectorSpec

OWNER = Owner("demo", "tracer-demo", "1.0")


@pytest.mark.parametrize("api", [(1, 0), (1, 2), (1, 3)])
def test_a_core_takes_collectors_for_its_version_and_for_lower_minor_ones(
    monkeypatch: pytest.MonkeyPatch, api: tuple[int, int]
) -> None:
    monkeypatch.setattr(validate, "API_VERSION", (1, 3))
    refuse_bad(OWNER, CollectorSpec("demo", "A test.", api=api))


@pytest.mark.parametrize("api", [(0, 1), (1, 4), (2, 0)])
def test_a_core_refuses_collectors_for_others(monkeypatch: pytest.MonkeyPatch, api: tuple[int, int]) -> None:
    monkeypatch.setattr(validate, "API_VERSION", (1, 3))
    with pytest.raises(UnusableError, match=r"this core has 1\.3") as error:
        refuse_bad(OWNER, CollectorSpec("demo", "A test.", api=api))
    assert error.value.status is Status.INCOMPATIBLE


def test_a_collector_that_does_not_say_is_for_the_first_version_whatever_the_core_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(validate, "API_VERSION", (2, 0))
    assert CollectorSpec("demo", "A test.").api == (1, 0)
    with pytest.raises(UnusableError, match=r"is written for plugin API 1\.0"):
        refuse_bad(OWNER, CollectorSpec("demo", "A test."))
