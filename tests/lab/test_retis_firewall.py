"""Retis' functional tests of nftables: its rules, its command lines, and each step of a packet with its handles."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.lab.retis_networks import CLIENT, SERVER, two_ns

from tracer_core.testing.topology import nftables

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.namespace import Namespace

pytestmark = [pytest.mark.bpf, pytest.mark.usefixtures("module_types")]

TABLE, INPUT, FIRST, SECOND = "nft_test", "input_filter", "input_ind1_hook", "input_ind2_hook"
ACCEPTS = f"""
icmp type echo-request ip saddr {CLIENT.ipv4} accept
icmp type echo-reply ip saddr {SERVER.ipv4} accept
"""
OPTIONS = ("-c", "nft", "-f", "net 10.0.42.0/30 and icmp", "--nft-verdicts", "all", "--allow-system-changes")


class Step(NamedTuple):
    """What was decided where, by a rule or a policy; a target is the chain that a packet is sent to."""

    verdict: str
    chain: str
    chain_handle: int
    rule_handle: int | None = None
    target: str | None = None
    policy: bool = False


def rules(accepts: str = "") -> str:
    """Two chains that all must pass before the policy decides. Handles: chains 1 to 3, jumps 4 and 5, then the rest."""
    return f"""
table inet {TABLE} {{
    chain {INPUT} {{
        type filter hook input priority 0; policy drop;
    }}
    chain {FIRST} {{ }}
    chain {SECOND} {{ }}
}}
add rule inet {TABLE} {INPUT} jump {FIRST}
add rule inet {TABLE} {INPUT} jump {SECOND}
""" + "".join(f"add rule inet {TABLE} {SECOND} {rule}\n" for rule in accepts.strip().splitlines())


def steps(path: Path) -> list[Step]:
    """What the events of a file say, in order."""
    found = []
    _, *events = [json.loads(line) for line in path.read_text().splitlines()]
    for event in events:
        assert event["kernel"] == {"probe_type": "kprobe", "symbol": "__nft_trace_packet"}
        assert "ping" in event["common"]["task"]["comm"]
        nft = event["nft"]
        assert nft["table_name"] == TABLE
        found.append(
            Step(
                *(nft["verdict"], nft["chain_name"], nft["chain_handle"], nft.get("rule_handle")),
                *(nft.get("verdict_chain_name"), nft["policy"]),
            )
        )
    return found


def traced(tracer: Tracer, path: Path, source: Namespace, target: Namespace, given: str) -> tuple[int, list[Step]]:
    """How a ping ended, and its steps through these rules, which both ends have."""
    with two_ns():
        for end in (CLIENT, SERVER):
            nftables.load(end, given)
        with tracer.collect(*OPTIONS, "-o", str(path)) as collecting:
            ended = source.run(["ping", "-c", "1", "-W", "0.5", target.ipv4], check=False)
        assert collecting.exit_code == 0, collecting.report()
    return ended.returncode, steps(path)


def test_a_policy_that_drops_is_told_after_all_chains_that_did_not_decide(tracer: Tracer, tmp_path: Path) -> None:
    code, found = traced(tracer, tmp_path / "events.json", SERVER, CLIENT, rules())
    assert code == 1
    assert found == [
        Step("jump", INPUT, 1, 4, FIRST),
        Step("continue", FIRST, 2),
        Step("jump", INPUT, 1, 5, SECOND),
        Step("continue", SECOND, 3),
        Step("continue", INPUT, 1),
        Step("drop", INPUT, 1, policy=True),
    ]


def test_a_rule_that_accepts_is_told_by_its_handle(tracer: Tracer, tmp_path: Path) -> None:
    code, found = traced(tracer, tmp_path / "events.json", CLIENT, SERVER, rules(ACCEPTS))
    assert code == 0
    chains = [Step("jump", INPUT, 1, 4, FIRST), Step("continue", FIRST, 2), Step("jump", INPUT, 1, 5, SECOND)]
    request, reply = Step("accept", SECOND, 3, 6), Step("accept", SECOND, 3, 7)
    assert found == [*chains, request, *chains, reply]
