"""Steps as Python programs see them: of each kind its own fields, as Retis' library has it.

``event.ovs.upcall.cpu`` is ``event.ovs.cpu`` of an upcall. Where the step is another one, there is no ``upcall``.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from tracer_ovs.enrich.ufid import ufid_text

if TYPE_CHECKING:
    from tracer_ovs.sections import Nat, Ovs

T = TypeVar("T", bound=tuple[Any, ...])


class Ufid(tuple[int, ...]):
    """The identifier of a flow: four 32-bit numbers."""

    __slots__ = ()

    def show(self) -> str:
        """As Open vSwitch writes it."""
        return ufid_text(self)

    def to_dict(self) -> list[int]:
        """As JSON has it."""
        return list(self)

    def __repr__(self) -> str:
        return repr(list(self))


class Upcall(NamedTuple):
    """A packet goes to the process."""

    cmd: int | None
    port: int | None
    cpu: int | None


class UpcallEnqueue(NamedTuple):
    """It waits for the process."""

    ret: int | None
    cmd: int | None
    port: int | None
    upcall_ts: int | None
    upcall_cpu: int | None
    queue_id: int | None


class UpcallReturn(NamedTuple):
    """The kernel's side of the upcall is done."""

    upcall_ts: int | None
    upcall_cpu: int | None
    ret: int | None


class RecvUpcall(NamedTuple):
    """The process has received it."""

    type: int | None
    pkt_size: int | None
    key_size: int | None
    queue_id: int | None
    batch_ts: int | None
    batch_idx: int | None


class FlowOperation(NamedTuple):
    """The process puts a flow, or has actions executed."""

    op_type: str | None
    queue_id: int | None
    batch_ts: int | None
    batch_idx: int | None


class Output(NamedTuple):
    """It leaves by a port."""

    port: int | None


class Recirc(NamedTuple):
    """It goes round again."""

    id: int | None


class Drop(NamedTuple):
    """It is dropped."""

    reason: int | None


class ConnTrack(NamedTuple):
    """It goes through connection tracking."""

    zone_id: int | None
    flags: int | None
    nat: Nat | None


class Nothing(NamedTuple):
    """An action of which nothing more is known."""


_ACTIONS: dict[str, type[Any]] = {"output": Output, "recirc": Recirc, "drop": Drop, "ct": ConnTrack}


class ActionExecute(NamedTuple):
    """An action is executed; ``action`` has one field, named like it."""

    action: Any
    recirc_id: int | None
    queue_id: int | None


class FlowLookup(NamedTuple):
    """A flow was looked up."""

    flow: int | None
    sf_acts: int | None
    ufid: Ufid | None
    n_mask_hit: int | None
    n_cache_hit: int | None
    dpflow: str | None
    ofpflows: list[str] | None


def step(ovs: Ovs, name: str, cls: type[T]) -> T:
    """The fields of a step of one kind.

    Raises:
        AttributeError: it is of another kind.
    """
    if ovs.event_type != name:
        raise AttributeError(name)
    return fields(ovs, cls)


def fields(ovs: Ovs, cls: type[T]) -> T:
    """Those that a class has."""
    names: tuple[str, ...] = cls._fields  # type: ignore[attr-defined] # a named tuple
    return cls(*(getattr(ovs, name) for name in names))


def action(ovs: Ovs) -> Any:  # noqa: ANN401 - a named tuple of one field, named like the action
    """What the action is."""
    name = ovs.action or "unspec"
    return _action_class(name)(fields(ovs, _ACTIONS.get(name, Nothing)))


@cache
def _action_class(name: str) -> Any:  # noqa: ANN401 - ditto
    return NamedTuple("Action", [(name, Any)])
