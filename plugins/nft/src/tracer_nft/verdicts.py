"""Verdicts: their codes in the kernel and their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

# enum nft_verdicts of include/uapi/linux/netfilter/nf_tables.h, and NF_* of include/uapi/linux/netfilter.h
CODES: Final = {
    "continue": -1,
    "break": -2,
    "jump": -3,
    "goto": -4,
    "return": -5,
    "drop": 0,
    "accept": 1,
    "stolen": 2,
    "queue": 3,
    "repeat": 4,
}
"""Those that can be asked for."""

LOWEST: Final = min(CODES.values())
NAMES: Final = {code: name for name, code in (*CODES.items(), ("stop", 5))}
"""Of all codes."""


def mask(names: Iterable[str]) -> int:
    """Which verdicts are meant, as the C wants it: a bit for each, the lowest code first; ``all`` is ``CODES``."""
    wanted = set(names)
    return sum(1 << code - LOWEST for name, code in CODES.items() if {name, "all"} & wanted)
