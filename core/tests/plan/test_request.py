from __future__ import annotations

import pytest

from tracer_core.errors import UsageError
from tracer_core.plan.request import parse_probe, unknown_tracepoint
from tracer_core.testing.kernels import recorded_kernel
from tracer_core.types import Probe


@pytest.mark.parametrize("text", ["tp:skb:kfree_skb", "raw_tracepoint:skb:kfree_skb", "skb:kfree_skb"])
def test_a_tracepoint_may_be_given_with_or_without_its_type(text: str) -> None:
    assert parse_probe(text) == Probe.tracepoint("skb:kfree_skb")


@pytest.mark.parametrize(
    "text",
    ["", ":", "tp:", "tp:skb:", "tp::x", ":kfree_skb", "tp:kfree_skb", "tp:a:b:c", "foo:skb:kfree_skb", "tp:s b:c"],
)
def test_what_is_no_tracepoint_is_refused_with_the_form_expected(text: str) -> None:
    with pytest.raises(UsageError, match="GROUP:NAME"):
        parse_probe(text)


@pytest.mark.parametrize("text", ["ip_rcv", "kprobe:ip_rcv", "k:ip_rcv", "kr:ip_rcv", "fentry:ip_rcv"])
def test_kinds_that_cannot_be_attached_yet_are_named(text: str) -> None:
    with pytest.raises(UsageError, match="not supported yet"):
        parse_probe(text)


@pytest.mark.parametrize("release", ["6.1", "6.18"])
@pytest.mark.parametrize(
    ("given", "near"),
    [("tp:net:netif_recieve_skb", "netif_receive_skb"), ("tp:nett:netif_receive_skb", "netif_receive_skb")],
)
def test_an_unknown_tracepoint_is_told_its_near_matches(release: str, given: str, near: str) -> None:
    error = unknown_tracepoint(parse_probe(given), recorded_kernel(release))
    assert near in error.hint
