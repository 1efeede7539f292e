"""What the JSON of events of the usual form says, a column at a time: three times as fast as one event at a time.

Whatever is not usual, right or wrong, is left to :mod:`tracer_core.files.json.event`, which knows what it is.
"""

from __future__ import annotations

import binascii
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tracer_core.events.form import FieldForm, Form, SectionForm
from tracer_core.files.json.form import PYTHON
from tracer_core.files.json.startup import OWN, place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tracer_core.sections import ProbeInfo

_HEAD = frozenset({"common", "kernel", OWN})


class UnusualError(Exception):
    """There is something else than usual."""


class ParsedEvents(NamedTuple):
    """What the JSON of events says, as columns.

    Attributes:
        header: Columns, in the order of :data:`~tracer_core.files.json.event.HEADER`.
        probes: Where each was taken.
        sections: Name, the events that have it, or nothing if all have it, and an object for each of those.
    """

    header: tuple[list[Any], ...]
    probes: list[ProbeInfo]
    sections: list[tuple[str, list[int] | None, list[Any]]]


class UsualEvents:
    """Reads the JSON of events of the usual form, many at a time.

    Args:
        forms: Of the sections that are known, by name.
    """

    def __init__(self, forms: Mapping[str, SectionForm]) -> None:
        self._objects = {name: _reader(form) for name, form in forms.items()}
        self._places: dict[tuple[Any, ...], ProbeInfo] = {}

    def read(self, events: Sequence[dict[str, Any]]) -> ParsedEvents:
        """Read some events: a few hundred are best, since what they hold then stays near the processor.

        Raises:
            UnusualError: they are not all of the usual form.
        """
        try:
            names = dict.fromkeys(chain.from_iterable(events))
            sections = [self._section(name, events) for name in names if name not in _HEAD]
            return ParsedEvents(_header(events), self._probes(events), sections)
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise UnusualError from error

    def _probes(self, events: Sequence[dict[str, Any]]) -> list[ProbeInfo]:
        kernels = [event["kernel"] for event in events]
        _must_be(set(map(len, kernels)) <= {2})
        keys = [
            (event[OWN].get("probe_type") if OWN in event else None, kernel["probe_type"], kernel["symbol"])
            for event, kernel in zip(events, kernels, strict=True)
        ]
        for key in set(keys).difference(self._places):
            own, kind, symbol = key
            self._places[key] = place({"probe_type": kind if own is None else own, "symbol": symbol})
        return [self._places[key] for key in keys]

    def _section(self, name: str, events: Sequence[dict[str, Any]]) -> tuple[str, list[int] | None, list[Any]]:
        read = self._objects[name]
        rows = [row for row, event in enumerate(events) if name in event]
        if len(rows) == len(events):
            return name, None, read([event[name] for event in events])
        return name, rows, read([events[row][name] for row in rows])


def _header(events: Sequence[dict[str, Any]]) -> tuple[list[Any], ...]:
    commons = [event["common"] for event in events]
    tasks = [common["task"] for common in commons]
    _must_be(set(map(len, commons)) <= {3} and set(map(len, tasks)) <= {3})
    comms = [task["comm"] for task in tasks]
    _must_be(_are(comms, str))
    return (
        _integers([common["timestamp"] for common in commons], "uint64"),
        _lost(events),
        _integers([task["pid"] for task in tasks], "uint32"),
        _integers([task["tgid"] for task in tasks], "uint32"),
        _integers([common["smp_id"] for common in commons], "uint32"),
        [comm.encode() for comm in comms],
    )


def _lost(events: Sequence[dict[str, Any]]) -> list[Any]:
    own = [event[OWN] for event in events if OWN in event]
    if not own:
        return [0] * len(events)
    _must_be(all(values.keys() <= {"lost", "probe_type"} for values in own))
    return _integers([event[OWN].get("lost", 0) if OWN in event else 0 for event in events], "uint64")


def _reader(form: SectionForm) -> Callable[[list[Any]], list[Any]]:
    """What makes objects of the JSON of a section or a group."""
    make = form.cls._make
    fields = [(field.name, field.optional, _converter(field)) for field in form.fields]

    def read(values: list[Any]) -> list[Any]:
        _must_be(_are(values, dict))
        left, columns = sum(map(len, values)), []
        for name, optional, convert in fields:
            if not optional:
                columns.append(convert([value[name] for value in values]))
                left -= len(values)
                continue
            found = [value.get(name) for value in values]
            present = [value for value in found if value is not None]
            left -= len(present)
            converted = convert(present)
            if len(present) < len(found):
                each = iter(converted)
                converted = [None if value is None else next(each) for value in found]
            columns.append(converted)
        _must_be(not left)  # there is nothing else
        return list(map(make, zip(*columns, strict=True)))

    return read


def _converter(field: FieldForm) -> Callable[[list[Any]], list[Any]]:
    if field.part is not None:
        return _reader(field.part)
    if field.item is not None:
        item = _converter(field.item)
        return lambda values: [tuple(item(value)) for value in _lists(values)]
    return partial(_column, field=field)


def _column(values: list[Any], field: FieldForm) -> list[Any]:
    match field.form:
        case Form.INTEGER:
            return _integers(values, field.dtype)
        case Form.BYTES:
            _must_be(_are(values, str))
            return [binascii.a2b_base64(value, strict_mode=True) for value in values]
        case Form.CHARS:
            _must_be(_are(values, str))
            return [value.encode() for value in values]
        case form:
            _must_be(_are(values, PYTHON[form]))
            return values


def _lists(values: list[Any]) -> list[Any]:
    _must_be(_are(values, list))
    return values


def _integers(values: list[Any], dtype: str) -> list[Any]:
    _must_be(_are(values, int))
    np.array(values, dtype)  # refuses what does not fit
    return values


def _are(values: Iterable[Any], cls: type[Any]) -> bool:
    return set(map(type, values)) <= {cls}


def _must_be(usual: bool) -> None:
    if not usual:
        raise UnusualError
