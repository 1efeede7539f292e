"""What tests of probes send, and what they read of the events."""

from __future__ import annotations

import ctypes
import re
import socket
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracer_core.testing.command import Collecting
    from tracer_core.testing.namespace import Namespace

SIZE = 333
"""Bytes that a ping of a test carries, which nothing else sends."""

LENGTH = SIZE + 28
"""Bytes of that ping in IPv4."""

LABELS = {"kprobe": "k", "kretprobe": "kr", "fentry": "fentry", "fexit": "fexit", "tp": "tp"}

_EVENT = re.compile(
    r"(?P<time>\d+) \(\d+\) \[.*?\] \d+(?:/\d+)? \[(?P<label>\w+)\] (?P<symbol>\S+)"
    r"(?: returned(?: (?P<value>\S+))? after (?P<duration>\d+)ns)?(?: (?P<rest>.*))?"
)
_SO_ATTACH_FILTER = 26


@dataclass(frozen=True)
class Seen:
    """An event, as its line tells it. Times are in ns."""

    time: int
    label: str
    symbol: str
    value: str | None
    duration: int
    rest: str

    @property
    def entered(self) -> int:
        """When the function was, for events at returns."""
        return self.time - self.duration


def seen(collecting: Collecting, label: str = "", *, length: int | None = None) -> list[Seen]:
    """The events printed so far, in order of time.

    Args:
        collecting: A run with ``--format single-line``.
        label: Of probes of one kind only.
        length: Of packets of that length only.
    """
    found = []
    for line in collecting.stdout.splitlines():
        match = _EVENT.fullmatch(line)
        assert match, f"unexpected line: {line!r}"
        if (not label or match["label"] == label) and (length is None or f" len {length} " in line):
            time, duration = int(match["time"]), int(match["duration"] or 0)
            found.append(Seen(time, match["label"], match["symbol"], match["value"], duration, match["rest"] or ""))
    return sorted(found, key=lambda event: event.time)


def collecting_arguments(*probes: str, namespaces: tuple[str, ...]) -> list[str]:
    """Options of a run with these probes, whose events :func:`seen` can read."""
    given = [part for probe in probes for part in ("-p", probe)]
    return ["-c", "skb", *given, *(part for n in namespaces for part in ("--netns", n)), "--format", "single-line"]


def ping(source: Namespace, target: Namespace) -> None:
    """One echo request of :data:`SIZE`, and its answer."""
    source.run(["ping", "-c", "1", "-W", "20", "-s", str(SIZE), target.ipv4])


@contextmanager
def refusing_socket(namespace: Namespace) -> Iterator[int]:
    """The port of a UDP socket whose filter lets nothing in."""
    code = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF_RET|BPF_K 0
    with namespace.entered():
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with listener:
        listener.bind((namespace.ipv4, 0))
        program = struct.pack("HP", 1, ctypes.addressof(code))  # struct sock_fprog
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
        yield listener.getsockname()[1]


def send_datagram(source: Namespace, target: Namespace, port: int) -> None:
    """A UDP datagram of :data:`SIZE`."""
    with source.entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sender:
        sender.sendto(bytes(SIZE), (target.ipv4, port))
