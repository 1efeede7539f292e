#!/usr/bin/env python3
"""What a packet costs at a probe of each type: a program that does nothing, and ours.

    python bench/hits.py [--rounds N] [--packets N]

Datagrams go over the loopback device of a network namespace that this makes, and each passes ``ip_rcv``, and the
tracepoint ``net:netif_receive_skb``, once. Per round, every type is attached in turn, in five forms: *empty* (a
program of that type that returns), *other* (ours, for packets of another namespace), *no match* (ours, with a packet
filter that does not match, without the programs that follow packets elsewhere), *event* (ours, writing an event with
the packet), *all* (the same with all collectors that can run here). Each is compared with a round of nothing attached
right before it; medians over all rounds. Types that this kernel does not offer are left out, and said to be. Needs
root; under another kernel, after ``python -m lab run 6.12 --``.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import socket
import statistics
import struct
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from tracer_core.backend import programs
from tracer_core.backend.abilities import LiveAbilities
from tracer_core.backend.bcc import BccBackend
from tracer_core.backend.loaded import LoadedProgram
from tracer_core.backend.machine import running_machine
from tracer_core.compose.compose import compose
from tracer_core.errors import TracerError
from tracer_core.filters.packet import packet_filter
from tracer_core.kernel.live import LiveKernel
from tracer_core.plan.places import locate
from tracer_core.plan.plan import Identity, PlannedProbe
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request, parse_probe
from tracer_core.plugins.declare import check, declare
from tracer_core.plugins.host import Host
from tracer_core.testing.netns import remove_leftovers, two_namespaces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tracer_core.testing.namespace import Namespace

PREFIX = "tracer-bench"
TYPES = {
    # name: probe, typed, many at once
    "raw tracepoint": ("tp:net:netif_receive_skb", False, False),
    "typed tracepoint": ("tp:net:netif_receive_skb", True, False),
    "fentry": ("fentry:ip_rcv", True, False),
    "fexit": ("fexit:ip_rcv", True, False),
    "kprobe": ("kprobe:ip_rcv", False, False),
    "kprobe-multi": ("kprobe:ip_rcv", False, True),
    "kretprobe": ("kretprobe:ip_rcv", False, False),
    "kretprobe-multi": ("kretprobe:ip_rcv", False, True),
}
FORMS = ("empty", "other", "no match", "event", "all")
FILTER = "host 192.0.2.1 and tcp port 443"
EMPTY = bytes.fromhex("b700000000000000 9500000000000000")  # r0 = 0; exit
SIZE = 64  # bytes of a datagram
BURST = 512  # datagrams of a system call
_SO_ATTACH_FILTER = 26


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="default: 15")
    parser.add_argument("--packets", type=int, default=8192, help="of a round, default: 8192")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("not measured: tracing needs root")
        return 0
    remove_leftovers(PREFIX)
    with two_namespaces(PREFIX) as two, ExitStack() as resources:
        send = resources.enter_context(sender(two.a, arguments.packets))
        variants: dict[tuple[str, str], Callable[[], AbstractContextManager[object]]] = {}
        for name, settings in TYPES.items():
            try:
                forms = prepared(resources, *settings, here=two.a.inode, elsewhere=two.b.inode)
                for make in forms.values():
                    with make():
                        pass
            except (TracerError, OSError) as error:
                print(f"not offered here: {name} ({error})")
            else:
                variants |= {(name, form): make for form, make in forms.items()}
        show(measure(variants, send, arguments.rounds), arguments.packets)
    return 0


def measure(
    variants: dict[tuple[str, str], Callable[[], AbstractContextManager[object]]],
    send: Callable[[], float],
    rounds: int,
) -> dict[tuple[str, str], list[float]]:
    """Seconds that each variant adds to a round."""
    added: dict[tuple[str, str], list[float]] = {key: [] for key in (("nothing", ""), *variants)}
    send()
    for _ in range(rounds):
        for key, attached in variants.items():
            alone = send()
            with attached():
                added[key].append(send() - alone)
            added["nothing", ""].append(alone)
    return added


def show(added: dict[tuple[str, str], list[float]], packets: int) -> None:
    """A table, in ns per packet; limit is for what does not match."""
    medians = {key: statistics.median(values) / packets * 1e9 for key, values in added.items() if values}
    print(f"Linux {os.uname().release}; a packet without any probe: {medians.pop(('nothing', '')):.0f} ns\n")
    columns = ("empty", "other", "no match", "limit", "event", "event / empty", "all", "all / event")
    print(f"| type | {' | '.join(columns)} |")
    print(f"| --- |{' ---: |' * len(columns)}")
    for name in dict.fromkeys(name for name, _ in medians):
        empty, other, unmatched, event, everything = (medians[name, form] for form in FORMS)
        ratio = event / empty if empty > 0 else 0
        limit = 1.3 * empty + 60
        cells = (f"{value:.0f}" for value in (empty, other, unmatched, limit, event))
        print(f"| {name} | {' | '.join(cells)} | {ratio:.1f} | {everything:.0f} | {everything / event:.1f} |")


def prepared(
    resources: ExitStack, target: str, typed: bool, multi: bool, *, here: int, elsewhere: int
) -> dict[str, Callable[[], AbstractContextManager[object]]]:
    """The forms of a type, each to be attached as often as one likes."""
    kernel = LiveKernel()
    live = LiveAbilities(lambda: kernel.btf)
    abilities = replace(Fixed(), typed=typed, multi=multi, cookies=live.cookies, casts=live.casts)
    forms = {"empty": empty(resources, kernel, abilities, target)}
    host = Host()
    able = [each for each in host.usable() if check(each, kernel, each.spec.options()) is None]
    everything = [declare(each, kernel, each.spec.options()) for each in able]
    alone = [declaration for declaration in everything if declaration.owner.name == "skb"]
    for form, inode, wanted, declarations in (
        ("other", elsewhere, None, alone),
        ("no match", here, FILTER, alone),
        ("event", here, None, alone),
        ("all", here, None, everything),
    ):
        backend = resources.enter_context(BccBackend(running_machine()))
        request = Request(
            (parse_probe(target),), (inode,), abilities, filter=packet_filter([wanted]) if wanted else None
        )
        made = plan(declarations, request, kernel)
        made = replace(made, probes=made.probes[:1])
        backend.compile(made, compose(made, kernel, running_machine()))
        backend.load()
        forms[form] = lambda backend=backend: running(backend)  # type: ignore[misc]
    return forms


@contextmanager
def running(backend: BccBackend) -> Iterator[None]:
    """Ours, attached and enabled; what it wrote is read after the block."""
    backend.attach()
    backend.enable()
    try:
        yield
    finally:
        backend.disable()
        backend.detach()
        while backend.read():
            pass


def empty(
    resources: ExitStack, kernel: LiveKernel, abilities: Fixed, target: str
) -> Callable[[], AbstractContextManager[object]]:
    """A program that returns at once, loaded as ours are."""
    (place,) = locate(parse_probe(target), abilities, kernel)
    planned = PlannedProbe(place.probe, place.prototype, 0)
    kind, multi = place.probe.kind, abilities.multi
    typed = abilities.typed if not kind.breaks else False
    fd = programs.load(planned, kind, EMPTY, typed=typed, multi=multi)
    resources.callback(os.close, fd)
    loaded = LoadedProgram(fd, kind, typed, Identity.CONSTANT, multi, (0,))
    return lambda: loaded.attached((0,), (planned,))


@contextmanager
def sender(namespace: Namespace, packets: int) -> Iterator[Callable[[], float]]:
    """Sends datagrams to a socket that takes none, and gives the seconds that took."""
    refuse = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF_RET|BPF_K 0
    with namespace.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(refuse)))
        listener.bind(("127.0.0.1", 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.connect(listener.getsockname())
            burst = Burst(out.fileno())

            def send() -> float:
                began = time.perf_counter()
                for _ in range(packets // BURST):
                    burst.send()
                return time.perf_counter() - began

            yield send


class Burst:
    """``sendmmsg``: many datagrams by one system call, so that Python's part is small."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._data = ctypes.create_string_buffer(SIZE)
        self._vector = struct.pack("QQ", ctypes.addressof(self._data), SIZE)  # struct iovec
        self._vector_buffer = ctypes.create_string_buffer(self._vector, len(self._vector))
        # struct mmsghdr: name and its length, vectors and their number, control, flags; then what was sent
        header = struct.pack("QI4xQQQQi4xI4x", 0, 0, ctypes.addressof(self._vector_buffer), 1, 0, 0, 0, 0)
        self._headers = ctypes.create_string_buffer(header * BURST, len(header) * BURST)
        self._sendmmsg = ctypes.CDLL(None, use_errno=True).sendmmsg

    def send(self) -> None:
        """Send all.

        Raises:
            OSError: not all were sent.
        """
        sent = self._sendmmsg(self._fd, self._headers, BURST, 0)
        if sent != BURST:
            raise OSError(ctypes.get_errno(), f"sent {sent} of {BURST}")


if __name__ == "__main__":
    sys.exit(main())
