"""Limits of files that would hold more about the run than events."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing import Tracer, TwoNamespaces


@pytest.mark.bpf
def test_a_limit_that_leaves_too_little_room_for_events_is_refused_with_the_least_that_does(
    tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path
) -> None:
    options = ("collect", "-p", "tp:net:netif_receive_skb", "--netns", two_netns.b.name, "--cmd", "true")
    refused = tracer.run(*options, "-o", str(tmp_path / "x.arrow"), "-r", "100KB")
    assert refused.returncode == 2
    told = re.search(r"takes (\d+) KB beside its events; give (\d+)KB or more, or name it FILE.json$", refused.stderr)
    assert told is not None, refused.stderr
    assert not list(tmp_path.iterdir())
    taken = tracer.run(*options, "-o", str(tmp_path / "x.arrow"), "-r", f"{told[2]}KB")
    assert taken.returncode == 0, taken.stderr
    (file,) = tmp_path.iterdir()
    assert abs(file.stat().st_size - int(told[1]) * 1000) < 2000
