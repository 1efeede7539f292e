"""A kernel in lockdown, booted for the purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.fixtures import Finished


def test_where_programs_may_not_read_memory_a_run_says_so_and_blames_no_collector(locked_run: Finished) -> None:
    assert locked_run.status == 4, locked_run.err
    (line,) = locked_run.err.splitlines()
    assert line.startswith("Error: probe tp:net:netif_receive_skb: this kernel does not let programs read its memory; ")
    assert "lockdown" in line
