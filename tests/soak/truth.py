"""Which packets were seen under which identities, and whether that can be true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from tests.soak.numbers import Bytes, Numbers, Places, is_segment, keys

from tracer_core.events.batch import Blobs, EventBatch, SectionColumns

_FORGET = 130 * 10**9  # ns: an identity may be found again for a minute after it was last seen
_JUDGE_AT = 1 << 20  # sightings that were not judged
_Sightings = np.ndarray[Any, np.dtype[np.void]]
_SIGHTING = np.dtype([("packet", "u8"), ("timestamp", "u8"), ("head", "u8")])
_SHOWN = 5


@dataclass
class Counts:
    """What was found.

    Attributes:
        events: All of them, of whatever packet.
        numbered: Those of packets that have numbers.
        packets: With a number and an identity, each once; a packet seen for longer than two minutes is two.
        unknown: Events of numbered packets without an identity.
        split: Packets with a second identity, but for segments of TCP.
        split_segments: Those.
        merged: Identities of a second packet.
        examples: Some of the latter two, for a message.
    """

    events: int = 0
    numbered: int = 0
    packets: int = 0
    unknown: int = 0
    split: int = 0
    split_segments: int = 0
    merged: int = 0
    examples: tuple[str, ...] = ()

    def wrong(self, retransmitted: int = 0) -> list[str]:
        """What cannot be true, a line each.

        Args:
            retransmitted: Segments that TCP sent again: if the data was copied for it, they are other packets.
        """
        found = (
            (self.merged, "identities of two packets"),
            (self.split, "packets with two identities"),
            (max(0, self.split_segments - retransmitted), "segments with two identities, sent once"),
            (self.unknown, "events of a packet without an identity"),
        )
        return [f"{count} {what}: {', '.join(self.examples)}" for count, what in found if count]


class Truth:
    """Takes events, and compares each packet's number with the identity that it is said to have.

    It remembers what was first seen within two minutes: 24 bytes for each packet. Losses make no contradictions.

    Args:
        tag: Of the run: see :mod:`tests.soak.numbers`.
    """

    def __init__(self, tag: int) -> None:
        self._tag = tag
        self._known = np.empty(0, _SIGHTING)
        self._new: list[_Sightings] = []
        self.counts = Counts()

    def batch(self, events: EventBatch) -> None:
        """Take a batch of a decoder."""
        sections = {section.form.name: section for section in events.sections}
        self.counts.events += events.count
        if "packet" not in sections:
            return
        packet = sections["packet"]
        data = packet.columns["data"]
        assert isinstance(data, Blobs)
        identities = np.zeros((2, events.count), np.uint64)
        if tracking := sections.get("skb-tracking"):
            for row, name in enumerate(("timestamp", "orig_head")):
                identities[row, _rows(tracking)] = np.asarray(tracking.columns[name])
        self.take(data.data, data.offsets, *identities[:, _rows(packet)])

    def take(self, data: Bytes, offsets: Places, timestamp: Numbers, head: Numbers) -> None:
        """Take captured packets with their identities, zeros for none.

        Args:
            data: Bytes of all of them.
            offsets: Where each begins, and where the last ends.
            timestamp: When it was first seen.
            head: Where it was then.
        """
        packet = keys(data, offsets, self._tag)
        numbered = packet != 0
        self.counts.numbered += int(numbered.sum())
        known = numbered & (timestamp != 0)
        self.counts.unknown += int(numbered.sum() - known.sum())
        sightings = np.empty(int(known.sum()), _SIGHTING)
        for name, column in (("packet", packet), ("timestamp", timestamp), ("head", head)):
            sightings[name] = column[known]
        self._new.append(_once(sightings))
        if sum(map(len, self._new)) >= _JUDGE_AT:
            self.judge()

    def judge(self) -> Counts:
        """Look for contradictions in all that was taken so far."""
        before = len(self._known)
        known = _once(np.concatenate((self._known, *self._new)))
        self._new.clear()
        new = len(known) - before
        self.counts.packets += new
        split, merged = _repeated(known, "packet"), _repeated(known, "timestamp", "head")
        segments = int(is_segment(split["packet"]).sum())
        self.counts.split += len(split) - segments
        self.counts.split_segments += segments
        self.counts.merged += len(merged)
        shown = (*map(str, split[:_SHOWN].tolist()), *map(str, merged[:_SHOWN].tolist()))
        self.counts.examples = (*self.counts.examples, *shown)[: 4 * _SHOWN]
        # what is contradicted is counted once
        wrong = np.isin(known["packet"], np.concatenate((split["packet"], merged["packet"])))
        newest = int(known["timestamp"].max(initial=0))
        self._known = known[~wrong & (known["timestamp"] > max(newest - _FORGET, 0))]
        return self.counts


def _rows(section: SectionColumns) -> slice | Places:
    return slice(None) if section.rows is None else section.rows


def _mixed(sightings: _Sightings, *names: str) -> Numbers:
    mixed = np.zeros(len(sightings), np.uint64)
    with np.errstate(over="ignore"):
        for name in names:
            mixed = (mixed ^ sightings[name]) * np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(32)
    return mixed


def _once(sightings: _Sightings) -> _Sightings:
    """Each of them once, but for some that 64 bits of a hash do not tell apart."""
    _, first = np.unique(_mixed(sightings, *sightings.dtype.names or ()), return_index=True)
    once: _Sightings = sightings[first]
    return once


def _repeated(sightings: _Sightings, *names: str) -> _Sightings:
    """Of different sightings, those that have the same fields as another, but for one of them."""
    mixed = _mixed(sightings, *names)
    order = np.argsort(mixed, kind="stable")
    mixed = mixed[order]
    repeated: _Sightings = sightings[order[1:][mixed[1:] == mixed[:-1]]]
    return repeated
