"""Where the build of Open vSwitch comes from, and what probes a program has."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab import cache, notes, ovs, tools
from lab.errors import UnavailableError


class Mirror:
    """One that has the source in one suite only."""

    def __init__(self, name: str, *, sources: bool) -> None:
        assert sources
        self.name = name

    def source(self, package: str, folder: Path) -> list[Path]:
        if self.name != "trixie":
            raise UnavailableError(f"suite {self.name}: 404")
        tree = folder / "openvswitch-9.0"
        tree.mkdir()
        (tree / "configure").write_text("")
        archive = folder / f"{package}_9.0.orig.tar.xz"
        subprocess.run(["tar", "-C", str(folder), "-cJf", str(archive), tree.name], check=True)
        return [archive, folder / f"{package}_9.0-1.dsc", folder / f"{package}_9.0.orig.tar.xz.asc"]


def test_the_first_suite_that_has_the_source_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ovs, "Suite", Mirror)
    assert ovs.source(tmp_path) == "openvswitch 9.0-1"
    assert (tmp_path / "source/configure").exists()


def test_a_source_that_nobody_has_is_a_reason_with_all_reasons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ovs, "Suite", Mirror)
    monkeypatch.setattr(ovs, "SUITES", ("sid", "bookworm"))
    with pytest.raises(UnavailableError, match="cannot be had: suite sid: 404; suite bookworm: 404"):
        ovs.source(tmp_path)


def test_a_build_that_fails_is_a_reason_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    monkeypatch.setattr(ovs, "Suite", Mirror)
    monkeypatch.setattr(tools, "need", lambda *_: None)
    with pytest.raises(UnavailableError, match=r"(?s)make -f, for openvswitch, ended with 2.*Makefile"):
        ovs.fetch()  # its configure makes no Makefile
    assert ovs.find() is None
    assert list(cache.shelf("ovs").iterdir()) == []


def test_a_build_in_the_cache_is_taken_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    monkeypatch.setenv("PATH", "")  # nothing is run
    with cache.replacing("usdt", "ovs") as folder:
        (folder / "ovs.json").write_text('{"package": "openvswitch 1"}')
    assert ovs.fetch() == ovs.OpenVSwitch("openvswitch 1", cache.shelf("ovs") / "usdt")


def test_made_files_are_newer_than_what_they_are_made_of(tmp_path: Path) -> None:
    for name in ("aclocal.m4", "configure", "config.h.in", "Makefile.in"):
        (tmp_path / name).touch()
    ovs._date(tmp_path)
    names = ("debian/automake.mk", "aclocal.m4", "configure", "Makefile.in")
    times = [(tmp_path / name).stat().st_mtime for name in names]
    assert times == sorted(times)
    assert len(set(times)) == len(times)


READELF = """\
  LOAD           0x000000 0x0000000000000000 0x0000000000000000 0x0247f8 0x0247f8 R   0x1000
  LOAD           0x025000 0x0000000000026000 0x0000000000026000 0x1a2ca9 0x1a2ca9 R E 0x1000
  stapsdt              0x00000048\tNT_STAPSDT (SystemTap probe descriptors)\t    Provider: dpif_recv
    Name: recv_upcall
    Location: 0x00000000000a13a4, Base: 0x0000000000215cd4, Semaphore: 0x0000000000000000
    Arguments: 8@%rdx 4@12(%rbx)
"""


def test_probes_are_read_from_notes_with_their_place_in_the_file() -> None:
    expected = notes.Probe("dpif_recv", "recv_upcall", 0xA03A4, ("8@%rdx", "4@12(%rbx)"))
    assert notes.parse(READELF) == [expected]
    assert notes.parse("") == []
