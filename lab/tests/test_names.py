"""Which package a short name stands for, and what apt says."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.apt import main_archive, names, options, version
from lab.errors import LabError
from lab.kernels import FEW, KERNELS, newest, series

PACKAGES = (
    "linux-image-6.1.0-9-amd64",
    "linux-image-6.1.0-56-amd64",
    "linux-image-6.1.0-57-cloud-amd64",
    "linux-image-6.1.0-57-rt-amd64",
    "linux-image-6.1.0-56-amd64-dbg",
    "linux-image-6.1.0-56-amd64-unsigned",
    "linux-image-6.12.107+deb13-amd64",
    "linux-image-6.12.94+deb13-amd64",
    "linux-image-7.0.12+deb13-amd64",
    "linux-image-7.3.4+deb13-amd64",
    "linux-image-amd64",
    "linux-image-6.12-amd64",
)

TARGETS = """\
Packages Debian bookworm-updates bookworm-updates main http://mirror.example/debian/
Translations Debian bookworm bookworm main http://mirror.example/debian/
Packages Elsewhere nodistro nodistro main http://elsewhere.example/
Packages Debian bookworm-security bookworm-security main http://mirror.example/debian-security/
Packages Debian bookworm bookworm contrib http://mirror.example/debian/
Packages Debian bookworm bookworm main http://mirror.example/debian/
"""


@pytest.mark.parametrize(
    ("name", "release"),
    [("6.1", "6.1.0-56-amd64"), ("6.12", "6.12.107+deb13-amd64"), ("7.x", "7.3.4+deb13-amd64"), ("5.10", None)],
)
def test_a_name_stands_for_the_newest_plain_release_of_its_series(name: str, release: str | None) -> None:
    assert newest(series(name), PACKAGES) == release


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(LabError, match=r"no kernel '6\.2' in the lab; there are: 5\.10, 6\.1, "):
        series("6.2")


def test_the_few_are_some_of_all() -> None:
    assert set(FEW) < set(KERNELS)


def test_the_mirror_is_the_one_that_the_machine_has_its_distribution_from() -> None:
    assert main_archive(TARGETS) == "http://mirror.example/debian/"


def test_security_updates_other_vendors_and_no_sources_are_no_mirror() -> None:
    without = "".join(line for line in TARGETS.splitlines(keepends=True) if "bookworm bookworm main" not in line)
    assert main_archive(without) is None
    assert main_archive("") is None


def test_apt_keeps_its_state_where_it_is_told() -> None:
    words = options(Path("/somewhere"))
    assert words[::2] == ["-o"] * (len(words) // 2)
    assert "Dir::Etc::sourcelist=/somewhere/sources.list" in words
    assert "Dir::State::lists=/somewhere/lists" in words


def test_what_apt_prints_is_read() -> None:
    assert names("linux-base\nlinux-image-6.1.0-9-amd64\n") == ["linux-base", "linux-image-6.1.0-9-amd64"]
    assert version("Package: x\nVersion: 6.1.176-1\nInstalled-Size: 1\n") == "6.1.176-1"
    assert version("") == ""
