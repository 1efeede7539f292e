"""What nftables decides, against what it says itself: ``nft monitor trace`` and the counters of rules."""

from __future__ import annotations

import base64
import json
import re
import shlex
import socket
import struct
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.lab.traffic import ping

from tracer_core.testing.patience import patience
from tracer_core.testing.topology import nftables
from tracer_core.testing.topology.nftables import ACCEPTED_PORT, DROPPED_PORT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scripts.pages.blocks import Block
    from tests.lab.support import Support

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.namespace import Namespace
    from tracer_core.testing.topology.nat import Nat
    from tracer_core.testing.topology.nftables import Filtered

pytestmark = pytest.mark.bpf

FUNCTION = "__nft_trace_packet"
ADVICE = "If an nft trace rule wasn't manually added"
JUMPS, RETURNS, GOES, ENDS = 7003, 7004, 7005, 7006
"""UDP ports: to a chain that ends, to one that returns, and away to one that drops, or that ends."""

STEPS = f"""
table inet steps {{
    chain counted {{
        counter
    }}
    chain returning {{
        counter return
        drop
    }}
    chain final {{
        udp dport {GOES} counter drop
    }}
    chain first {{
        type filter hook prerouting priority -300; policy accept;
        meta nftrace set 1
        udp dport {JUMPS} counter jump counted
        udp dport {RETURNS} jump returning
        udp dport {GOES} goto final
        udp dport {ENDS} goto final
    }}
}}
"""


class Step(NamedTuple):
    """A step of a packet: where, and what was decided."""

    table: str
    chain: str
    rule: int | None
    verdict: str
    target: str | None = None
    policy: bool = False

    @property
    def is_end(self) -> bool:
        """A chain ended without a verdict: ``nft`` tells of that on 6.1, and not on 6.12."""
        return self.rule is None and not self.policy


_LINE = re.compile(
    r"trace id (?P<id>\w+) \w+ (?P<table>\S+) (?P<chain>\S+) (?P<what>packet:|rule|verdict|policy) (?P<rest>.*)"
)
_VERDICT = re.compile(r".*# handle (?P<rule>\d+) \(verdict (?P<verdict>\w+)(?: (?P<target>\w+))?\)")
_LENGTH = re.compile(r"udp length (\d+)")


def truth(text: str) -> dict[int, list[Step]]:
    """What ``nft -a monitor trace`` printed: the steps of each UDP packet, by its length."""
    steps: dict[str, list[Step]] = {}
    lengths: dict[str, int] = {}
    whole, _, _ = text.rpartition("\n")  # it may be at writing a line
    for line in whole.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        number, table, chain, what, rest = match["id"], match["table"], match["chain"], match["what"], match["rest"]
        if what == "packet:":
            if length := _LENGTH.search(rest):
                lengths[number] = int(length[1])
            continue
        found = steps.setdefault(number, [])
        if what == "rule":
            rule = _VERDICT.match(rest)
            assert rule, line
            found.append(Step(table, chain, int(rule["rule"]), rule["verdict"], rule["target"]))
        else:
            found.append(Step(table, chain, None, rest.split()[0], policy=what == "policy"))
    return {lengths[number]: found for number, found in steps.items() if number in lengths}


@contextmanager
def monitored(namespace: Namespace, path: Path) -> Iterator[None]:
    """Have ``nft`` write to a file what it traces in a namespace."""
    with path.open("wb") as out:
        process = namespace.popen(["nft", "-a", "monitor", "trace"], stdout=out, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(patience(10))


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()][1:]


def udp_length(event: dict[str, Any]) -> int:
    """The length of a UDP packet over IPv4; 0 of others."""
    data = base64.b64decode(event["packet"]["data"]) if "packet" in event else b""
    return struct.unpack_from(">H", data, 38)[0] if data[12:14] == b"\x08\x00" and data[23:24] == b"\x11" else 0


def reported(path: Path) -> dict[int, list[Step]]:
    """The same, of what we said."""
    found: dict[int, list[Step]] = {}
    for event in sorted(events(path), key=lambda event: event["common"]["timestamp"]):
        nft = event["nft"]
        target = nft.get("verdict_chain_name")
        step = Step(
            nft["table_name"], nft["chain_name"], nft.get("rule_handle"), nft["verdict"], target, policy=nft["policy"]
        )
        found.setdefault(udp_length(event), []).append(step)
    return found


def send(site: Filtered, port: int, length: int) -> None:
    """A UDP packet of that length, header included."""
    with site.a.entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sender:
        sender.sendto(bytes(length - 8), (site.b.ipv4, port))


def until(happens: Any, what: str) -> None:  # noqa: ANN401 - any question
    deadline = time.monotonic() + patience(10)
    while not happens():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def _needs_types(request: pytest.FixtureRequest) -> None:
    if request.function is not test_a_kernel_without_types_of_modules_is_told_so:
        request.getfixturevalue("module_types")


@pytest.fixture(autouse=True)
def _module() -> None:
    subprocess.run(["modprobe", "nf_tables"], check=True)


def tables() -> str:
    """Those of the namespace that we are in."""
    return subprocess.run(["nft", "list", "tables"], check=True, capture_output=True, text=True).stdout


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


def test_the_table_is_there_for_the_time_of_the_run_and_each_run_has_its_own(
    tracer: Tracer, nft_netns: Filtered, shown: tuple[Block, ...]
) -> None:
    site = nft_netns
    (block,) = shown
    options = (*shlex.split(block.text)[2:], "--netns", site.b.name)
    with tracer.collect(*options) as first, tracer.collect(*options) as second:
        assert tables().count("table inet tracer_") == 2
        assert "made by runs that go on" in tracer.run("doctor").stdout
        send(site, DROPPED_PORT, 100)
        for run in (first, second):
            run.wait_for("drop")
        second.stop()
        assert tables().count("table inet tracer_") == 1
        send(site, DROPPED_PORT, 100)
        first.wait_for("drop", count=2)
    assert (first.exit_code, second.exit_code) == (0, 0), first.report()
    assert "tracer_" not in tables()


@pytest.mark.extra
def test_without_a_rule_that_traces_the_user_is_told_and_nothing_is_changed(
    tracer: Tracer, nft_netns: Filtered
) -> None:
    site = nft_netns
    before = tables()
    with tracer.collect("-c", "nft", "--nft-verdicts", "all", "--netns", site.b.name) as collecting:
        ping(site.a, site.b)
        assert tables() == before
    assert ADVICE in collecting.stderr
    assert collecting.stdout == ""
    nftables.load(site.b, STEPS)
    with tracer.collect("-c", "nft", "--nft-verdicts", "all", "--netns", site.b.name) as collecting:
        ping(site.a, site.b)
        collecting.wait_for("chain first")
    assert ADVICE not in collecting.stderr


@pytest.mark.parametrize(
    "cleaner",
    [("doctor",), pytest.param(("collect", "-c", "skb", "-p", "ip_rcv", "--stop-after", "1"), marks=pytest.mark.extra)],
)
def test_what_a_killed_run_left_is_undone_by_the_next_command(
    tracer: Tracer, nft_netns: Filtered, cleaner: tuple[str, ...]
) -> None:
    site = nft_netns
    with tracer.collect("-c", "nft", "--netns", site.b.name, "--allow-system-changes") as collecting:
        collecting.process.kill()
        collecting.process.wait()
    assert "table inet tracer_" in tables()
    if cleaner[0] == "collect":
        cleaner = (*cleaner, "--cmd", f"ping -c 1 {site.b.ipv4}; ip netns exec {site.a.name} ping -c 1 {site.b.ipv4}")
    result = tracer.run(*cleaner)
    assert re.search(r"Undid what a killed run left behind: table inet tracer_\w+ of nftables", result.stderr)
    assert "tracer_" not in tables()


@pytest.mark.parametrize(
    "number", ["INT", *(pytest.param(each, marks=pytest.mark.extra) for each in ("TERM", "HUP", "QUIT"))]
)
def test_whatever_signal_ends_the_run_the_table_is_gone(tracer: Tracer, nft_netns: Filtered, number: str) -> None:
    with tracer.collect("-c", "nft", "--netns", nft_netns.b.name, "--allow-system-changes") as collecting:
        assert "tracer_" in tables()
        subprocess.run(["kill", f"-{number}", str(collecting.process.pid)], check=True)
        collecting.process.wait(patience(30))
    assert collecting.exit_code == 0, collecting.report()
    assert "tracer_" not in tables()


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


@pytest.mark.extra
def test_nft_that_refuses_is_one_error_and_nothing_is_changed(
    tracer: Tracer, nft_netns: Filtered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nft = tmp_path / "nft"
    nft.write_text("#!/bin/sh\necho 'no room for tables' >&2; exit 1\n")
    nft.chmod(0o755)
    before = tables()
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(tmp_path), prepend=":")
        result = tracer.run("collect", "-c", "nft", "--allow-system-changes", "--netns", nft_netns.b.name)
    assert result.returncode == 1
    [line] = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert re.fullmatch(r"Error: cannot make table inet tracer_\w+ of nftables: nft: no room for tables; .*", line)
    assert tables() == before


def test_tracefs_is_mounted_where_it_is_missing_and_unmounted_at_the_end(
    tracer: Tracer, nft_netns: Filtered, tmp_path: Path
) -> None:
    site = nft_netns
    send_one = f"ip netns exec {site.a.name} ping -c 1 -W 20 {site.b.ipv4}"
    run = [str(tracer.path), "collect", "-c", "skb", "-p", "ip_rcv_c*", "--netns", site.b.name]
    script = f"""
        umount /sys/kernel/debug/tracing /sys/kernel/debug /sys/kernel/tracing 2>/dev/null
        {shlex.join(run)} --cmd {shlex.quote(send_one)} && echo not refused
        {shlex.join([*run, "--allow-system-changes"])} --cmd {shlex.quote(send_one)} || echo refused
        grep tracefs /proc/self/mounts
        exit 0
    """
    result = subprocess.run(
        ["unshare", "-m", "sh", "-c", script], check=True, capture_output=True, text=True, timeout=patience(60)
    )
    assert result.stderr.count("'*' needs tracefs") == 1, result.stderr
    assert "[fentry] ip_rcv_core" in result.stdout or "[k] ip_rcv_core" in result.stdout, result.stderr
    assert "refused" not in result.stdout
    assert "tracefs" not in result.stdout.replace("needs tracefs", "")
