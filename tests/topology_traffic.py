"""Traffic for topologies, and what devices count of it."""

from __future__ import annotations

import socket

from tracer_core.testing.namespace import Namespace
from tracer_core.testing.patience import patience

COUNT = 3


def ping(source: Namespace, address: str) -> None:
    source.run(["ping", "-n", "-c", str(COUNT), "-i", "0.2", "-W", "20", address])


def send(source: Namespace, address: str, port: int, count: int = 1) -> None:
    with source.entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sender:
        for _ in range(count):
            sender.sendto(b"hello", (address, port))


def listening(namespace: Namespace, port: int) -> socket.socket:
    with namespace.entered():
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind((namespace.ipv4, port))
    listener.settimeout(patience(10))
    return listener
