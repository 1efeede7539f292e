from __future__ import annotations

import pytest

from tracer_core.errors import UsageError
from tracer_core.plan.request import parse_probe
from tracer_core.types import Probe, ProbeKind


@pytest.mark.parametrize("text", ["tp:skb:kfree_skb", "raw_tracepoint:skb:kfree_skb", "skb:kfree_skb"])
def test_a_tracepoint_may_be_given_with_or_without_its_type(text: str) -> None:
    assert parse_probe(text) == Probe.tracepoint("skb:kfree_skb")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ip_rcv", ProbeKind.FUNCTION),
        ("kprobe:ip_rcv", ProbeKind.KPROBE),
        ("k:ip_rcv", ProbeKind.KPROBE),
        ("fentry:ip_rcv", ProbeKind.FENTRY),
    ],
)
def test_a_function_may_be_given_by_name_or_with_the_way_to_probe_it(text: str, kind: ProbeKind) -> None:
    assert parse_probe(text) == Probe(kind, "ip_rcv")


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "tp:", "tp:skb:", "tp::x", ":kfree_skb", "tp:kfree_skb", "tp:a:b:c", "foo:skb:kfree_skb"),
        *("tp:s b:c", "tp:42:foobar", "kprobe:", "fentry:", "kprobe:skb:kfree_skb", "ip-rcv", "ip_rcv;x", "fentry:a b"),
    ],
)
def test_what_is_no_probe_is_refused_with_the_forms_expected(text: str) -> None:
    with pytest.raises(UsageError, match="GROUP:NAME, FUNCTION"):
        parse_probe(text)


@pytest.mark.parametrize("text", ["kr:ip_rcv", "kretprobe:ip_rcv", "fexit:ip_rcv"])
def test_kinds_that_cannot_be_attached_yet_are_named(text: str) -> None:
    with pytest.raises(UsageError, match="not supported yet"):
        parse_probe(text)
