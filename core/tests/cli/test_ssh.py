"""Whoever traces over SSH is told how not to trace that."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tracer_core.cli.hints.ssh import advice
from tracer_core.filters.packet import packet_filter

if TYPE_CHECKING:
    from pathlib import Path

CONNECTION = "198.51.100.7 50122 192.0.2.1 22"


def ancestors(proc: Path, *environments: bytes) -> Path:
    """What ``/proc`` says of our parent, its parent and so on, the last of which is that of none."""
    pid = os.getppid()
    for number, environment in enumerate(environments):
        folder = proc / str(pid)
        folder.mkdir()
        (folder / "environ").write_bytes(environment)
        pid = 1_000_000 + number
        (folder / "stat").write_text(f"7 (odd) name) S {pid} 7 7")
    return proc


def test_who_is_at_the_machine_is_told_nothing(tmp_path: Path) -> None:
    assert advice({}, ancestors(tmp_path, b"HOME=/root\0", b"")) == ""


@pytest.mark.parametrize("broken", ["", "x", "1 2 3"])
def test_what_is_no_connection_is_nothing(tmp_path: Path, broken: str) -> None:
    assert advice({"SSH_CONNECTION": broken}, tmp_path) == ""


def test_the_advice_names_the_connection(tmp_path: Path) -> None:
    assert advice({"SSH_CONNECTION": CONNECTION}, tmp_path).endswith("-f 'not (tcp port 22 and host 198.51.100.7)'")


def test_with_sudo_an_ancestor_knows(tmp_path: Path) -> None:
    proc = ancestors(tmp_path, b"HOME=/root\0", b"A=1\0SSH_CONNECTION=" + CONNECTION.encode() + b"\0B=2\0")
    assert "host 198.51.100.7" in advice({}, proc)


@pytest.mark.parametrize("client", ["198.51.100.7", "2001:db8::7", "fe80::7%eth0"])
def test_the_advice_is_a_filter_that_works(tmp_path: Path, client: str) -> None:
    told = advice({"SSH_CONNECTION": f"{client} 50122 192.0.2.1 2222"}, tmp_path)
    packet_filter([told.partition("'")[2].rstrip("'")])  # or it raises
