"""``tracer collect -f``: packets that match are reported, and no others."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces

PROBES = ("-p", "tp:net:net_dev_start_xmit", "-p", "tp:net:netif_receive_skb")
PORTS = (4711, 4712)


def collected(tracer: Tracer, two: TwoNamespaces, *arguments: str) -> list[str]:
    """What is reported of pings both ways, and of datagrams to two ports."""
    namespaces = ("--netns", two.a.name, "--netns", two.b.name)
    with tracer.collect("-c", "skb", *PROBES, *namespaces, "--format", "single-line", *arguments) as collecting:
        two.run(two.a, ["ping", "-n", "-c", "1", two.b.ipv4])
        two.run(two.a, ["ping", "-6", "-n", "-c", "1", two.b.ipv6])
        with two.a.entered():
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sender:
            for port in PORTS:
                sender.sendto(b"hello", (two.b.ipv4, port))
    assert collecting.exit_code == 0, collecting.report()
    return collecting.stdout.splitlines()


@pytest.mark.bpf
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (("icmp and src 192.0.2.1 and icmp[0] == 8",), ["type 8 code 0"] * 2),
        (("udp port 4711",), [".4711 "] * 2),
        (("udp", "dst port 4712"), [".4712 "] * 2),
        (("udp port 4711 or (icmp6 and ip6[40] == 128)",), [".4711 ", "type 128 code 0"] * 2),
        (("udp", "icmp"), []),
        (("len > 10000",), []),
    ],
)
def test_only_what_matches_all_filters_is_reported(
    tracer: Tracer, two_netns: TwoNamespaces, filters: tuple[str, ...], expected: list[str]
) -> None:
    arguments = [word for text in filters for word in ("-f", text)]
    events = collected(tracer, two_netns, *arguments)
    assert sorted(map(_kind, events)) == sorted(expected), events


def _kind(event: str) -> str:
    for kind in ("type 8 code 0", "type 128 code 0", ".4711 ", ".4712 "):
        if kind in event:
            return kind
    return event


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("icmp and", "packet filter 'icmp and'"),
        ("nonsense 3", "packet filter 'nonsense 3'"),
        ("", ""),
        (" or ".join(f"host 10.{a}.{b}.1" for a in range(20) for b in range(38)), "instructions of classic BPF"),
    ],
)
def test_a_filter_that_cannot_be_is_one_line(tracer: Tracer, expression: str, reason: str) -> None:
    result = tracer.run("collect", "-c", "skb", *PROBES, "-f", expression, "--dry-run")
    if not reason:  # an empty filter takes every packet, as in tcpdump
        assert result.returncode == 0
        return
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert reason in result.stderr


SILENT = dedent("""\
    import os, socket, subprocess, sys

    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for name in ("resolv.conf", "nsswitch.conf"):
        if os.path.exists(f"/etc/{name}"):
            subprocess.run(["mount", "--bind", name, f"/etc/{name}"], check=True)
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    server.set_inheritable(True)  # nobody ever reads what is asked
    os.execv(sys.argv[1], sys.argv[1:])
""")


@pytest.mark.usefixtures("root")
def test_a_name_server_that_does_not_answer_keeps_nobody_from_interrupting(tracer: Tracer, tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:30 attempts:5\n")
    (tmp_path / "nsswitch.conf").write_text("hosts: dns\n")
    command = (str(tracer.path), "collect", "-c", "skb", "-f", "host silent.example", "--dry-run")
    alone = ("unshare", "--mount", "--net", sys.executable, "-c", SILENT, *command)
    with subprocess.Popen(alone, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        try:
            rest = process.communicate(timeout=patience(15))[1]
        finally:
            process.kill()
    assert said == "packet filter 'host silent.example': resolving its names, for 30 s at most\n"
    assert (process.returncode, rest) == (1, "Error: interrupted\n")


def test_the_plan_says_which_filter_is_asked_where(tracer: Tracer) -> None:
    result = tracer.run("collect", "-c", "skb", *PROBES, "-f", "arp", "-f", "host 192.0.2.1", "--dry-run")
    assert "packet filter (arp) and (host 192.0.2.1)" in result.stdout
    assert result.stdout.count("\n  packet filter\n") == 2
    assert "L2 packet filter(s) loaded" in result.stderr
