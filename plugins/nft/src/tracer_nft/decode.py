"""From what records have of a step to what users see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tracer_nft.verdicts import CODES, LOWEST, NAMES

if TYPE_CHECKING:
    from tracer_core.api import Columns

_UNKNOWN: Final = len(NAMES)
_TEXTS: Final = np.array([*(NAMES[code] for code in sorted(NAMES)), "unknown"], dtype=object)
_LEADING: Final = [CODES[name] - LOWEST for name in ("jump", "goto")]


def decode(columns: Columns) -> Columns:
    """Codes become names, and what is not there becomes nothing."""
    codes = np.asarray(columns["verdict"], np.int64) - LOWEST
    names = _TEXTS[np.where((codes >= 0) & (codes < _UNKNOWN), codes, _UNKNOWN)].tolist()
    handles = np.asarray(columns["rule_handle"])
    rules: list[int | None] = handles.tolist()
    for row in np.flatnonzero(handles < 0).tolist():
        rules[row] = None
    # few verdicts lead to a chain, and its name takes longer than all the rest
    chains: list[bytes | None] = [None] * len(names)
    leading = np.flatnonzero(np.isin(codes, _LEADING))
    for row, name in zip(leading.tolist(), np.asarray(columns["verdict_chain_name"])[leading].tolist(), strict=True):
        chains[row] = name
    return {**columns, "verdict": names, "rule_handle": rules, "verdict_chain_name": chains}
