"""Packets of many kinds, each with a number of its own, sent both ways by programs of their own.

The payload is one word, again and again: 16 bits that are the run's, and 48 that are the packet's number. So each
fragment of a datagram has it at its beginning, and what others send has not.

    python -m tests.soak.senders SOURCE TARGET TAG FIRST COUNT CPU

Source and target are network namespaces: name, device and addresses, with commas between them.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tracer_core.testing.command import end_with_parent
from tracer_core.testing.namespace import Namespace
from tracer_core.testing.netns import TwoNamespaces

WORD = 8
LEAST = 2 * WORD  # bytes of a payload: the word is looked for twice
FLOWS = 64
SMALL = (16, 40, 200, 600, 1024, 1400)  # bytes of payload: heads of different sizes come from different caches
LARGE = (2000, 5000, 9000)  # fragments
STREAM = (3000, 12000, 40000)  # what one write of TCP has
_CONNECTION = 500  # writes
_DRAIN = 32  # packets between looks at what arrived
_GROUP = "239.1.2.3"
_LITTLE = 4096  # bytes: a buffer that is full at once
_ECHO = struct.Struct("!BBHHH")
_ETH_P_ALL = 3
_SIOCETHTOOL, _ETHTOOL_STSO = 0x8946, 0x1F  # linux/sockios.h, linux/ethtool.h
_ROOT = Path(__file__).resolve().parents[2]
# segments are not sent again unless they were lost, and here none is: the copy would be another packet
_NO_RETRANSMITS = {"tcp_early_retrans": 0, "tcp_recovery": 0, "tcp_reordering": 127}


def payload(tag: int, number: int, size: int) -> bytes:
    """Bytes that say which packet they are of.

    Args:
        tag: Of the run, 16 bits.
        number: Of the packet, 48 bits.
        size: At least so many bytes.
    """
    return struct.pack("<Q", tag << 48 | number) * max(-(-size // WORD), LEAST // WORD)


@contextmanager
def sending(two: TwoNamespaces, tag: int, packets: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Senders on the first two processors, one each way.

    Args:
        two: Where.
        tag: Of the run.
        packets: How many, or a few more: fragments, segments, replies and clones are not counted.
    """
    _prepare(two)
    cpus = sorted(os.sched_getaffinity(0))
    processes = []
    with ExitStack() as resources:
        for at, (source, target) in enumerate(((two.a, two.b), (two.b, two.a))):
            ends = (",".join((end.name, end.device, end.ipv4, end.ipv6)) for end in (source, target))
            numbers = (tag, 1 + at * packets, -(-packets // 2), cpus[at % len(cpus)])
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.soak.senders", *ends, *map(str, numbers)],
                cwd=_ROOT,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, no lock
            )
            resources.callback(process.wait)
            resources.callback(process.kill)
            processes.append(process)
        yield processes


def mirror(two: TwoNamespaces) -> bool:
    """Have a clone of each packet that *a* sends go to another device, too, if this kernel can (``tc``, ``mirred``)."""
    device = two.a.device
    commands = (
        "ip link add mirror type dummy",
        "ip link set mirror up",
        f"tc qdisc add dev {device} clsact",
        f"tc filter add dev {device} egress matchall action mirred egress mirror dev mirror",
    )
    return all(two.a.run(command.split(), check=False).returncode == 0 for command in commands)


def retransmitted(two: TwoNamespaces) -> int:
    """Segments that TCP sent again."""
    found = 0
    for end in two.namespaces:
        with end.entered():
            text = Path("/proc/thread-self/net/snmp").read_text()
        names, values = (line.split()[1:] for line in text.splitlines() if line.startswith("Tcp: "))
        found += int(dict(zip(names, values, strict=True))["RetransSegs"])
    return found


def _prepare(two: TwoNamespaces) -> None:
    """Have TCP's segments sent once, and made in software in one of the namespaces: packets of their own."""
    for end in two.namespaces:
        with end.entered():
            for name, value in _NO_RETRANSMITS.items():
                Path("/proc/sys/net/ipv4", name).write_text(f"{value}")
        network = end.ipv4.rpartition(".")[0] + ".0/24"
        end.run(["ip", "route", "change", network, "dev", end.device, "src", end.ipv4, "rto_min", "20s"])
    off = ctypes.create_string_buffer(struct.pack("=II", _ETHTOOL_STSO, 0))
    with two.a.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCETHTOOL, struct.pack("=16sQ16x", two.a.device.encode(), ctypes.addressof(off)))


class Sender:
    """Sends packets by number, and takes most of what arrives.

    Args:
        source: Namespace it sends from.
        target: And to.
        tag: Of the run.
    """

    def __init__(self, source: Namespace, target: Namespace, tag: int) -> None:
        self._source, self._target, self._tag = source, target, tag
        self._written = 0
        self._client = self._server = socket.socket()
        with target.entered():
            taking, full = _bound(target.ipv4), _bound(target.ipv4)
            taking6 = _bound(target.ipv6)
            self._listener = socket.create_server((target.ipv4, 0))
        full.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _LITTLE)  # what nobody takes is dropped
        self._full = full
        with source.entered():
            self._flows = [_connected(taking if n % 4 else full) for n in range(FLOWS)]
            self._flows6 = [_connected(taking6) for _ in range(FLOWS)]
            self._ping = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
            self._group = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            member = _bound("")
            sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        sniffer.bind((source.device, 0))  # clones of all packets
        self._ping.connect((target.ipv4, 0))
        here = socket.inet_aton(source.ipv4)
        member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(_GROUP) + here)
        self._group.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
        self._group.connect((_GROUP, member.getsockname()[1]))
        self._taking = (taking, taking6, self._ping, member, sniffer)
        self._memory = bytearray(64)
        # of sixteen packets
        self._kinds: tuple[Callable[[int], None], ...] = (
            *(self.datagram,) * 9,
            self.datagram6,
            self.fragments,
            self.clones,
            self.echo,
            *(self.segment,) * 2,
            self.stream,
        )

    def run(self, first: int, count: int) -> None:
        """Send packets with these numbers."""
        for number in range(first, first + count):
            self._kinds[number % len(self._kinds)](number)
            if number % _DRAIN == 0:
                self._drain()

    def datagram(self, number: int) -> None:
        """A datagram of one packet."""
        self._send(self._flows[number % FLOWS], number, SMALL)

    def datagram6(self, number: int) -> None:
        """The same with IPv6."""
        self._send(self._flows6[number // 16 % FLOWS], number, SMALL)

    def fragments(self, number: int) -> None:
        """A datagram of several packets."""
        self._send(self._flows[number // 16 % FLOWS], number, LARGE)

    def clones(self, number: int) -> None:
        """A datagram to all: the sender takes a clone, too."""
        self._send(self._group, number, SMALL)

    def echo(self, number: int) -> None:
        """An echo request, which is answered."""
        data = payload(self._tag, number, SMALL[number // 16 % 4])
        total = 0x0800 + sum(struct.unpack(f"!{len(data) // 2}H", data))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        self._ping.send(_ECHO.pack(8, 0, ~total & 0xFFFF, 0, 0) + data)

    def segment(self, number: int) -> None:
        """TCP, one segment."""
        self._write(payload(self._tag, number, SMALL[number // 16 % len(SMALL)]))

    def stream(self, number: int) -> None:
        """TCP, many segments."""
        self._write(payload(self._tag, number, STREAM[number // 16 % len(STREAM)]))

    def _send(self, flow: socket.socket, number: int, sizes: tuple[int, ...]) -> None:
        flow.send(payload(self._tag, number, sizes[number // 16 % len(sizes)]))

    def _write(self, data: bytes) -> None:
        if self._written % _CONNECTION == 0:
            self._connect()
        self._written += 1
        self._client.sendall(data)
        left = len(data)
        while left:
            left -= len(self._server.recv(left))

    def _connect(self) -> None:
        self._client.close()
        self._server.close()
        with self._source.entered():
            self._client = socket.create_connection(self._listener.getsockname())
        self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server, _ = self._listener.accept()

    def _drain(self) -> None:
        for each in self._taking:
            try:
                while True:
                    each.recv_into(self._memory, 0, socket.MSG_DONTWAIT)
            except BlockingIOError:
                pass


def _bound(address: str) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, 0))
    return made


def _connected(to: socket.socket) -> socket.socket:
    made = socket.socket(to.family, socket.SOCK_DGRAM)
    made.connect(to.getsockname())
    return made


if __name__ == "__main__":
    _source, _target = (Namespace(*text.split(",")) for text in sys.argv[1:3])
    _tag, _first, _count, _cpu = map(int, sys.argv[3:])
    os.sched_setaffinity(0, {_cpu})
    os.nice(19)  # who reads events comes first
    Sender(_source, _target, _tag).run(_first, _count)
