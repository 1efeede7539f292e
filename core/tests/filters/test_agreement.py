"""Translated filters say the same as libpcap's interpreter and the kernel's own classic BPF.

``TRACER_FILTER_FUZZ=20`` makes twenty times as many filters, others each time; ``TRACER_FILTER_SEED`` those of one test
again, by the number in its name.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from core.tests.filters.agreement import Case, compare
from core.tests.filters.expressions import collected, expressions, programs
from core.tests.filters.oracles import Native, Packets
from core.tests.filters.rounds import SEEDS
from core.tests.filters.samples import samples

from tracer_core.errors import UsageError
from tracer_core.filters.pcap import LinkType, compile_expression
from tracer_core.filters.translate import function
from tracer_core.filters.validate import validate

LARGEST = 150  # classic instructions; larger ones have a test of their own


def cases(texts: list[str], link: LinkType) -> list[Case]:
    """Those that libpcap and we take."""
    found = []
    for text in dict.fromkeys(texts):
        try:
            program = compile_expression(text, link)
            validate(program)
        except UsageError:
            continue
        if len(program) <= LARGEST:
            # tagged or not is not a matter of words here: every filter must see every frame rightly
            found.append(Case(text, program, tagged=link is LinkType.ETHERNET and len(text) % 2 == 0))
    return found


@pytest.mark.parametrize("number", SEEDS)
def test_expressions_of_libpcap_on_frames(number: int, tmp_path: Path) -> None:
    made = cases(collected(expressions, 450, number), LinkType.ETHERNET)
    counts = compare(tmp_path, made, samples(number, rounds=2))
    assert len(made) > 250
    assert counts["matches"] > counts["libpcap"] // 20


@pytest.mark.parametrize("number", SEEDS)
def test_expressions_of_libpcap_on_datagrams(number: int, tmp_path: Path) -> None:
    made = cases(collected(expressions, 600, number + 1), LinkType.RAW_IP)
    counts = compare(tmp_path, made, samples(number, raw=True, rounds=3))
    assert len(made) > 150
    assert counts["matches"] > counts["libpcap"] // 20


@pytest.mark.parametrize("number", SEEDS)
def test_programs_that_nobody_would_write(number: int, tmp_path: Path) -> None:
    made = [
        Case(f"program {n}", program, tagged=n % 2 == 0) for n, program in enumerate(collected(programs, 450, number))
    ]
    for case in made:
        validate(case.program)
    counts = compare(tmp_path, made, samples(number + 1, rounds=2))
    assert len(made) > 400
    assert counts["matches"] > counts["libpcap"] // 20


@pytest.mark.parametrize("number", SEEDS)
def test_several_programs_in_one_function(number: int, tmp_path: Path) -> None:
    """What is known of the packet after one is not more than what the next may rely on."""
    made = collected(programs, 200, number + 2)
    made += [case.program for case in cases(collected(expressions, 200, number + 2), LinkType.ETHERNET)]
    random.Random(number).shuffle(made)  # noqa: S311 - not for secrets
    groups = [made[at : at + 3] for at in range(0, len(made) - 2, 3)]
    texts, names = [], []
    for n, group in enumerate(groups):
        for m, chosen in enumerate(([group[0]], [group[1]], [group[2]], group)):
            names.append(f"filter_{n}_{m}")
            texts.append(function(names[-1], chosen, tagged=n % 2 == 0))
    native, packets = Native(tmp_path, texts, names), Packets(samples(number + 2, rounds=2))
    matches = 0
    for n in range(len(groups)):
        *each, together = (native.verdicts(4 * n + m, packets) for m in range(4))
        assert list(together) == [min(verdicts) for verdicts in zip(*each, strict=True)], groups[n]
        matches += together.count(1)
    assert native.strays == 0
    assert matches > len(packets)
