"""``/proc/kallsyms``: addresses by name and names by address.

Reading the file costs 40 ms on a kernel with 120,000 symbols and is up to the caller. A look-up by
name scans the bytes (3 ms); after many of them a table is built, once (80 ms), as is one for
look-ups by address.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from functools import cached_property
from operator import itemgetter

_SCANS = 24  # look-ups by name before a table is cheaper
_VISIBLE = re.compile(rb"^0*[1-9a-fA-F]", re.MULTILINE)
_LINE = re.compile(rb"^([0-9a-fA-F]+) \w ([^\s]+)", re.MULTILINE)


class Symbols:
    """The symbols of one kernel.

    Args:
        text: Lines of address, type, name and, for symbols of modules, ``[module]``.
    """

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._scans = 0

    @cached_property
    def hidden(self) -> bool:
        """Whether all addresses are zero: the kernel shows them to ``CAP_SYSLOG`` only."""
        return _VISIBLE.search(self._text) is None

    def address(self, name: str) -> int | None:
        """Address of a symbol, the first listed: 0 if hidden, nothing if there is none."""
        self._scans += 1
        wanted = name.encode()
        if self._scans > _SCANS:
            digits = self._by_name.get(wanted)
            return None if digits is None else int(digits, 16)
        # a plain search is many times faster than a pattern over the whole text
        needle, at = b" " + wanted, -1
        while (at := self._text.find(needle, at + 1)) >= 0:
            line = _LINE.match(self._text, self._text.rfind(b"\n", 0, at) + 1)
            if line and line[2] == wanted:
                return int(line[1], 16)
        return None

    def count(self, name: str) -> int:
        """How many symbols have a name: static functions of several files may share one."""
        return self._counts[name.encode()]

    def at(self, address: int) -> tuple[str, int] | None:
        """Name of the nearest symbol at or below an address, and the distance in bytes from it.

        Of several symbols at one address, the first one listed. Nothing below all symbols or where
        addresses are hidden. Mapping symbols (``$x`` and the like on ARM) are not names.
        """
        found = self._by_address
        place = bisect_right(found, address, key=_address_of) - 1
        if place < 0:
            return None
        start = _address_of(found[place])
        while place > 0 and _address_of(found[place - 1]) == start:
            place -= 1
        return found[place][1].decode(), address - start

    @cached_property
    def _by_name(self) -> dict[bytes, bytes]:
        return {name: address for address, name in reversed(_LINE.findall(self._text))}

    @cached_property
    def _counts(self) -> Counter[bytes]:
        return Counter(name for _, name in _LINE.findall(self._text))

    @cached_property
    def _by_address(self) -> list[tuple[bytes, bytes]]:
        if self.hidden:
            return []
        found = [line for line in _LINE.findall(self._text) if not line[1].startswith(b"$")]
        # the kernel writes all addresses with as many digits, so they sort like numbers;
        # the sort is stable: of equal addresses, the first listed stays first
        return sorted(found, key=itemgetter(0))


def _address_of(line: tuple[bytes, bytes]) -> int:
    return int(line[0], 16)
