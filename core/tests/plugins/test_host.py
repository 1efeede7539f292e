"""Loading of collectors: what is wrong with one is said of that one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tracer_core.errors import ExitCode, PluginError
from tracer_core.plugins.host import Host
from tracer_core.plugins.validate import Status

if TYPE_CHECKING:
    from collections.abc import Callable


class Broken(NamedTuple):
    """A collector of a folder of distributions, and what is said of it."""

    folder: str
    name: str
    status: Status
    reason: str
    hint: str


BROKEN = [
    Broken(
        "unimportable",
        "missing",
        Status.BROKEN,
        "ModuleNotFoundError: No module named 'a_module_that_nobody_has'",
        "reinst",
    ),
    Broken(
        "unimportable", "nowhere", Status.BROKEN, "No module named 'fixture_nowhere'", "--force-reinstall fixture-unimp"
    ),
    Broken(
        "unimportable", "raises", Status.BROKEN, "RuntimeError: no import today", "pip uninstall fixture-unimportable"
    ),
    Broken("unimportable", "exits", Status.BROKEN, "SystemExit: farewell", "pip uninstall fixture-unimportable"),
    Broken("unimportable", "absent", Status.BROKEN, "has no attribute 'absent'", "pip uninstall fixture-unimportable"),
    Broken(
        "wrong", "major", Status.INCOMPATIBLE, "plugin API 99.0, this core has 1.", "pip install --upgrade tracer-core"
    ),
    Broken(
        "wrong", "minor", Status.INCOMPATIBLE, "plugin API 1.99, this core has 1.", "pip install --upgrade tracer-core"
    ),
    Broken(
        "wrong", "mismatch", Status.BROKEN, "entry point is mismatch, but it calls itself somebody_else", "uninstall"
    ),
    Broken("wrong", "nothing", Status.BROKEN, "does not implement tracer_collector", "pip uninstall fixture-wrong"),
    Broken("wrong", "misspelt", Status.BROKEN, "unknown hook 'tracer_fragmnets'", "pip uninstall fixture-wrong"),
    Broken("wrong", "argument", Status.BROKEN, "{'kernal'}", "pip uninstall fixture-wrong"),
    Broken(
        "wrong", "nospec", Status.BROKEN, "tracer_collector returned {'name': 'nospec'}", "pip uninstall fixture-wrong"
    ),
    Broken("wrong", "section", Status.BROKEN, "its sections cannot be used: _Section", "pip uninstall fixture-wrong"),
    Broken("wrong", "options", Status.BROKEN, "its option name has no default", "pip uninstall fixture-wrong"),
    Broken("wrong", "default", Status.BROKEN, "its option when is a float", "pip uninstall fixture-wrong"),
    Broken("wrong", "on", Status.BROKEN, "its option loud is on by default", "pip uninstall fixture-wrong"),
    Broken("wrong", "Capital-Name", Status.BROKEN, "a name that cannot be selected", "lower-case"),
    Broken("wrong", "auto", Status.BROKEN, "a name that cannot be selected", "not 'auto'"),
    Broken("damaged", "nameless", Status.BROKEN, "No module named 'fixture_nameless'", "damaged"),
]

each_broken = pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.name)


@each_broken
def test_a_broken_collector_is_a_row_with_the_reason(install: Callable[..., None], case: Broken) -> None:
    install(case.folder)
    found = next(row for row in Host().rows() if row.candidate.name == case.name)
    assert (found.status, found.spec) == (case.status, None)
    assert case.reason in found.reason


@each_broken
def test_a_broken_collector_asked_for_is_an_error_that_names_it_and_says_what_to_do(
    install: Callable[..., None], case: Broken
) -> None:
    install(case.folder)
    with pytest.raises(PluginError) as caught:
        Host().collector(case.name)
    assert caught.value.exit_code == ExitCode.PLUGIN
    assert f"collector {case.name}" in caught.value.message
    assert case.reason in caught.value.message
    assert case.hint in caught.value.hint


def test_broken_collectors_do_not_disturb_the_others(install: Callable[..., None]) -> None:
    install("unimportable", "wrong", "damaged", "duplicate_one", "duplicate_two", "good")
    host = Host()
    assert host.collector("sample").spec.name == "sample"
    told: list[PluginError] = []
    usable = {collector.owner.name for collector in host.usable(told.append)}
    assert "sample" in usable
    assert usable.isdisjoint({case.name for case in BROKEN} | {"double"})
    assert len(told) == len(BROKEN) + 1


def test_a_collector_of_two_distributions_is_two_rows_and_cannot_be_used(install: Callable[..., None]) -> None:
    install("duplicate_one", "duplicate_two")
    rows = [row for row in Host().rows() if row.candidate.name == "double"]
    assert [row.status for row in rows] == [Status.DUPLICATE] * 2
    with pytest.raises(PluginError, match=r"several distributions: fixture-one 1\.0, fixture-two 2\.0"):
        Host().collector("double")


def test_a_collector_that_is_not_installed_is_named_with_what_is_and_with_what_to_install(
    install: Callable[..., None],
) -> None:
    install("good")
    with pytest.raises(PluginError) as caught:
        Host().collector("two_words")
    assert "no collector named two-words is installed (installed: " in caught.value.message
    assert "sample" in caught.value.message
    assert caught.value.hint.endswith("pip install tracer-two-words")


def test_a_name_near_that_of_a_collector_is_answered_with_it(install: Callable[..., None]) -> None:
    install("good", "bad_c")
    for wrong, meant in (("smaple", "sample"), ("bad_cc", "bad-c")):
        with pytest.raises(PluginError) as caught:
            Host().collector(wrong)
        assert caught.value.hint == f"did you mean {meant}?"


def test_a_collector_that_raises_is_called_once(install: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    install("raising")
    monkeypatch.setenv("FIXTURE_RAISES", "tracer_collector")
    host = Host()
    with pytest.raises(PluginError) as first:
        host.collector("raising")
    monkeypatch.delenv("FIXTURE_RAISES")
    with pytest.raises(PluginError) as second:
        host.collector("raising")
    assert first.value is second.value
    assert "tracer_collector failed: ZeroDivisionError" in str(first.value)


def test_a_hook_is_called_for_one_collector_only(install: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    install("raising", "good")
    host = Host()
    host.collector("raising")
    monkeypatch.setenv("FIXTURE_RAISES", "tracer_formatters")
    assert len(host.collector("sample").call("tracer_formatters")) == 1


def test_a_hook_that_is_not_implemented_says_nothing(install: Callable[..., None]) -> None:
    install("good")
    assert Host().collector("sample").call("tracer_check", kernel=None, options=None) is None
