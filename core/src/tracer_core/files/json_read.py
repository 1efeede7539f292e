"""Events from JSON lines: those that we write, and those of Retis 1.7 and later."""

from __future__ import annotations

import json
import logging
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any, NoReturn

from tracer_core.errors import RunError
from tracer_core.files.about import About, tell_losses
from tracer_core.files.json_form import FormError, decoder
from tracer_core.files.json_lines import OWN, RESERVED
from tracer_core.files.reader import EventReader
from tracer_core.files.unknown import UnknownSection
from tracer_core.sections import Event, Header, ProbeInfo, Stack
from tracer_core.types import ProbeKind
from tracer_core.wire import layout_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

log = logging.getLogger(__name__)

_OLDEST = (1, 7)
_LONGEST = 1 << 26  # bytes of a line; what is longer is no event file
_KINDS = {kind.value: kind.label for kind in ProbeKind}
_STACK = layout_of(Stack).name


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


_parse = json.JSONDecoder(parse_constant=_no_number).decode


class JsonLinesReader(EventReader[IO[bytes]]):
    """The events of JSON lines; see :class:`~tracer_core.files.reader.EventReader`.

    Args:
        path: Of the file.
        sections: Classes of the sections that are known.
    """

    def __init__(self, path: Path, sections: Iterable[type[Any]]) -> None:
        self._number = 0
        super().__init__(path, sections, lambda path: path.open("rb"))

    def __iter__(self) -> Iterator[Event]:
        """The events. A last line that is cut short is left out, with a warning that says where.

        Raises:
            RunError: a line is no event. Those before it have been given.
        """
        given = 0
        while (values := self._next(given)) is not None:
            try:
                event = self._event(values)
            except FormError as error:
                raise self._wrong(str(error)) from error
            except (TypeError, AttributeError, KeyError, ValueError) as error:
                raise self._wrong(f"it is no event: {type(error).__name__}: {error}") from error
            if event is not None:
                given += 1
                yield event
        tell_losses(self._path, self.end)

    def _next(self, given: int) -> dict[str, Any] | None:
        try:
            line = self._source.readline(_LONGEST)
        except OSError as error:
            raise RunError(f"cannot read {self._path}: {error.strerror}") from error
        if not line:
            return None
        self._number += 1
        try:
            values = _parse(line.decode())
        except (ValueError, RecursionError) as error:
            if line.endswith(b"\n") or len(line) == _LONGEST or self._number == 1:
                raise self._wrong(f"it is no JSON: {error}") from error
            message = "%s ends within line %d: the run was killed or the disk full; the %d events before it are whole"
            log.warning(message, self._path, self._number, given)
            return None
        if isinstance(values, list):
            raise self._wrong("it is an array: sorted files are not read")
        if not isinstance(values, dict):
            raise self._wrong("it is no JSON object")
        return values

    def _begin(self, sections: Iterable[type[Any]]) -> None:
        self.about = self._startup()
        self._sections = {
            layout.name: decoder(layout.cls)
            for layout in map(layout_of, sections)
            if self.about.sections.get(layout.name, layout.version) == layout.version
        }
        self._probes: dict[ProbeInfo, int] = {}
        for index, probe in enumerate(self.about.probes):
            self._probes.setdefault(probe, index)
        self._unnamed = len(self.about.probes)

    def _startup(self) -> About:
        first = self._next(0)
        if first is None:
            raise RunError(f"{self._path} is empty", hint="name an event file")
        try:
            startup, own = first["startup"], first.get(OWN, {})
            offset, machine = startup["clock_monotonic_offset"], startup["machine"]
            return About(
                writer=_writer(startup["retis_version"]),
                command=startup["cmdline"],
                started=int(first["common"]["timestamp"]),
                clock_offset=offset["sec"] * 10**9 + offset["nsec"],
                kernel_release=machine["kernel_release"],
                kernel_version=machine["kernel_version"],
                hardware=machine["hardware_name"],
                probes=tuple(_info(p["probe_type"], p["symbol"], p.get("path", "")) for p in own.get("probes", ())),
                collectors=dict(own.get("collectors", {})),
                sections=dict(own.get("sections", {})),
            )
        except FormError as error:
            raise self._wrong(str(error)) from error
        except (TypeError, AttributeError, KeyError, ValueError) as error:
            raise self._wrong(f"it does not say how the file began: {type(error).__name__}: {error}") from error

    def _event(self, values: dict[str, Any]) -> Event | None:
        own = values.get(OWN, {})
        if "startup" in values:
            return None  # files that were put one behind the other
        if "end" in own:
            self.end = dict(own["end"])
            return None
        common = values["common"]
        task = common.get("task", {})
        where = values.get("kernel") or values.get("userspace") or {"symbol": "", "probe_type": ""}
        probe = _info(own.get("probe_type", where["probe_type"]), where["symbol"], where.get("path", ""))
        header = Header(
            timestamp=_number(common, "timestamp"),
            present=0,
            lost=_number(own, "lost"),
            pid=_number(task, "pid"),
            tgid=_number(task, "tgid"),
            cpu=_number(common, "smp_id"),
            probe=self._index(probe),
            comm=task.get("comm", "").encode(errors="surrogatepass"),
        )
        sections = {
            name: self._section(name, value)
            for name, value in values.items()
            if name not in RESERVED and value is not None
        }
        if (frames := where.get("stack_trace")) is not None:
            sections[_STACK] = Stack(8 * len(frames), tuple(frames))
        return Event(header, probe, sections)

    def _index(self, probe: ProbeInfo) -> int:
        found = self._probes.get(probe)
        if found is None:  # the first line names those of our files only
            found = self._probes[probe] = self._unnamed
            self._unnamed += 1
        return found

    def _section(self, name: str, value: Any) -> tuple[Any, ...]:  # noqa: ANN401 - anything that JSON can hold
        if not isinstance(value, dict):
            raise FormError(f"section {name} is no object")
        decode = self._sections.get(name)
        try:
            return decode(value) if decode else UnknownSection.of(value)
        except KeyError:
            return UnknownSection.of(value)
        except FormError as error:
            raise FormError(f"section {name}: {error}") from error

    def _wrong(self, what: str) -> RunError:
        return RunError(f"{self._path}, line {self._number}: {what}", hint="the file is damaged, or no event file")


def _number(values: Mapping[str, Any], name: str) -> int:
    found = values.get(name, 0)
    if type(found) is not int:
        raise FormError(f"{name} is {found!r}, no number")
    return found


@lru_cache(4096)
def _info(kind: str, symbol: str, path: str) -> ProbeInfo:
    return ProbeInfo(symbol, kind, _KINDS.get(kind, kind), path)


def _writer(version: str) -> str:
    numbers, _, build = version.removeprefix("v").partition("+")
    parts = numbers.partition("-")[0].split(".")
    if tuple(int(part) for part in parts) < _OLDEST:
        raise FormError(f"it is of Retis {numbers}; files of {'.'.join(map(str, _OLDEST))} and later can be read")
    return build.replace(".", " ", 1) if build else f"Retis {numbers}"
