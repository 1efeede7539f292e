"""Two network namespaces, and datagrams from one to the other as fast as one sender can."""

from __future__ import annotations

import ctypes
import socket
import struct
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.hits import BURST, Burst

from tracer_core.testing.netns import remove_leftovers, two_namespaces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracer_core.testing.namespace import Namespace

PREFIX = "tracer-bench"
TRACEPOINTS = ("net:netif_receive_skb", "net:net_dev_start_xmit")
"""Each is hit by a packet once: by the receiving end in namespace b, by the sending one in a."""

_SO_ATTACH_FILTER = 26
_REFUSE = struct.pack("HBBI", 0x06, 0, 0, 0)  # BPF_RET|BPF_K 0
_PORT = 9


@dataclass(frozen=True)
class Sent:
    """A flood that is over.

    Attributes:
        packets: How many the kernel took.
        arrived: How many the other end received.
        seconds: How long the sender took.
        cpu: Seconds of CPU of the sender: of the path of packets to the other end, as it receives them itself, in
            softirqs; without what others, the tool among them, had of its processor.
    """

    packets: int
    arrived: int
    seconds: float
    cpu: float

    def hits(self, tracepoints: int) -> int:
        """How often packets passed the first tracepoints of :data:`TRACEPOINTS`."""
        return sum((self.arrived, self.packets)[:tracepoints])


@dataclass(frozen=True)
class Network:
    """Where datagrams are sent, and nothing else is.

    Attributes:
        a: Where the sender is.
        b: Where a socket takes none of them.
        burst: Sends :data:`~bench.hits.BURST`.
    """

    a: Namespace
    b: Namespace
    burst: Burst

    @property
    def ends(self) -> tuple[Namespace, Namespace]:
        """Both namespaces."""
        return self.a, self.b

    def flood(self, packets: int) -> Sent:
        """Send that many, or a few more: bursts are sent whole.

        Raises:
            OSError: the kernel did not take one.
        """
        bursts = -(-packets // BURST)
        out, received = _counter(self.a, "OutRequests"), _counter(self.b, "InReceives")
        began, used = time.perf_counter(), time.thread_time()
        for _ in range(bursts):
            self.burst.send()
        seconds, used = time.perf_counter() - began, time.thread_time() - used
        # by softirq, on the processor that sent as a rule: nothing is on its way for long
        time.sleep(0.01)
        sent = _counter(self.a, "OutRequests") - out
        return Sent(sent, _counter(self.b, "InReceives") - received, seconds, used)


@contextmanager
def network() -> Iterator[Network]:
    """Make it, and remove it whatever happens. Needs root.

    Nothing but the flood passes: there is no IPv6, no neighbour to look for, and no answer to a datagram.
    """
    remove_leftovers(PREFIX)
    refuse = ctypes.create_string_buffer(_REFUSE)
    with two_namespaces(PREFIX) as two:
        for end in two.namespaces:
            with end.entered():
                Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("1")
        for end, other in ((two.a, two.b), (two.b, two.a)):
            with other.entered():
                address = _mac(other.device)
            end.run(["ip", "neigh", "replace", other.ipv4, "lladdr", address, "dev", end.device, "nud", "permanent"])
        with two.b.entered():
            listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with two.a.entered():
            out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with listener, out:
            listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(refuse)))
            listener.bind((two.b.ipv4, _PORT))
            out.connect(listener.getsockname())
            yield Network(two.a, two.b, Burst(out.fileno()))


def _mac(device: str) -> str:
    line = subprocess.run(
        ["ip", "-o", "link", "show", "dev", device],
        check=True,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    ).stdout
    return line.split("link/ether ")[1].split()[0]


def _counter(namespace: Namespace, name: str) -> int:
    """One of the numbers that IPv4 counts."""
    with namespace.entered():
        # not /proc/net: that is the namespace of the process, whatever the thread is in
        text = Path("/proc/thread-self/net/snmp").read_text()
    names, values = (line.split()[1:] for line in text.splitlines() if line.startswith("Ip: "))
    return int(dict(zip(names, values, strict=True))[name])
