"""How functions can be probed, by what the kernel offers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import pytest

from tracer_core.plan.request import Fixed
from tracer_core.testing.kernels import recorded_names
from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

_KPROBES = Fixed(entries=(ProbeKind.KPROBE,), returns=(ProbeKind.KRETPROBE,))
WAYS = {
    "trampolines": Fixed(),
    "kprobes": _KPROBES,
    "kprobes without cookies": replace(_KPROBES, cookies=False, multi=False),
    "no functions": Fixed(entries=(), returns=()),
}


def every_way(ways: Iterable[str], *choices: Mapping[str, object]) -> list[ParameterSet]:
    """Every recorded kernel with every way to probe: what else can be chosen takes turns.

    What a kernel has of its own, layouts and places of arguments, is apart from what programs do with it. So that
    everything compiles is known from all pairs: of a kernel and a way, and of either and each value of a choice.

    Args:
        ways: Their names.
        choices: Values by what they are called.

    Returns:
        Name of a kernel, name of a way, and one value of each choice.
    """
    rest = list(product(*(choice.items() for choice in choices)))
    turns = (
        (kernel, way, rest[(k + w) % len(rest)])
        for k, kernel in enumerate(recorded_names())
        for w, way in enumerate(ways)
    )
    return [
        pytest.param(kernel, way, *(value for _, value in chosen), id="-".join((kernel, way, *(n for n, _ in chosen))))
        for kernel, way, chosen in turns
    ]
