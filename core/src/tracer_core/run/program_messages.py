"""Messages of BPF programs (``TRACER_LOG``), logged at their level."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.backend.base import Batch
from tracer_core.compose.composition import MESSAGE_SHIFT, MESSAGE_VALUES
from tracer_core.compose.messages import formatted
from tracer_core.display.head import utc
from tracer_core.levels import LogLevel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracer_core.compose.composition import Message
    from tracer_core.plan.plan import Plan

log = logging.getLogger(__name__)

_AT_MOST_EVERY = 5.0  # seconds between repetitions of what is more important than debugging


@dataclass(slots=True)
class _Told:
    """When a message was last shown, and how often it came since."""

    at: float
    count: int = 0


class ProgramMessages:
    """Takes messages out of what comes from the ring, before anybody counts events or decodes them, and logs them.

    Those of level debug and trace all; of others, the first of each kind at once and then how many there were.

    Args:
        messages: By number.
        plan: Whose probes say them.
        clock_offset: ns to add to times for dates, which are shown then; nothing for ns since boot.
    """

    def __init__(self, messages: Sequence[Message], plan: Plan, *, clock_offset: int | None) -> None:
        self._messages = messages
        self._probes = [str(planned.probe) for planned in plan.probes]
        self._clock_offset = clock_offset
        self._told: dict[int, _Told] = {}

    def sift(self, batch: Batch) -> Batch:
        """The rest of a batch.

        Raises:
            RunError: the records are not of this plan.
        """
        import numpy as np  # noqa: PLC0415 - when events already come

        from tracer_core.decode.records import HEADER, dtype_of, take  # noqa: PLC0415 - ditto

        starts = np.asarray(batch.offsets, np.int64)
        headers = take(batch.data, starts, dtype_of(HEADER))
        says = (headers["present"] >> np.uint64(MESSAGE_SHIFT)).astype(bool)
        if not says.any():
            return batch
        bodies = take(batch.data, starts[says] + HEADER.size, np.dtype(("<u8", MESSAGE_VALUES + 1)))
        times, probes = headers["timestamp"][says].tolist(), headers["probe"][says].tolist()
        for timestamp, probe, (number, *values) in zip(times, probes, bodies.tolist(), strict=True):
            self._tell(timestamp, probe, number, tuple(values))
        return Batch(batch.data, starts[~says])

    def end(self) -> None:
        """Say how often came what was held back."""
        for number, told in self._told.items():
            self._tell_count(number, told)

    def _tell(self, timestamp: int, probe: int, number: int, values: tuple[int, ...]) -> None:
        if number >= len(self._messages):
            log.debug("message %d of a program is not of this run: is it a recording of another --log-level?", number)
            return
        message = self._messages[number]
        if message.level > LogLevel.DEBUG and self._is_held_back(number):
            return
        when = timestamp if self._clock_offset is None else utc(timestamp + self._clock_offset)
        at = f"at {self._probes[probe]}" if probe < len(self._probes) else ""
        where = " ".join(filter(None, (message.function, at)))
        text = formatted(message.format, values) + (f" ({where})" if where else "")
        logging.getLogger(message.owner).log(message.level, "[eBPF] %s %s: %s", when, message.owner, text)

    def _is_held_back(self, number: int) -> bool:
        now = time.monotonic()
        told = self._told.get(number)
        if told is not None and now - told.at < _AT_MOST_EVERY:
            told.count += 1
            return True
        if told is not None:
            self._tell_count(number, told)
        self._told[number] = _Told(now)
        return False

    def _tell_count(self, number: int, told: _Told) -> None:
        if told.count:
            message = self._messages[number]
            level, logger = message.level, logging.getLogger(message.owner)
            logger.log(level, "[eBPF] %s: %d more like: %s", message.owner, told.count, message.format)
            told.count = 0
