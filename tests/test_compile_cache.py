"""A run whose code comes from the cache, beside one whose code was compiled: same traffic, same events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces

pytestmark = pytest.mark.bpf

RECEIVE, TRANSMIT = "tp:net:netif_receive_skb", "tp:net:net_dev_start_xmit"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the test's own."""
    path = tmp_path / "cache"
    monkeypatch.setenv("TRACER_CACHE_DIR", str(path))
    return path


def entries(folder: Path) -> dict[str, int]:
    """Names of the kept code, and inode numbers: a run that compiles puts a new file in the place of the old one."""
    return {file.name: file.stat().st_ino for file in folder.iterdir() if file.stat().st_size}


def test_cached_code_gives_the_events_that_compiled_code_gives(
    tracer: Tracer, two_netns: TwoNamespaces, folder: Path
) -> None:
    two = two_netns
    namespaces = ("--netns", two.a.name, "--netns", two.b.name)
    arguments = ("-c", "skb", "-p", RECEIVE, "-p", TRANSMIT, *namespaces, "--format", "single-line", "-e")
    with tracer.collect(*arguments) as compiled:
        kept = entries(folder)
        assert len(kept) == 1
        with tracer.collect(*arguments) as cached:
            assert entries(folder) == kept
            for size in (100, 200, 300):
                two.run(two.a, ["ping", "-c", "1", "-s", str(size), two.b.ipv4])
            for collecting in (compiled, cached):
                collecting.wait_for("len 328", count=4)
    seen = [
        [line.partition("] ")[2] for line in collecting.stdout.splitlines() if "proto ICMP " in line]
        for collecting in (compiled, cached)
    ]
    assert len(seen[0]) == 12
    # two CPUs may take their places in the two rings in different order
    assert sorted(seen[0]) == sorted(seen[1])


def test_one_entry_serves_all_network_namespaces(tracer: Tracer, two_netns: TwoNamespaces, folder: Path) -> None:
    two = two_netns
    arguments = ("-c", "skb", "-p", RECEIVE, "--format", "single-line", "--netns")
    with tracer.collect(*arguments, two.a.name) as at_a:
        kept = entries(folder)
        with tracer.collect(*arguments, two.b.name) as at_b:
            assert entries(folder) == kept
            two.run(two.a, ["ping", "-c", "1", "-s", "100", two.b.ipv4])
            at_a.wait_for(f"{two.b.ipv4} > {two.a.ipv4}")
            at_b.wait_for(f"{two.a.ipv4} > {two.b.ipv4}")
    assert f"{two.a.ipv4} > {two.b.ipv4}" not in at_a.stdout
    assert f"{two.b.ipv4} > {two.a.ipv4}" not in at_b.stdout


def test_an_empty_variable_switches_the_cache_off(
    tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACER_CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with tracer.collect("-c", "skb", "-p", RECEIVE, "--netns", two_netns.a.name) as collecting:
        pass
    assert collecting.exit_code == 0
    assert not (tmp_path / "tracer").exists()
