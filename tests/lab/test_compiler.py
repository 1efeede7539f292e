"""Code that the host compiles for a guest, against code that is compiled in it by BCC under this very kernel."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tracer_core.backend.compiler import COMMAND_VARIABLE as VARIABLE
from tracer_core.testing.warm import VARIABLE as WARM

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing.command import Tracer

pytestmark = pytest.mark.bpf


def _kept(tracer: Tracer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What a run with several collectors and types of probes compiles, by its key."""
    monkeypatch.setenv("TRACER_CACHE_DIR", str(folder))
    probes = ("-p", "tp:net:netif_receive_skb", "-p", "kprobe:ip_rcv", "-p", "kretprobe:ip_rcv")
    finished = tracer.run("collect", "-c", "skb,dev,ns", *probes, "--cmd", "true")
    assert finished.returncode == 0, finished.stderr
    return {file.name: data for file in folder.iterdir() if (data := file.read_bytes())}


def test_the_host_compiles_what_the_guest_would(
    tracer: Tracer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not os.environ.get(VARIABLE):
        pytest.skip("the host cannot compile, so all is compiled here")
    monkeypatch.delenv(WARM, raising=False)  # as users start it
    by_host = _kept(tracer, tmp_path / "host", monkeypatch)
    monkeypatch.delenv(VARIABLE)
    assert len(by_host) == 1
    assert _kept(tracer, tmp_path / "guest", monkeypatch) == by_host
