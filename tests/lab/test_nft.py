"""What nftables decides, against what it says itself: ``nft monitor trace`` and the counters of rules."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.lab.verdicts import ADVICE, ENDS, GOES, JUMPS, RETURNS, STEPS, Step, events, monitored, reported, send, truth

from tracer_core.testing.patience import patience
from tracer_core.testing.topology import nftables
from tracer_core.testing.topology.nftables import ACCEPTED_PORT, DROPPED_PORT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.support import Support

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.topology.nat import Nat
    from tracer_core.testing.topology.nftables import Filtered

pytestmark = [pytest.mark.bpf, pytest.mark.usefixtures("nf_tables")]

FUNCTION = "__nft_trace_packet"


def until(happens: Any, what: str) -> None:  # noqa: ANN401 - any question
    deadline = time.monotonic() + patience(10)
    while not happens():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def _needs_types(request: pytest.FixtureRequest) -> None:
    if request.function is not test_a_kernel_without_types_of_modules_is_told_so:
        request.getfixturevalue("module_types")


def test_a_kernel_without_types_of_modules_is_told_so(
    tracer: Tracer, support: Support, *, has_module_types: bool
) -> None:
    if has_module_types:
        pytest.skip("this kernel has them")
    result = tracer.run("collect", "-c", "nft")
    assert result.returncode == 3
    assert "the kernel has no type information of module nf_tables" in result.stderr
    support.works("verdicts of nftables", "no: no types of modules")


@pytest.mark.parametrize("probe", [FUNCTION, pytest.param(f"kprobe:{FUNCTION}", marks=pytest.mark.extra)])
def test_chains_rules_and_verdicts_of_each_packet_are_those_that_nft_reports(
    tracer: Tracer, nft_netns: Filtered, tmp_path: Path, support: Support, probe: str
) -> None:
    site, out, log = nft_netns, tmp_path / "events.json", tmp_path / "trace"
    nftables.load(site.b, STEPS)
    options = ("-c", "nft,skb", "--nft-verdicts", "all", "--netns", site.b.name, "-p", probe, "-o", str(out))
    ports = (ACCEPTED_PORT, DROPPED_PORT, JUMPS, RETURNS, GOES, ENDS)
    sent = dict(enumerate(ports * 2, 100))
    with monitored(site.b, log), tracer.collect(*options) as collecting:

        def is_traced() -> bool:
            send(site, ACCEPTED_PORT, 99)
            return "udp length 99" in log.read_text()

        until(is_traced, "nft monitor trace reports nothing")
        for length, port in sent.items():
            send(site, port, length)
        # the last packet goes through four chains, and its policy comes last
        until(lambda: sum(length in sent for length in truth(log.read_text())) == len(sent), "not all were traced")
        until(lambda: truth(log.read_text())[max(sent)][-1].policy, "the last was not traced to its end")
    assert collecting.exit_code == 0, collecting.report()
    assert ADVICE not in collecting.stderr
    told, ours = truth(log.read_text()), reported(out)
    tells_ends = any(step.is_end for steps in told.values() for step in steps)

    def as_told(step: Step) -> Step:
        # where nft tells of ends, it does not say which rule returned
        return step._replace(rule=None) if tells_ends and step.verdict == "return" else step

    for length, port in sent.items():
        # a kprobe of the user's is the collector's own, too
        assert [as_told(step) for step in ours[length] if tells_ends or not step.is_end] == told[length], port
    assert all(step.rule for steps in ours.values() for step in steps if step.verdict == "return")
    jumped = next(ours[length] for length, port in sent.items() if port == JUMPS)
    assert [(step.chain, step.verdict, step.target, step.is_end) for step in jumped][1:] == [
        ("first", "jump", "counted", False),
        ("counted", "continue", None, False),
        ("counted", "continue", None, True),
        ("first", "continue", None, True),
        ("first", "accept", None, False),
        ("input", "continue", None, True),
        ("input", "drop", None, False),
    ]
    support.works("verdicts of nftables")


def test_only_wanted_verdicts_are_reported_whatever_other_collectors_would_say(
    tracer: Tracer, nft_netns: Filtered, tmp_path: Path
) -> None:
    site, out = nft_netns, tmp_path / "events.json"
    before = site.counters()
    options = ("-c", "nft,skb", "--nft-verdicts", "drop", "--netns", site.b.name, "--allow-system-changes")
    with tracer.collect(*options, "-o", str(out), "--print", "--format", "single-line") as collecting:
        for length, port in enumerate((ACCEPTED_PORT, DROPPED_PORT, 9999, DROPPED_PORT), 100):
            send(site, port, length)
        collecting.wait_for(" drop", count=3)
    assert collecting.exit_code == 0, collecting.report()
    after = site.counters()
    ours = {length: steps for length, steps in reported(out).items() if length}
    assert {length: steps[-1].verdict for length, steps in ours.items()} == {101: "drop", 102: "drop", 103: "drop"}
    assert [length for length, steps in ours.items() if steps[-1].policy] == [102]
    assert sum(steps[-1].rule is not None for steps in ours.values()) == after["dropped"] - before["dropped"] == 2
    assert after["accepted"] - before["accepted"] == 1
    assert all(event["nft"]["verdict"] == "drop" for event in events(out))


def test_rules_are_shown_as_they_read_also_those_that_are_added_meanwhile(tracer: Tracer, nft_netns: Filtered) -> None:
    site = nft_netns
    options = ("-c", "nft,skb", "--nft-rules", "--nft-verdicts", "all", "--netns", site.b.name)
    with tracer.collect(*options, "--allow-system-changes", "--format", "single-line") as collecting:
        send(site, DROPPED_PORT, 100)
        collecting.wait_for(f'[udp dport {DROPPED_PORT} counter name "dropped" drop] drop')
        site.b.run(["nft", "add", "rule", "inet", "filter", "input", "udp", "dport", "7010", "counter"])
        until(lambda: _shows(site, collecting, "[udp dport 7010 counter] continue"), collecting.report())
    assert collecting.exit_code == 0, collecting.report()


def _shows(site: Filtered, collecting: Any, text: str) -> bool:  # noqa: ANN401
    send(site, 7010, 101)
    return text in collecting.stdout


@pytest.mark.extra
def test_translated_packets_show_the_rules_that_translated_them(tracer: Tracer, nat_netns: Nat, tmp_path: Path) -> None:
    site, out = nat_netns, tmp_path / "events.json"
    options = ("-c", "nft,skb", "--netns", site.router.name, "--allow-system-changes", "--nft-verdicts", "accept")
    with tracer.collect(*options, "-o", str(out), "--print", "--format", "single-line") as collecting:
        site.client.run(["ping", "-c", "1", "-W", "20", "203.0.113.80"])
        collecting.wait_for("chain postrouting")
    found = [
        (event["nft"]["chain_name"], event["nft"]["verdict"], event["nft"]["policy"])
        for event in events(out)
        if event["nft"]["table_name"] == "translation"
    ]
    assert found[:2] == [("prerouting", "accept", False), ("postrouting", "accept", False)]
