"""What the JSON of an event says, whatever its form; and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tracer_core.files.json.form import FormError, integer, reader, shallow, shown
from tracer_core.files.json.startup import OWN, place
from tracer_core.sections import Stack
from tracer_core.wire import layout_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracer_core.events.form import SectionForm
    from tracer_core.sections import ProbeInfo

_COMMON = frozenset({"timestamp", "smp_id", "task"})
_TASK = frozenset({"pid", "tgid", "comm"})
_KERNEL = frozenset({"symbol", "probe_type", "stack_trace"})
_USERSPACE = frozenset({"symbol", "probe_type", "path", "ip", "pid", "tid"})
_OWN = frozenset({"lost", "probe_type"})
_HEAD = frozenset({"common", "kernel", "userspace", OWN})
_STACK = layout_of(Stack).name
_NOWHERE = {"symbol": "", "probe_type": ""}


class ParsedEvent(NamedTuple):
    """What the JSON of an event says.

    Attributes:
        header: The columns of the header, in the order of :data:`HEADER`, but for the probe.
        probe: Where it was taken.
        sections: Those that are known, by name.
        others: What nobody here declares, if there is any.
    """

    header: tuple[Any, ...]
    probe: ProbeInfo
    sections: list[tuple[str, Any]]
    others: dict[str, Any] | None


HEADER = ("timestamp", "lost", "pid", "tgid", "cpu", "comm")


class EventJson:
    """Reads the JSON of events, one at a time.

    Args:
        forms: Of the sections that are known, by name.
    """

    def __init__(self, forms: Mapping[str, SectionForm]) -> None:
        self._readers = {name: reader(form) for name, form in forms.items()}

    def read(self, values: dict[str, Any]) -> ParsedEvent:
        """Read an event.

        Raises:
            FormError: a value is of another type than its section declares.
            TypeError, AttributeError, KeyError, ValueError: it is no event.
        """
        others: dict[str, Any] = {}
        header, probe, stack = self._read_header(values, others)
        sections: list[tuple[str, Any]] = [] if stack is None else [(_STACK, stack)]
        for name, value in values.items():
            if name in _HEAD or value is None:
                continue
            if name == _STACK and stack is not None:  # the format has another place for it
                others[name] = _object(name, value)
                continue
            found = self._section(name, value, others)
            if found is not None:
                sections.append((name, found))
        if others:
            shallow(others)
        return ParsedEvent(header, probe, sections, others or None)

    def _read_header(
        self, values: Mapping[str, Any], others: dict[str, Any]
    ) -> tuple[tuple[Any, ...], ProbeInfo, Stack | None]:
        common, own = _object("common", values["common"]), _object(OWN, values.get(OWN, {}))
        timestamp = _number(common["timestamp"], "timestamp", "uint64")
        pid, tgid, comm = _task(values, others)
        cpu = common.get("smp_id")
        if cpu is not None:
            _number(cpu, "smp_id")
        _keep(others, "common", _rest(common, _COMMON))
        _keep(others, OWN, _rest(own, _OWN))
        where, stack, ip = self._place(values, others, pid, tgid)
        kind = {"probe_type": own["probe_type"]} if "probe_type" in own else {}
        probe = place({**where, **kind}, where.get("path", ""), ip)
        lost = _number(own.get("lost", 0), "lost", "uint64")
        return (timestamp, lost, pid, tgid, cpu, comm), probe, stack

    def _place(
        self, values: Mapping[str, Any], others: dict[str, Any], pid: int | None, tgid: int | None
    ) -> tuple[Mapping[str, Any], Stack | None, int]:
        """Where it was taken, by which calls, and the address if it was in a process."""
        kernel, user = values.get("kernel"), values.get("userspace")
        if kernel is not None:
            _keep(others, "kernel", _rest(kernel, _KERNEL))
            if user is not None:
                others["userspace"] = _object("userspace", user)
            frames = kernel.get("stack_trace")
            return _object("kernel", kernel), None if frames is None else _stack(frames), 0
        if user is None:
            return _NOWHERE, None, 0
        _keep(others, "userspace", _rest(user, _USERSPACE))
        ids = {name: user[name] for name in ("pid", "tid") if name in user}
        if (ids.get("pid", pid), ids.get("tid", tgid)) != (pid, tgid):
            _keep(others, "userspace", ids)
        return user, None, _number(user.get("ip", 0), "ip", "uint64")

    def _section(self, name: str, value: Any, others: dict[str, Any]) -> Any:  # noqa: ANN401 - anything JSON can hold
        """The section, if it is known. What is not goes to the others."""
        _object(name, value)
        read = self._readers.get(name)
        try:
            if read is not None:
                section, rest = read(value)
                if rest is not None:
                    others[name] = rest
                return section
        except KeyError:
            pass  # it is not as declared
        except FormError as error:
            raise FormError(f"section {name}: {error}") from error
        others[name] = value
        return None


def _task(values: Mapping[str, Any], others: dict[str, Any]) -> tuple[int | None, int | None, bytes | None]:
    task = values["common"].get("task")
    if task is not None:
        if rest := _rest(task, _TASK):
            _keep(others, "common", {"task": rest})
        return _number(task.get("pid", 0), "pid"), _number(task.get("tgid", 0), "tgid"), _text(task, "comm")
    if values.get("kernel") is not None or values.get("userspace") is None:
        return None, None, None
    user = _object("userspace", values["userspace"])  # tells it once more
    return _id(user, "pid"), _id(user, "tid"), None


def _keep(others: dict[str, Any], name: str, rest: Mapping[str, Any]) -> None:
    if rest:
        others[name] = {**others.get(name, {}), **rest}


def _rest(values: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    return {} if values.keys() <= known else {name: value for name, value in values.items() if name not in known}


def _number(value: Any, name: str, dtype: str = "uint32") -> int:  # noqa: ANN401 - anything JSON can hold
    try:
        return integer(value, dtype)
    except FormError as error:
        raise FormError(f"{name} is {shown(value)}, {error}") from error


def _id(values: Mapping[str, Any], name: str) -> int | None:
    return _number(values[name], name) if name in values else None


def _object(name: str, value: Any) -> dict[str, Any]:  # noqa: ANN401 - ditto
    if not isinstance(value, dict):
        raise FormError(f"section {name} is no object")
    return value


def _stack(frames: Any) -> Stack:  # noqa: ANN401 - ditto
    if not isinstance(frames, list) or not all(isinstance(frame, str) for frame in frames):
        raise FormError(f"stack_trace is {shown(frames)}, no list of texts")
    return Stack(8 * len(frames), tuple(frames))


def _text(values: Mapping[str, Any], name: str) -> bytes:
    found = values.get(name, "")
    if type(found) is not str:
        raise FormError(f"{name} is {shown(found)}, no text")
    return found.encode()
