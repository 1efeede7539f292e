"""Which journey each event is of: the rules, one event at a time."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer_core.types import JoinRole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tracer_core.events.batch import Numbers
    from tracer_core.sort.joins import Keyed

    Key = tuple[int, int]
    Times = np.ndarray[Any, np.dtype[np.uint64]]

LINGERS = 100_000_000
"""ns that some journeys wait behind their last event when their data is freed: of a packet that a process may have, and
with events that ask for what is not known yet."""

_REMEMBERED = 1 << 16  # journeys that are out already and may go on, keys of joins, identities that were adopted


@dataclass(slots=True, eq=False)
class Journey:
    """A journey: the events of a packet, and those that were joined to them.

    Attributes:
        key: Of its packet: when that was first seen, and where its data was; nothing for an event of no packet.
        begins: When it begins, in ns: the earliest comes out first.
        skb: Of its first event.
        number: Among those that wait; -1 if none of its events does.
        count: Of its events.
        last: When the last of them was.
        places: In which the data of its packets is: those that it is known by, more where data is copied, fewer where
            it is freed.
        lingers: When its data is freed, it waits for a moment: a key of a join stands for it, or did, or it asks for
            what is not known.
    """

    key: Key | None
    begins: int
    skb: int = 0
    number: int = -1
    count: int = 0
    last: int = 0
    places: int = 1
    lingers: bool = False


@dataclass(frozen=True, slots=True)
class EventPlaces:
    """Where in which journey each of some events that wait is.

    Attributes:
        journey: Number of its journey among those that wait.
        place: Its number in that.
        time: When it was.
        before: When the event before in the journey was; for the first, its own time.
        unjoined: Number of the key space in which its journey was not found; 0 if there was nothing to find.
    """

    journey: Numbers
    place: Numbers
    time: Times
    before: Times
    unjoined: Numbers

    @classmethod
    def joined(cls, several: Sequence[EventPlaces]) -> EventPlaces:
        """Those of several batches, one behind the other."""
        if len(several) == 1:
            return several[0]
        return cls(
            np.concatenate([places.journey for places in several]),
            np.concatenate([places.place for places in several]),
            np.concatenate([places.time for places in several]),
            np.concatenate([places.before for places in several]),
            np.concatenate([places.unjoined for places in several]),
        )

    def take(self, rows: Numbers) -> EventPlaces:
        """Those of some of the events."""
        return EventPlaces(
            self.journey[rows], self.place[rows], self.time[rows], self.before[rows], self.unjoined[rows]
        )


class Journeys:
    """All journeys that are known: those that wait, and as many of those that are out as may be remembered."""

    def __init__(self) -> None:
        self.waiting: list[Journey] = []
        """By number. What is out again has another number, or none."""
        self.unjoined: Counter[int] = Counter()
        """Events whose journey was not found, by number of the key space."""
        self._known: dict[Key, Journey] = {}
        self._out: OrderedDict[Journey, None] = OrderedDict()
        self._keys: OrderedDict[tuple[Any, ...], Journey] = OrderedDict()
        self._adopted: OrderedDict[Key, Journey] = OrderedDict()
        self._ended: dict[Journey, None] = {}
        self._looked_at = 0  # of those that wait

    def add(
        self,
        times: Sequence[int],
        packets: Sequence[Sequence[int] | None],
        keyed: Mapping[int, Sequence[Keyed]],
        first: int,
    ) -> EventPlaces:
        """Add events to their journeys.

        Args:
            times: When they were.
            packets: Of each event its identity, or nothing.
            keyed: Joins of some of them.
            first: Number of the first of them there.
        """
        unjoined = np.zeros(len(times), np.int64)
        journeys, places, before, plain = [], [], [], self._plain
        for row, (time, packet) in enumerate(zip(times, packets, strict=True), first):
            if keyed and row in keyed:
                journey, unjoined[row - first] = self._joined(time, packet, keyed[row])
            else:
                journey = plain(time, packet)
            journeys.append(journey.number)
            places.append(journey.count)
            before.append(journey.last if journey.count else time)
            journey.count += 1
            journey.last = time
        return EventPlaces(
            np.array(journeys), np.array(places), np.array(times, np.uint64), np.array(before, np.uint64), unjoined
        )

    def leave(self, leaving: Iterable[Journey]) -> None:
        """Journeys come out: they wait no more, and are remembered, in case they go on."""
        for journey in leaving:
            journey.number = -1
            if journey.key is not None:
                self._out[journey] = None
            if self._ended:
                self._ended.pop(journey, None)
        known, out = self._known, self._out
        for _ in range(len(out) - _REMEMBERED):
            journey, _ = out.popitem(last=False)
            if journey.key is not None and known.get(journey.key) is journey:
                del known[journey.key]

    def held(self, key: Key, more: int) -> None:
        """Data of the packet that has this identity is in so many more places."""
        journey = self._known.get(key)
        if journey is not None:
            self._hold(journey, more)

    def linger(self, number: int) -> None:
        """Have a journey that waits do so for a moment when its data is freed."""
        self.waiting[number].lingers = True

    def ended(self, now: int) -> list[Journey]:
        """Those that wait and will not go on: of no packet, or with data that is freed. Each is given once.

        Args:
            now: In ns.
        """
        for number in range(self._looked_at, len(self.waiting)):
            journey = self.waiting[number]
            if journey.number == number and (journey.key is None or journey.places <= 0):
                self._ended[journey] = None
        self._looked_at = len(self.waiting)
        found: list[Journey] = []
        lingering: dict[Journey, None] = {}
        for journey in self._ended:
            if journey.number < 0 or (journey.key is not None and journey.places > 0):
                continue
            if journey.lingers and now < journey.last + LINGERS:
                lingering[journey] = None
            else:
                found.append(journey)
        self._ended = lingering
        return found

    def silent(self, since: int) -> Iterator[Journey]:
        """Those that wait and of which nothing was heard since then, in ns."""
        return (
            journey for number, journey in enumerate(self.waiting) if journey.number == number and journey.last <= since
        )

    def renumber(self) -> Numbers:
        """Give those that wait the first numbers again.

        Returns:
            The new number for each old one, -1 where there is none.
        """
        numbers = np.full(len(self.waiting), -1)
        staying = [journey for number, journey in enumerate(self.waiting) if journey.number == number]
        self._looked_at = sum(journey.number < self._looked_at for journey in staying)
        for number, journey in enumerate(staying):
            numbers[journey.number] = number
            journey.number = number
        self.waiting = staying
        return numbers

    def _plain(self, time: int, packet: Sequence[int] | None) -> Journey:
        """The journey that an event's identity says, which may begin with it."""
        if packet is None:
            return self._wait(Journey(None, time))
        head, first, skb = packet
        key = first, head
        journey = self._known.get(key)
        if journey is None:
            journey = self._known[key] = Journey(key, first, skb, len(self.waiting))
            self.waiting.append(journey)
        return journey if journey.number >= 0 else self._wait(journey)

    def _joined(self, time: int, packet: Sequence[int] | None, joins: Sequence[Keyed]) -> tuple[Journey, int]:
        """The journey of an event with joins, and the key space in which it was not found, if it was not."""
        finding = [join for join in joins if join.finds]
        known = (self._keys.get(join.key) for join in finding)
        journey, unjoined = next((found for found in known if found is not None), None), 0
        if journey is None:
            journey = self._plain(time, packet)
            if finding:
                unjoined = finding[0].space
                self.unjoined[unjoined] += 1
        else:
            if journey.number < 0:
                self._wait(journey)
            if packet is not None and any(join.role is JoinRole.ADOPT for join in finding):
                self._adopt((packet[1], packet[0]), journey)
        for join in joins:
            if join.role is JoinRole.OPEN and journey.key is not None:
                _remember(self._keys, join.key, journey)
                journey.lingers = True
            elif not join.finds:
                self._keys.pop(join.key, None)
        return journey, unjoined

    def _wait(self, journey: Journey) -> Journey:
        """Its events wait from now on."""
        journey.number = len(self.waiting)
        self.waiting.append(journey)
        if journey.count and journey.key is not None:
            self._out.pop(journey, None)
            self._known.setdefault(journey.key, journey)  # it may have been forgotten, if a key of a join was not
        return journey

    def _adopt(self, key: Key, journey: Journey) -> None:
        before = self._known.get(key)
        if before is journey:
            return
        if before is not None:
            self._hold(before, -1)
        self._known[key] = journey
        self._hold(journey, 1)
        forgotten = _remember(self._adopted, key, journey)
        if forgotten is not None and self._known.get(forgotten[0]) is forgotten[1]:
            del self._known[forgotten[0]]

    def _hold(self, journey: Journey, more: int) -> None:
        journey.places += more
        if journey.places <= 0:
            self._ended[journey] = None


def _remember(known: OrderedDict[Any, Journey], key: Any, journey: Journey) -> tuple[Any, Journey] | None:  # noqa: ANN401
    """Remember what a key stands for; what was remembered for longest is forgotten, and given, if there is no room."""
    known[key] = journey
    known.move_to_end(key)
    return known.popitem(last=False) if len(known) > _REMEMBERED else None
