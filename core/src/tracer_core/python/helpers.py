"""What the sections that the core knows can do beside having fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracer_core.python.data import Data
from tracer_core.sections import TrackedSkb

if TYPE_CHECKING:
    from typing import Protocol

    class _Identity(Protocol):
        orig_head: int
        timestamp: int
        skb: int

        def tracking_id(self) -> int: ...

        def match(self, other: _Identity) -> bool: ...


class Identity:
    """Of a section that says which packet an event is of."""

    __slots__ = ()

    def tracking_id(self: _Identity) -> int:
        """A number of 128 bits: the same in all events of one packet and of its clones, and in those of no other."""
        return self.timestamp << 64 | self.orig_head

    def match(self: _Identity, other: _Identity) -> bool:
        """Whether another event is of the same packet, or of a clone of it."""
        return self.tracking_id() == other.tracking_id()

    def strict_match(self: _Identity, other: _Identity) -> bool:
        """Whether it is of the same packet and of the same ``struct sk_buff``."""
        return self.match(other) and self.skb == other.skb


class PacketData:
    """Of the section that holds a packet."""

    __slots__ = ()
    _value: tuple[Any, ...]

    @property
    def data(self) -> Data:
        """The captured bytes."""
        return Data(self._value[-1])

    def to_scapy(self) -> Any:  # noqa: ANN401 - scapy has no types
        """The packet as scapy has it, from ``Ether`` on.

        Raises:
            ImportError: scapy is not installed.
        """
        return self.data.to_scapy()


GROUPS: dict[type[Any], tuple[type[Any], ...]] = {TrackedSkb: (Identity,)}
"""What groups can do beside having fields, by their classes."""
