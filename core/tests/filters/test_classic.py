"""Which classic programs are refused: those that the kernel refuses."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest
from core.tests.filters.agreement import Case, compare
from core.tests.filters.expressions import collected, programs
from core.tests.filters.oracles import KernelFilter, Native, Packets, Sample
from core.tests.filters.samples import samples

from tracer_core.errors import UsageError
from tracer_core.filters.classic import Class, Instruction, Mode, Program
from tracer_core.filters.translate import function
from tracer_core.filters.validate import validate

RET = Instruction(0x06, k=1)
I = Instruction  # noqa: E741 - as an assembler has it


def refused_by_kernel(program: Program) -> bool:
    try:
        KernelFilter(program).close()
    except OSError:
        return True
    return False


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ((), "without instructions"),
        ((I(0x20, k=0),), "behind the end"),
        ((I(0x05, k=1), RET), "behind the end"),
        ((I(0x05, k=0xFFFFFFFF), RET), "jumps back"),
        ((I(0x15, 1, 0), RET), "behind the end"),
        ((I(0x15, 0, 1), RET), "behind the end"),
        ((I(0x34, k=0), RET), "division by zero"),
        ((I(0x94, k=0), RET), "division by zero"),
        ((I(0x64, k=32), RET), "shift by 32"),
        ((I(0x74, k=99), RET), "shift by 99"),
        ((I(0x02, k=16), RET), "scratch word 16"),
        ((I(0x60, k=16), RET), "scratch word 16"),
        ((I(0x60, k=3), RET), "nothing has written"),
        ((I(0x15, 0, 1), I(0x02, k=3), I(0x61, k=3), RET), "nothing has written"),
        ((I(0x30, k=0xFFFFF004), RET), "offset 0xfffff004"),
        ((I(0xFF), RET), "no such code"),
        ((I(0x0E), RET), "no such code"),
        ((I(0x8C), RET), "no such code"),
        ((I(0x18), RET), "no such code"),
        ((RET, I(0x00)), "behind the end"),
    ],
)
def test_refused(program: Program, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        validate(program)
    ours_alone = any(each.k >= 1 << 31 for each in program if each.code == 0x30)  # the kernel has other data there
    assert refused_by_kernel(program) or ours_alone


def test_every_code_is_known_exactly_as_the_kernel_knows_it() -> None:
    for code in range(256):
        program = (I(0x00, k=1), I(0x02, k=1), I(code, k=1), RET, RET)
        try:
            validate(program)
        except UsageError:
            assert refused_by_kernel(program), hex(code)
        else:
            assert not refused_by_kernel(program), hex(code)


def test_broken_programs_are_refused_as_by_the_kernel() -> None:
    broken = 0
    for number, program in enumerate(collected(programs, 300, 3)):
        at = number * 7 % len(program)
        for change in ({"k": 40}, {"jt": 200}, {"jf": 45}, {"code": (program[at].code + 8) & 0xFF}, {"k": 0}):
            changed = (*program[:at], dataclasses.replace(program[at], **change), *program[at + 1 :])
            try:
                validate(changed)
            except UsageError:
                broken += 1
                assert refused_by_kernel(changed), changed
            else:
                assert not refused_by_kernel(changed), changed
    assert broken > 100


@pytest.mark.parametrize("width", [1, 2, 4])
def test_loads_end_where_the_packet_ends(width: int, tmp_path: Path) -> None:
    """At every offset around the end, of the copy and of the packet, from constants and from an index."""
    size = {1: 0x10, 2: 0x08, 4: 0x00}[width]
    verdict = (I(0x24, k=0x9E3779B1), I(0x74, k=31), I(0x16))  # one that wrong bytes change every other time
    made = []
    for k in (0, 1, 2, 3, 8, 9, 10, 12, 13, 15, 16, 17, 56, 57, 63, 112, 116, 117, 118, 119, 120, 121, 124, 128, 200):
        constant = (I(Class.LD | Mode.ABS | size, k=k), *verdict)
        indexed = (I(Class.LDX | Mode.IMM, k=k), I(Class.LD | Mode.IND | size, k=3), *verdict)
        header = (I(Class.LDX | Mode.MSH | 0x10, k=0), I(Class.LD | Mode.IND | size, k=k), *verdict)
        both = (I(0x30, k=119), *constant)  # the copy is as long as it may be
        for tagged in (False, True):
            made += [Case(f"{k}", program, tagged=tagged) for program in (constant, indexed, header, both)]
    rng = random.Random(width)  # noqa: S311 - not for secrets
    packets = []
    for length in range(150):
        data = rng.choice((b"\x45", b"\x46", b"\x40")) + rng.randbytes(255)
        packets += [Sample(data[:length], length, tag) for tag in (0, 0x8100_0005)]
        packets.append(Sample(data, length + 50))
    compare(tmp_path, made, packets)


def test_an_index_that_wraps_around_says_nothing_of_the_length(tmp_path: Path) -> None:
    minus = (1 << 32) - 20
    program = (I(Class.LDX | Mode.IMM, k=minus), I(0x50, k=20), I(0x30, k=10), I(0x06, k=1))
    compare(tmp_path, [Case("wrap", program)], [Sample(bytes(length), length) for length in range(40)])


def test_what_one_program_looked_at_another_need_not_find(tmp_path: Path) -> None:
    far = (I(0x30, k=0), I(0x15, 0, 2, 1), I(0x30, k=50), RET, RET)  # looks there only if the first byte is 1
    near = (I(0x30, k=30), RET)
    native = Native(tmp_path, [function("f", [far, near])], ["f"])
    packets = [Sample(bytes([first, *bytes(length)]), length + 1) for first in (0, 1) for length in (5, 29, 30, 60)]
    assert list(native.verdicts(0, Packets(packets))) == [0, 0, 1, 1, 0, 0, 0, 1]


@pytest.mark.parametrize("number", range(2))
def test_scratch_memory_and_registers_are_zero_at_first(number: int, tmp_path: Path) -> None:
    program = ((I(0x60, k=5), I(0x16)), (I(0x87), I(0x16)))[number]
    text = function("f", [(I(0x00, k=7), I(0x07), I(0x02, k=5), I(0x06, k=1)), program])
    native = Native(tmp_path, [text], ["f"])
    assert set(native.verdicts(0, Packets(samples(1)))) == {0}


def test_a_length_that_cannot_be_matches_nothing(tmp_path: Path) -> None:
    native = Native(tmp_path, [function("f", [(RET,)])], ["f"])
    assert native.verdicts(0, Packets([Sample(b"1234", 4), Sample(b"1234", 0x80000000)])) == b"\1\0"
