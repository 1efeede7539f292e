"""Which packets are written, and what is said of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.event_json import USER_EVENT, write_lines
from tests.pcap.captures import FENTRY, FEXIT, K, event, packets, packets_of, written_event

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing.command import Tracer


# the library that reads uses what it deprecated
pytestmark = pytest.mark.filterwarnings("ignore:Field type should not be:DeprecationWarning")

PLACES = [event(1), event(2, ("raw_tracepoint", "skb:kfree_skb")), event(3, K), FENTRY, FEXIT, USER_EVENT]


@pytest.mark.parametrize(
    ("probes", "numbers"),
    [
        ((), [1, 2, 3, 4, 5]),
        (("tp:net:netif_rx",), [1]),
        (("net:netif_rx/stack",), [1]),
        (("tp:*",), [1, 2]),
        (("raw_tracepoint:net:*", "skb:kfree_*"), [1, 2]),
        (("ip_rcv",), [3]),
        (("k:*",), [3, 4]),
        (("*_rcv",), [3, 4]),
        (("fentry:*",), [4]),
        (("kr:tcp_*",), [5]),
        (("fexit:tcp_v4_rcv",), [5]),
        (("kprobe:ip_rcv", "ip_*"), [3]),
    ],
)
def test_packets_of_the_probes_that_the_user_names_are_written(
    tmp_path: Path, probes: tuple[str, ...], numbers: list[int]
) -> None:
    arguments = tuple(word for probe in probes for word in ("-p", probe))
    found = packets_of(tmp_path, *PLACES, arguments=arguments)
    assert [written_event(block)["common"]["timestamp"] for block in found] == numbers


@pytest.mark.parametrize(
    ("arguments", "found", "code", "message"),
    [
        (("-p", "ip_output"), PLACES, 1, "Error: in.json: Probe not found in the events; see: tracer stats\n"),
        (("-p", "net:ip_rcv"), PLACES, 1, "Error: in.json: Probe not found in the events; see: tracer stats\n"),
        ((), [USER_EVENT], 1, "Error: in.json: no event is of a probe in the kernel; see: tracer stats\n"),
        ((), [], 1, "Error: in.json: there are no events in it; see: tracer stats\n"),
        (("-p", "ip_rcv"), [], 1, "Error: in.json: there are no events in it; see: tracer stats\n"),
        (("-p", "k:net:netif_rx"), PLACES, 2, "Error: probe 'k:net:netif_rx': not a function; "),
        (("-p", ""), PLACES, 2, "Error: probe '': not a function; "),
        (("-p", "foo:bar:baz"), PLACES, 2, "Error: probe 'foo:bar:baz': invalid type 'foo'; "),
        (
            (),
            [event(1, data=None)] * 3,
            1,
            "3 event(s) were processed\nWARN  3 event(s) were skipped because of missing raw packet\n"
            "Error: there is nothing to write: no event has a packet; ",
        ),
    ],
)
def test_where_there_is_nothing_to_write_one_line_says_why_and_there_is_no_file(
    tracer: Tracer, here: Path, *, arguments: tuple[str, ...], found: list[Any], code: int, message: str
) -> None:
    write_lines(here / "in.json", found)
    result = tracer.run("pcap", "in.json", "-o", "out.pcapng", *arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert result.stderr.startswith(message)
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert not (here / "out.pcapng").exists()


def test_what_was_skipped_and_which_probe_was_not_met_is_told(tracer: Tracer, here: Path) -> None:
    write_lines(here / "in.json", [event(1), event(2, data=None), event(3, K)])
    result = tracer.run("pcap", "in.json", "-o", "o", "-p", "net:netif_rx", "-p", "tcp_*")
    assert result.returncode == 0
    assert result.stderr.splitlines() == [
        "2 event(s) were processed",
        "WARN  1 event(s) were skipped because of missing raw packet",
        "WARN  no event is of probe tcp_*",
    ]
    assert len(packets((here / "o").read_bytes())) == 1
