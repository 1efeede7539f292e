"""``tracer plugins``: every announced collector is one row, whatever is wrong with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from .conftest import Result

ALL = ("good", "unimportable", "wrong", "damaged", "duplicate_one", "duplicate_two", "twins")


def records(result: Result) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for record in json.loads(result.out):
        found.setdefault(record["name"], []).append(record)
    return found


def test_a_good_collector_has_a_row_with_everything(install: Callable[..., None], run: Callable[..., Result]) -> None:
    install("good")
    assert records(run("plugins", "--json"))["sample"] == [
        {
            "name": "sample",
            "status": "ok",
            "distribution": "fixture-good",
            "version": "1.2",
            "api": "1.0",
            "sections": ["sample"],
            "summary": "A sample of a collector.",
            "reason": None,
        }
    ]


def test_every_broken_collector_has_a_row_with_the_reason(
    install: Callable[..., None], run: Callable[..., Result]
) -> None:
    install(*ALL)
    result = run("plugins", "--json")
    found = records(result)
    assert (result.code, result.err) == (3, "")
    assert found["sample"][0]["status"] == "ok"
    assert [record["status"] for record in found["double"]] == ["duplicate", "duplicate"]
    assert found["major"][0]["status"] == "incompatible"
    assert found["raises"][0]["status"] == "broken"
    broken = [record for rows in found.values() for record in rows if record["status"] != "ok"]
    assert len(broken) == 21
    assert all(record["reason"] and record["api"] is None and record["sections"] == [] for record in broken)


def test_the_text_has_a_line_per_row(install: Callable[..., None], run: Callable[..., Result]) -> None:
    install(*ALL)
    count = len(json.loads(run("plugins", "--json").out))
    result = run("plugins")
    head, *lines = result.out.splitlines()
    assert head.split() == ["NAME", "STATUS", "DISTRIBUTION", "VERSION", "API", "SECTIONS", "REASON"]
    assert len(lines) == count
    assert all(len(line.split(maxsplit=6)) == 7 for line in lines)
    (raises,) = [line for line in lines if line.startswith("raises ")]
    assert raises.endswith("RuntimeError: no import today, and none tomorrow")


def test_all_in_order_is_exit_code_0(install: Callable[..., None], run: Callable[..., Result]) -> None:
    install("good")
    assert run("plugins").code == 0


def test_without_any_collector_it_says_what_to_install(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracer_core.plugins.host.Host.rows", lambda _: [])
    assert run("plugins").out == "no collectors installed; for all of ours: pip install tracer-core[all]\n"
    assert run("plugins", "--json").out == "[]\n"
