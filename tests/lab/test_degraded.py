"""Runs on a kernel that withholds something: they do what they can, and say in one line what they cannot."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
from tests.lab.traffic import LENGTH, collecting_arguments, ping, seen

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces

pytestmark = pytest.mark.bpf

HIDE_TRACEFS = "for place in /sys/kernel/tracing /sys/kernel/debug; do mount -t tmpfs none $place; done"
HIDE_KPROBES = "mount -t tmpfs none /sys/bus/event_source/devices"


def without(what: str, tracer: Tracer, folder: Path) -> Tracer:
    """The command, in a mount namespace of its own in which something is hidden."""
    script = folder / "tracer"
    inner = f'{what}; exec {tracer.path} "$@"'
    script.write_text(f'#!/bin/sh\nexec unshare -m sh -c {shlex.quote(inner)} tracer "$@"\n')
    script.chmod(0o755)
    return type(tracer)(script, tracer.folder)


def test_without_tracefs_only_patterns_are_refused(tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path) -> None:
    two, hidden = two_netns, without(HIDE_TRACEFS, tracer, tmp_path)
    probes = ("ip_rcv", "tp:net:netif_receive_skb")
    with hidden.collect(*collecting_arguments(*probes, namespaces=(two.b.name,))) as collecting:
        ping(two.a, two.b)
        collecting.wait_for(f" len {LENGTH} ", count=2)
    assert [event.symbol for event in seen(collecting, length=LENGTH)] == ["net:netif_receive_skb", "ip_rcv"]
    assert "tracefs" not in collecting.stderr
    assert only_line(hidden.run("collect", "-c", "skb", "-p", "ip_rcv*", "--netns", two.b.name)).startswith(
        "Error: probe ip_rcv*: '*' needs tracefs"
    )
    assert "no such traceable function" in only_line(
        hidden.run("collect", "-c", "skb", "-p", "ip_rcvv", "--netns", two.b.name)
    )


def test_without_kprobe_events_functions_are_probed_as_far_as_the_kernel_can(
    tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path
) -> None:
    two, hidden = two_netns, without(HIDE_KPROBES, tracer, tmp_path)
    with hidden.collect(*collecting_arguments("ip_rcv", namespaces=(two.b.name,))) as collecting:
        ping(two.a, two.b)
        collecting.wait_for("[fentry] ip_rcv ")
    # a function with more arguments than a trampoline passes on needs a kprobe
    result = hidden.run("collect", "-c", "skb", "-p", "ip_mc_validate_source", "--netns", two.b.name)
    assert result.returncode == 4
    assert "neither fentry nor kprobes" in only_line(result)


def only_line(result: subprocess.CompletedProcess[str]) -> str:
    """The one line in which a command says why it did nothing."""
    assert not result.stdout
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]
