"""What a run changes on the machine, for verdicts of nftables and for patterns of functions; and that it is undone."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.lab.traffic import ping
from tests.lab.verdicts import ADVICE, STEPS, send

from tracer_core.testing.patience import patience
from tracer_core.testing.topology import nftables
from tracer_core.testing.topology.nftables import DROPPED_PORT

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.pages.blocks import Block

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.topology.nftables import Filtered

pytestmark = [pytest.mark.bpf, pytest.mark.usefixtures("module_types", "nf_tables")]


def tables() -> str:
    """Those of the namespace that we are in."""
    return subprocess.run(["nft", "list", "tables"], check=True, capture_output=True, text=True).stdout


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
