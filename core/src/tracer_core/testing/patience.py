"""How long tests wait: what is plenty on a developer's machine is too little on an emulated one."""

from __future__ import annotations

import math
import os

VARIABLE = "TRACER_TEST_PATIENCE"
"""Environment variable: how many times longer than usual to wait."""


def patience(seconds: float) -> float:
    """A time-out for this machine.

    Args:
        seconds: Plenty on an ordinary machine.

    Returns:
        The same, times what the environment says.

    Raises:
        ValueError: the environment does not say a positive number.
    """
    text = os.environ.get(VARIABLE, "1")
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not 0 < factor < math.inf:
        raise ValueError(f"{VARIABLE} is {text!r}: a positive number is needed")
    return seconds * factor
