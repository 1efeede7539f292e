"""``--follow-stack`` on tracepoints: places without a packet are shown while they run for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.stacks import WANTED, inherited, only_what_matches_is_shown, owners, two_flows, wanted_port
from tests.tracking import RECEIVE, identity, tracing

if TYPE_CHECKING:
    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces

LOOKUP, POLL = "fib:fib_table_lookup", "napi:napi_poll"
REQUEST = "icmp[icmptype] = icmp-echo"


@pytest.mark.bpf
def test_what_runs_for_packets_that_match_is_shown_and_nothing_that_runs_for_others(two_netns: TwoNamespaces) -> None:
    two = two_netns
    only_what_matches_is_shown(two, (f"tp:{RECEIVE}", f"tp:{LOOKUP}"), LOOKUP, follow=True)


@pytest.mark.bpf
def test_what_runs_after_the_packet_was_freed_is_not_shown(two_netns: TwoNamespaces) -> None:
    two = two_netns
    probes = (f"tp:{RECEIVE}", f"tp:{LOOKUP}", f"tp:{POLL}")
    with tracing(*probes, namespaces=[two.b], filters=[REQUEST], follow=True) as run:
        two.run(two.a, ["ping", "-n", "-c", "3", "-i", "0.2", "-W", "20", two.b.ipv4])
    assert len(owners(inherited(run, LOOKUP))) == 3
    assert inherited(run, POLL) == []


@pytest.mark.bpf
def test_a_packet_that_waits_in_a_socket_is_not_freed(two_netns: TwoNamespaces) -> None:
    two = two_netns
    probes = (f"tp:{RECEIVE}", f"tp:{POLL}")
    with two_flows(two) as (wanted, _):
        with tracing(*probes, namespaces=[two.b], filters=[wanted_port(wanted)], follow=True) as run:
            wanted.sender.send(WANTED)
            run.wait_for(RECEIVE, WANTED)
        assert wanted.receiver.recv(100) == WANTED
    # the documented weakness: the processor has done with it, and nothing says so
    assert {identity(event) for event in run.holding(WANTED)} >= set(owners(inherited(run, POLL)))
    assert inherited(run, POLL)


@pytest.mark.bpf
def test_without_the_option_such_a_place_is_not_probed(tracer: Tracer) -> None:
    given = ("collect", "-c", "skb,skb-tracking", "-p", f"tp:{RECEIVE}", "-p", f"tp:{LOOKUP}", "--dry-run")
    assert f"skipped tp:{LOOKUP}" in tracer.run(*given).stdout
    assert f"skipped tp:{LOOKUP}" not in tracer.run(*given, "--follow-stack").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("-c", "skb,skb-tracking", "-p", f"tp:{RECEIVE}/ftrace"),
            "/ftrace is for functions, a tracepoint has no return",
        ),
        (("-c", "skb", "-p", f"tp:{RECEIVE}", "--follow-stack"), "--follow-stack: nobody would tell which packet"),
        (("-c", "skb-tracking", "-p", f"tp:{POLL}", "--follow-stack"), "none of the probes has a packet"),
    ],
)
def test_what_cannot_be_is_one_line_that_says_what_to_do(
    tracer: Tracer, arguments: tuple[str, ...], message: str
) -> None:
    result = tracer.run("collect", *arguments, "--dry-run")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
