"""A kernel in lockdown, booted for the purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.fixtures import lab
from lab.qemu import Machine
from tracer_core.testing.command import executable

if TYPE_CHECKING:
    from lab.fixtures import Lab

__all__ = ["lab"]

LOCKED = Machine(append="lockdown=confidentiality")


def test_where_programs_may_not_read_memory_a_run_says_so_and_blames_no_collector(lab: Lab) -> None:
    command = [str(executable()), "collect", "-c", "skb", "-p", "tp:net:netif_receive_skb"]
    finished = lab.run("6.1", command, machine=LOCKED)
    assert finished.status == 4, finished.err
    (line,) = finished.err.splitlines()
    assert line.startswith("Error: probe tp:net:netif_receive_skb: this kernel does not let programs read its memory; ")
    assert "lockdown" in line
