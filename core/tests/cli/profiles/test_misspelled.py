"""Probes of profiles that the kernel does not have: what is said of those that may be misspelled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.plugins.host import Host
from tracer_core.profiles import find
from tracer_core.testing import kernels
from tracer_core.types import ProfileSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.tests.cli.conftest import Result

FOLDER = Path(kernels.__file__).parent
LINE = "Tracing without probe(s) that this kernel does not have: "


@pytest.fixture(autouse=True)
def collector(install: Callable[..., None]) -> None:
    """One to use."""
    install("good")


def write(*probes: str, name: str = "mine") -> None:
    args = {"collectors": "sample", "probe": ["tp:net:netif_rx", *probes]}
    Path(name).write_text(json.dumps({"version": "1.0", "name": name, "collect": [{"args": args}]}))


@pytest.fixture
def told(run: Callable[..., Result]) -> Callable[..., list[str]]:
    """What is said of absent probes."""

    def lines(*profiles: str, release: str = "6.12", own: tuple[str, ...] = ()) -> list[str]:
        wanted = (word for profile in profiles for word in ("-p", profile))
        result = run(*wanted, "collect", "--kernel", str(FOLDER / release), "--dry-run", "-c", "sample", *own)
        assert result.code == 0, result.err
        return [line.removeprefix(LINE) for line in result.err.splitlines() if line.startswith(LINE)]

    return lines


@pytest.mark.parametrize("release", ["6.12", "6.18"])  # with tracefs, and without
def test_names_near_theirs_are_told_in_the_same_line(told: Callable[..., list[str]], release: str) -> None:
    write("kprobe:ip_rvc", "tp:skb:kfree_skbb", "nosuchthing_at_all")
    (line,) = told("mine", release=release)
    assert line.startswith("kprobe:ip_rvc (did you mean ip_rcv")
    assert "?), tp:skb:kfree_skbb (did you mean tp:skb:kfree_skb" in line
    assert line.endswith("?), nosuchthing_at_all")


def test_only_functions_are_near_functions(told: Callable[..., list[str]]) -> None:
    write("ip_rvc")
    (line,) = told("mine", release="6.18")
    assert "ip_src" not in line  # a member


def test_what_is_shipped_is_not_misspelled(
    told: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write("kprobe:ip_rvc")
    text = Path("mine").read_text()
    monkeypatch.setattr(find, "read_file", lambda path: find._shipped(ProfileSource(text, str(path))))
    assert told("mine") == ["kprobe:ip_rvc"]


def test_each_is_told_of_as_it_was_written(told: Callable[..., list[str]]) -> None:
    write("kprobe:ip_rvc")
    write("ip_rvc", name="other")
    (line,) = told("mine", "other")
    assert line.count("did you mean") == 2


def test_patterns_are_near_nothing(told: Callable[..., list[str]]) -> None:
    write("ip_rvc*")
    assert told("mine") == ["ip_rvc*"]


def test_a_profile_is_shown_with_what_may_be_meant(run: Callable[..., Result]) -> None:
    write("kprobe:ip_rvc")
    out = run("profile", "show", "mine", "--kernel", str(FOLDER / "6.12")).out
    assert "#   not on this kernel, left out: kprobe:ip_rvc (did you mean ip_rcv" in out


def test_the_profiles_of_the_core_and_of_collectors_are_shipped_and_those_in_files_are_not(
    install: Callable[..., None],
) -> None:
    install("shipping")
    write()
    assert [find.find(name, None, Host).is_shipped for name in ("generic", "shipped", "mine")] == [True, True, False]
