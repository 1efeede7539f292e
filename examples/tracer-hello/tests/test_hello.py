"""The collector is what it says: on every recorded kernel without privileges, and for real where that works."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.api import TextOptions
from tracer_core.testing import kernels
from tracer_hello import plugin

if TYPE_CHECKING:
    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces

PROBE = "tp:net:netif_receive_skb"


def on_recorded_kernel(tracer: Tracer, name: str, *arguments: str) -> str:
    kernel = Path(kernels.__file__).parent / name
    result = tracer.run("collect", "-c", "hello", "-p", PROBE, "--kernel", str(kernel), *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("name", kernels.recorded_names())
def test_the_least_length_and_the_bit_field_are_compiled_in(tracer: Tracer, name: str) -> None:
    program = on_recorded_kernel(tracer, name, "--print-bpf", "--hello-min-len", "100")
    assert "#define HELLO_MIN_LEN 100\n" in program
    assert "TRACER_BIT_FIELD(sk_buff, pkt_type, " in program


@pytest.mark.parametrize("name", kernels.recorded_names())
def test_it_runs_where_an_skb_passes(tracer: Tracer, name: str) -> None:
    plan = on_recorded_kernel(tracer, name, "--dry-run").splitlines()
    probe = next(number for number, line in enumerate(plan) if PROBE in line)
    assert plan[probe + 1 :] == ["  argument 0: struct sk_buff *", "  hello_collect (hello), when matched"]


def test_a_negative_least_length_is_refused(tracer: Tracer) -> None:
    result = tracer.run("collect", "-c", "hello", "--hello-min-len", "-1", "--dry-run")
    assert result.returncode == 2
    assert "--hello-min-len -1: not a length" in result.stderr


def test_its_text_names_the_type_of_the_packet() -> None:
    (formatter,) = plugin.tracer_formatters()
    text = formatter.format(plugin.Hello(length=142, mark=42, packet_type=1), TextOptions())
    assert text == "hello length 142 mark 0x2a type broadcast"


@pytest.mark.bpf
def test_it_reports_length_and_mark_of_a_ping(tracer: Tracer, two_netns: TwoNamespaces) -> None:
    a, b = two_netns.a, two_netns.b
    with tracer.collect("-c", "hello", "-p", "tp:net:net_dev_start_xmit", "--netns", a.name) as collecting:
        two_netns.run(a, ["ping", "-n", "-c", "1", "-W", "5", "-s", "100", "-m", "42", b.ipv4])
        # 14 bytes of Ethernet, 20 of IP, 8 of ICMP
        collecting.wait_for("hello length 142 mark 0x2a type host")
