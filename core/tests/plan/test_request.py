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
        ("fexit:ip_rcv", ProbeKind.FEXIT),
        ("kretprobe:ip_rcv", ProbeKind.KRETPROBE),
        ("kr:ip_rcv", ProbeKind.KRETPROBE),
    ],
)
def test_a_function_may_be_given_by_name_or_with_the_way_to_probe_it(text: str, kind: ProbeKind) -> None:
    assert parse_probe(text) == Probe(kind, "ip_rcv")


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "tp:", "tp:skb:", "tp::x", ":kfree_skb", "tp:kfree_skb", "tp:a:b:c", "foo:skb:kfree_skb"),
        *("tp:s b:c", "tp:skb", "k:42", "kr:", "fexit:skb:kfree_skb", "kprobe:", "fentry:"),
        *("kprobe:skb:kfree_skb", "ip-rcv", "ip_rcv;x", "fentry:a b"),
    ],
)
def test_what_is_no_probe_is_refused_with_the_forms_expected(text: str) -> None:
    with pytest.raises(UsageError, match="give FUNCTION, tp:GROUP:NAME"):
        parse_probe(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("ip_rcv,ip_output", "give each by itself: -p ip_rcv -p ip_output"),
        ("tp:net:netif_rx, kr:tcp_*/stack,", "give each by itself: -p tp:net:netif_rx -p 'kr:tcp_*/stack'"),
        ("ip_rcv,", "give FUNCTION, "),
        (",", "give FUNCTION, "),
    ],
)
def test_who_gives_a_list_of_probes_is_told_how_to_give_several(text: str, hint: str) -> None:
    with pytest.raises(UsageError, match="a probe has no comma") as error:
        parse_probe(text)
    assert error.value.hint.startswith(hint)


@pytest.mark.parametrize("text", ["usdt:a:b", "usdt:daemon:a:b", "u:a:b", "uprobe:function", "uprobe:7:function"])
def test_probes_in_processes_are_for_collectors_only(text: str) -> None:
    with pytest.raises(UsageError, match=rf"probe '{text}': probes in processes are placed by collectors only"):
        parse_probe(text)


@pytest.mark.parametrize(
    ("text", "probe"),
    [
        ("kprobe:tcp_v6_*", Probe(ProbeKind.KPROBE, "tcp_v6_*")),
        ("*", Probe.function("*")),
        ("tp:skb:kfree_*", Probe.tracepoint("skb:kfree_*")),
        ("tp:*skb*", Probe.tracepoint("*skb*")),
        ("tp:9p:*", Probe.tracepoint("9p:*")),
    ],
)
def test_a_star_stands_for_many_places(text: str, probe: Probe) -> None:
    parsed = parse_probe(text)
    assert parsed == probe
    assert parsed.is_pattern


@pytest.mark.parametrize("text", ["consume_skb/stack", "skb:kfree_skb/stack", "kr:tcp_*/stack"])
def test_a_probe_may_ask_for_stacks(text: str) -> None:
    assert parse_probe(text).stack
    assert not parse_probe(text.removesuffix("/stack")).stack


@pytest.mark.parametrize("text", ["ip_rcv/ftrace", "k:ip_rcv/ftrace/stack", "fexit:ip_*/stack/ftrace"])
def test_a_probe_of_a_function_may_ask_for_what_it_calls(text: str) -> None:
    probe = parse_probe(text)
    assert probe.ftrace
    assert probe.stack == ("stack" in text)


@pytest.mark.parametrize("text", ["net:netif_receive_skb/ftrace", "tp:*skb*/stack/ftrace"])
def test_a_tracepoint_calls_nothing(text: str) -> None:
    with pytest.raises(UsageError, match="a tracepoint has no return"):
        parse_probe(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("consume_skb/", "an option is empty"),
        ("consume_skb/stack/", "an option is empty"),
        ("consume_skb//stack", "an option is empty"),
        ("consume_skb/stack/stack", "given twice"),
        ("consume_skb/ftrace/stack/ftrace", "/ftrace is given twice"),
        ("consume_skb/stacks", "'stacks' is not an option"),
        ("/stack", "not a function"),
    ],
)
def test_an_option_that_is_none_is_refused(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        parse_probe(text)
