"""Probes are completed from what the kernel lists, or from its types where it lists nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracer_core.cli.completion import probes
from tracer_core.kernel import live
from tracer_core.testing.kernels import recorded_kernel


@pytest.fixture
def tracefs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for tracefs, and a list of symbols."""
    (tmp_path / "available_events").write_text(
        "net:netif_rx\nskb:kfree_skb\nnet:net_dev_queue\nnetlink:netlink_extack\n"
    )
    (tmp_path / "available_filter_functions").write_text("ip_rcv\nip_rcv_core [mod]\nip_output\n")
    (tmp_path / "kallsyms").write_text(
        "0000 T ip_rcv\n0000 t ip_rcv_local\t[mod]\n0000 D ip_rcv_data\n0000 T ip_x.cold\n"
    )
    monkeypatch.setattr(probes, "_TRACING", (str(tmp_path / "not mounted"), str(tmp_path)))
    monkeypatch.setattr(probes, "_SYMBOLS", str(tmp_path / "kallsyms"))
    return tmp_path


def values(typed: str) -> list[str]:
    import click

    command = click.Command("any")
    return [item.value for item in probes.probes(click.Context(command), click.Option(["-p"]), typed)]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("tp:", ["tp:net:", "tp:netlink:", "tp:skb:"]),
        ("raw_tracepoint:s", ["raw_tracepoint:skb:"]),
        ("tp:net:netif", ["tp:net:netif_rx"]),
        ("tp:net:netif_rx/s", ["tp:net:netif_rx/stack"]),
        ("tp:net:netif_rx/stack/", ["tp:net:netif_rx/stack/ftrace"]),
        ("net", ["net:", "netlink:"]),
        ("net:", ["net:net_dev_queue", "net:netif_rx"]),
        ("ip_r", ["ip_rcv", "ip_rcv_core"]),
        ("kr:ip_rcv_", ["kr:ip_rcv_core"]),
        ("fexit:ip_o", ["fexit:ip_output"]),
        ("t", ["tp:"]),
        ("k:", []),  # too many
        ("nonsense:x", []),
        ("ip_rcv[", []),
        ("tp:*", []),
    ],
)
def test_probes_are_completed_by_the_beginning_of_their_names(tracefs: Path, typed: str, found: list[str]) -> None:
    assert values(typed) == found


def test_without_tracefs_functions_are_those_of_the_list_of_symbols(tracefs: Path) -> None:
    (tracefs / "available_filter_functions").unlink()
    (tracefs / "available_events").unlink()
    assert values("ip_") == ["ip_rcv", "ip_rcv_local"]
    (tracefs / "kallsyms").unlink()
    assert values("ip_") == []


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("tp:", ["tp:9p:", "tp:net:", "tp:netlink:"]),
        ("raw_tracepoint:netl", ["raw_tracepoint:netlink:"]),
        ("net", ["net:", "netlink:"]),
        ("tp:net:netif_receive_skb_e", ["tp:net:netif_receive_skb_entry"]),
        ("raw_tracepoint:skb:kfree", ["raw_tracepoint:skb:kfree", "raw_tracepoint:skb:kfree_skb"]),
        ("tp:any:kfree_s", ["tp:any:kfree_skb"]),
        ("net:kfree_s", ["net:kfree_skb"]),
        ("usdt:kfree_s", []),
        ("tp:net:", []),  # too many
        ("tp:net:nonsense", []),
    ],
)
def test_without_tracefs_groups_are_those_of_the_list_of_symbols_and_names_those_of_types(
    tracefs: Path, monkeypatch: pytest.MonkeyPatch, typed: str, found: list[str]
) -> None:
    monkeypatch.setattr(live, "LiveKernel", lambda: recorded_kernel("6.18"))
    (tracefs / "available_events").unlink()
    with (tracefs / "kallsyms").open("a") as symbols:
        symbols.write(
            "0000 r str__net__trace_system_name\n0000 r str__9p__trace_system_name\t[9pnet]\n"
            "0000 r str__netlink__trace_system_name\n0000 r str__net__trace_system_name\t[mod]\n"
        )
    assert values(typed) == found


def test_where_groups_of_tracepoints_are_nowhere_those_of_the_usual_probes_are_offered(tracefs: Path) -> None:
    (tracefs / "available_events").unlink()
    assert values("tp:") == ["tp:net:", "tp:skb:"]
    (tracefs / "kallsyms").unlink()
    assert values("tp:s") == ["tp:skb:"]
