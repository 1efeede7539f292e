"""From what records have of a step to what users see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tracer_nft.verdicts import LOWEST, NAMES

if TYPE_CHECKING:
    from tracer_core.api import Columns

_UNKNOWN: Final = len(NAMES)
_TEXTS: Final = np.array([*(NAMES[code] for code in sorted(NAMES)), "unknown"], dtype=object)


def decode(columns: Columns) -> Columns:
    """Codes become names, and what is not there becomes nothing."""
    codes = np.asarray(columns["verdict"], np.int64) - LOWEST
    names = _TEXTS[np.where((codes >= 0) & (codes < _UNKNOWN), codes, _UNKNOWN)].tolist()
    rules = np.asarray(columns["rule_handle"]).tolist()
    chains = np.asarray(columns["verdict_chain_name"]).tolist()
    return {
        **columns,
        "verdict": names,
        "rule_handle": [None if handle < 0 else handle for handle in rules],
        "verdict_chain_name": [name or None for name in chains],
    }
