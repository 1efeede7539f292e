"""Probes on functions, in a guest whose kernel has kprobes and trampolines, against the packets that were sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces

pytestmark = pytest.mark.bpf


@pytest.mark.parametrize("way", ["kprobe", "fentry"])
def test_a_ping_is_seen_in_the_functions_it_passes_in_their_order(
    tracer: Tracer, two_netns: TwoNamespaces, way: str
) -> None:
    two = two_netns
    functions = ("ip_rcv", "ip_local_deliver", "icmp_rcv")
    probes = [part for name in functions for part in ("-p", f"{way}:{name}")]
    arguments = ("-c", "skb", *probes, "--netns", two.b.name, "--format", "single-line")
    with tracer.collect(*arguments, timeout=200) as collecting:
        two.run(two.a, ["ping", "-c", "1", "-s", "333", two.b.ipv4], timeout=60)
        collecting.wait_for("len 361", count=3, timeout=60)
    label = {"kprobe": "[k]"}.get(way, f"[{way}]")
    seen = [line.split() for line in collecting.stdout.splitlines() if "len 361" in line]
    assert [words[words.index(label) + 1] for words in seen] == list(functions)
    assert all(words[-4:] == ["type", "8", "code", "0"] for words in seen)


def test_a_mere_function_is_probed_by_the_cheaper_way(tracer: Tracer) -> None:
    result = tracer.run("collect", "-c", "skb", "-p", "ip_rcv", "--netns", "1", "--dry-run", timeout=200)
    assert "probe 0 fentry:ip_rcv" in result.stdout
