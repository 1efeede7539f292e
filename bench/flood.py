#!/usr/bin/env python3
"""A flood of packets, seen by tracer, by programs that do nothing, by bpftrace and by tcpdump.

    python bench/flood.py [--rounds N] [--packets N] [--only LIST] [--without LIST] [--tracer-option=WORDS]

Datagrams of 64 bytes go through a veth pair between two network namespaces that this makes, as fast as one sender
can. Each passes ``net:net_dev_start_xmit`` in one and ``net:netif_receive_skb`` in the other, once, and nothing else
passes. All variants run in turns, each right after a flood without tracing that it is compared with; medians over all
rounds. The columns:

- *added*: by how much longer the sender took; *on the path*: by how much more CPU it used, for both ends of the veth
  pair, whoever else used its processor, with half of the distance of the quartiles; *to empty*: the latter, divided by
  that of programs that return at once;
- *in programs*: what the kernel counts per run (``BPF_ENABLE_STATS``, its clock included), in a run that is not timed;
- *lost*: what the tool admits;
- *CPU*: user and system, of all processes of the tool, from readiness to their end;
- *end*: from the interrupt to the end;
- *peak memory*: the most that all processes of the tool held at once (PSS, looked at every 10 ms, pages of the ring
  included), from start to end, in a run that is not timed and in which tracer compiles;
- *bytes/event*: size of the file.

Needs root. bpftrace is taken from a folder that ``debootstrap`` makes when it is first wanted: half a GB, in the cache
of the lab.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # neither bench nor lab is installed

from bench.flooding import report
from bench.flooding.network import TRACEPOINTS, network
from bench.flooding.rounds import Measuring
from bench.flooding.tools import tools

COLLECTORS: tuple[str, ...] = ()  # as in ("-c", "skb"); all that can run if empty


def main() -> int:
    """Measure, and print tables."""
    arguments = parsed()
    if os.geteuid() != 0:
        print("not measured: tracing needs root")
        return 0
    options = (*COLLECTORS, *(word for words in arguments.tracer_option for word in shlex.split(words)))
    chosen = [tool for tool in tools(options) if wanted(arguments, tool.key, tool.group)]
    with network() as net, ExitStack() as resources:
        measuring = Measuring(net, arguments.packets, arguments.target, lambda text: print(text, file=sys.stderr))
        results = measuring.prepared(chosen, resources)
        measuring.rounds(results, arguments.rounds)
        measuring.close(results)
        measuring.long(results, arguments.long)
    machine = f"Linux {os.uname().release}, {os.cpu_count()} processors"
    print(f"{machine}; {arguments.packets:,} packets, {arguments.rounds} rounds; {', '.join(TRACEPOINTS)}")
    print(f"tracer collect {shlex.join(options) or '(default collectors)'}\n")
    for part in (report.table(results), report.notes(results), report.targets(results)):
        print("\n".join(part), end="\n\n")
    return any(result.trouble and result.tool.exact for result in results)


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    keys = ", ".join(tool.key for tool in tools(()))
    parser.add_argument("--rounds", type=int, default=7, help="default: 7")
    parser.add_argument("--packets", type=int, default=1_000_000, help="of a flood, default: 1000000")
    parser.add_argument("--long", type=int, default=5, help="floods in one run to see memory grow, default: 5; 0: none")
    parser.add_argument("--only", type=listed, default=(), metavar="LIST", help=f"of {keys}")
    parser.add_argument("--without", type=listed, default=(), metavar="LIST", help="leave these out")
    parser.add_argument("--tracer-option", action="append", default=[], metavar="WORDS", help="for tracer collect")
    parser.add_argument("--target", type=Path, help="folder for files, default: the one for temporary files")
    arguments = parser.parse_args()
    if unknown := {*arguments.only, *arguments.without} - {key for tool in tools(()) for key in (tool.key, tool.group)}:
        parser.error(f"no such variant: {', '.join(sorted(unknown))}; there are {keys}")
    return arguments


def listed(text: str) -> tuple[str, ...]:
    """Words between commas."""
    return tuple(word.strip() for word in text.split(","))


def wanted(arguments: argparse.Namespace, *names: str) -> bool:
    """Whether the command line asks for what has these names."""
    return (not arguments.only or any(name in arguments.only for name in names)) and not any(
        name in arguments.without for name in names
    )


if __name__ == "__main__":
    sys.exit(main())
