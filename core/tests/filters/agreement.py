"""Compare verdicts of many filters over many packets: ours, libpcap's, the kernel's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.tests.filters.interpreter import NEGATIVE, interpret
from core.tests.filters.oracles import Native, Packets, Sample, kernel_verdicts, libpcap_verdicts

from tracer_core.filters.classic import Program
from tracer_core.filters.translate import function


@dataclass(frozen=True)
class Case:
    """A filter.

    Attributes:
        text: What it is called when it fails.
        program: Classic.
        tagged: Whether it sees tags.
    """

    text: str
    program: Program
    tagged: bool = False


def compare(folder: Path, cases: Sequence[Case], samples: Sequence[Sample], *flags: str) -> Counter[str]:
    """Assert that all agree, but where they are known not to; count what happened.

    Args:
        folder: For files.
        cases: Filters.
        samples: Packets, which all filters see.
        flags: For the C compiler.
    """
    texts = [function(f"filter_{n}", [case.program], tagged=case.tagged) for n, case in enumerate(cases)]
    native = Native(folder, texts, [f"filter_{n}" for n in range(len(cases))], *flags)
    beside, seen = Packets(samples), {}
    for tagged in (False, True):
        wire = [sample.on_the_wire() if tagged else sample.without_tag() for sample in samples]
        whole = [sample for sample in wire if sample.linear == len(sample.data)]
        seen[tagged] = wire, Packets(wire), whole, Packets(whole)
    counts: Counter[str] = Counter()
    for n, case in enumerate(cases):
        wire, readable, whole, complete = seen[case.tagged]
        ours = native.verdicts(n, beside)
        counts["matches"] += ours.count(1)
        counts += _agree(case, wire, ours, libpcap_verdicts(native, case.program, readable), "libpcap")
        mine = bytes(verdict for verdict, sample in zip(ours, wire, strict=True) if sample.linear == len(sample.data))
        counts += _agree(case, whole, mine, kernel_verdicts(native, case.program, complete), "kernel")
    assert native.strays == 0, "a filter reads outside of the packet"
    return counts


def _agree(case: Case, samples: Sequence[Sample], ours: bytes, theirs: bytes, whose: str) -> Counter[str]:
    counts = Counter({whose: len(ours)})
    if ours == theirs:
        return counts
    for sample, mine, other in zip(samples, ours, theirs, strict=True):
        if mine == other:
            continue
        run = interpret(case.program, sample.data[: sample.linear], len(sample.data))
        where = f"{case.text}: we say {mine}, {whose} {other}; {sample}; {case.program}"
        assert bool(run.verdict) == bool(mine), where
        # the kernel differs only where it reads what is no byte of the packet
        assert run.oddities if whose == "libpcap" else NEGATIVE in run.oddities, where
        counts[f"{whose}: {', '.join(sorted(run.oddities))}"] += 1
    return counts
