"""Bytes of packets."""

from __future__ import annotations

import base64
from importlib import import_module
from typing import Any


class Data(bytes):
    """Bytes of a packet."""

    def to_scapy(self) -> Any:  # noqa: ANN401 - scapy has no types
        """The packet as scapy has it, from ``Ether`` on.

        Raises:
            ImportError: scapy is not installed.
        """
        try:
            scapy: Any = import_module("scapy.all")  # takes a second, and is no dependency
        except ImportError as error:
            raise ImportError("Could not import scapy.all: pip install 'tracer-core[scapy]'") from error
        return scapy.Ether(bytes(self))

    def to_dict(self) -> str:
        """What JSON has of it: base64."""
        return base64_text(self)


def base64_text(value: bytes) -> str:
    """Bytes as JSON has them."""
    return base64.b64encode(value).decode()
