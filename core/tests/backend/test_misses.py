"""What of the kernel's counters is taken for a missed hit, and whose."""

from __future__ import annotations

import ctypes
import os
from collections import defaultdict

import pytest

from tracer_core.backend import misses
from tracer_core.backend.base import Losses, Missed
from tracer_core.backend.loaded import Link, LoadedProgram
from tracer_core.backend.misses import Misses, counts_kprobes, in_link, in_program, of_link, of_program
from tracer_core.backend.uapi import ProgramType
from tracer_core.kernel.btf import Btf
from tracer_core.kernel.btf_types import BtfMember, BtfType, Kind
from tracer_core.kernel.encode import encode
from tracer_core.kernel.live import LiveKernel
from tracer_core.libbpf import LinkInfo, ProgInfo, ProgLoadOpts, library
from tracer_core.plan.plan import Identity
from tracer_core.types import ProbeKind

PERF_EVENT, KPROBE_MULTI = 7, 8
UPROBE, KPROBE, KRETPROBE = 1, 3, 4


@pytest.mark.parametrize(("length", "expected"), [(0, None), (208, None), (216, 5), (232, 5)])
def test_a_kernel_that_does_not_know_the_counter_of_programs_is_told_by_the_length(
    length: int, expected: int | None
) -> None:
    assert in_program(ProgInfo(recursion_misses=5), length) == expected


def link(kind: int, event: int = 0) -> LinkInfo:
    info = LinkInfo(type=kind)
    if kind == KPROBE_MULTI:
        info.kprobe_multi.missed = 5
    else:
        info.perf_event.type, info.perf_event.missed = event, 5
    return info


@pytest.mark.parametrize(
    ("info", "length", "expected"),
    [
        (link(KPROBE_MULTI), 32, None),
        (link(KPROBE_MULTI), 40, 5),
        (link(PERF_EVENT, KPROBE), 48, None),
        (link(PERF_EVENT, KPROBE), 56, 5),
        (link(PERF_EVENT, KRETPROBE), 64, 5),
        (link(PERF_EVENT, UPROBE), 64, None),  # there are other things at that place
        (link(0), 64, None),
        (LinkInfo(), 0, None),
    ],
)
def test_a_link_tells_its_misses_if_it_is_of_kprobes_and_the_kernel_knows_the_counter(
    info: LinkInfo, length: int, expected: int | None
) -> None:
    assert in_link(info, length) == expected


def test_of_what_is_no_program_nothing_is_known() -> None:
    assert of_program(-1) is None


@pytest.mark.bpf
def test_counters_are_where_the_kernel_has_them() -> None:
    if not misses.kprobes_are_counted():
        pytest.skip("this kernel has no such counters")
    btf = LiveKernel().btf
    assert ProgInfo.recursion_misses.offset == offset(btf, "bpf_prog_info", "recursion_misses")
    info = LinkInfo()
    for outer, *names in (("perf_event", "kprobe", "missed"), ("kprobe_multi", "missed")):
        ours = getattr(LinkInfo, outer).offset + type(getattr(info, outer)).missed.offset
        assert ours == offset(btf, "bpf_link_info", outer, *names)


def offset(btf: Btf, struct: str, *names: str) -> int:
    """Bytes from the start of a struct to a member of a member of it."""
    found = btf.find(struct, Kind.STRUCT)
    bits = 0
    for name in names:
        assert found is not None
        member = next(member for member in btf.members(found) if member.name == name)
        bits += member.bit_offset
        found = btf.resolve(member.type_id)
    return bits // 8


@pytest.mark.bpf
def test_a_program_that_never_ran_missed_nothing() -> None:
    options = ProgLoadOpts(sz=ctypes.sizeof(ProgLoadOpts))
    code = bytes.fromhex("b700000000000000 9500000000000000")  # r0 = 0; exit
    fd = library().bpf_prog_load(ProgramType.RAW_TRACEPOINT, b"misses", b"GPL", code, 2, ctypes.byref(options))
    try:
        assert of_program(fd) == 0
        assert of_link(fd) is None
    finally:
        os.close(fd)


@pytest.mark.parametrize(("member", "expected"), [("missed", True), ("flags", False)])
def test_a_kernel_counts_what_kprobes_miss_if_it_says_so_of_many_of_them(member: str, expected: bool) -> None:
    # of struct bpf_link_info the unnamed union, of that perf_event.kprobe.missed and kprobe_multi
    number = BtfType(1, Kind.INT, "__u64", size=8)
    kprobe = BtfType(2, Kind.STRUCT, "", size=8, members=(BtfMember("missed", 1, 0, 0),))
    event = BtfType(3, Kind.STRUCT, "", size=8, members=(BtfMember("kprobe", 2, 0, 0),))
    multi = BtfType(4, Kind.STRUCT, "", size=8, members=(BtfMember(member, 1, 0, 0),))
    union = (BtfMember("perf_event", 3, 0, 0), BtfMember("kprobe_multi", 4, 0, 0))
    inner = BtfType(5, Kind.UNION, "", size=8, members=union)
    info = BtfType(6, Kind.STRUCT, "bpf_link_info", size=8, members=(BtfMember("", 5, 0, 0),))
    assert counts_kprobes(Btf.from_bytes(encode([number, kprobe, event, multi, inner, info]))) is expected


def test_a_kernel_that_knows_no_links_counts_nothing_that_kprobes_miss() -> None:
    assert not counts_kprobes(Btf.from_bytes(encode([BtfType(1, Kind.INT, "__u64", size=8)])))


class Counted:
    """Counters of a kernel, by descriptor; 0 unless said otherwise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.counts: defaultdict[int, int | None] = defaultdict(int)
        monkeypatch.setattr(misses, "of_program", self.counts.__getitem__)
        monkeypatch.setattr(misses, "of_link", self.counts.__getitem__)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


def program(fd: int, kind: ProbeKind, *probes: int) -> LoadedProgram:
    return LoadedProgram(fd, kind, False, Identity.COOKIE, False, probes)


def yes() -> bool:
    return True


def missed(made: Misses) -> list[Missed]:
    return list(made.missed)


def test_only_what_is_missed_between_begin_and_end_counts(kernel: Counted) -> None:
    made = Misses([(program(1, ProbeKind.RAW_TRACEPOINT, 0), [Link(10, (0,))])])
    kernel.counts[1] = 3
    assert missed(made) == []
    made.begin()
    assert missed(made) == []
    kernel.counts[1] = 5
    assert missed(made) == [Missed((0,), 2, 2)]
    kernel.counts[1] = 6
    made.end()
    kernel.counts[1] = 100
    assert missed(made) == [Missed((0,), 3, 3)]
    made.begin()
    kernel.counts[1] = 101
    made.end()
    assert missed(made) == [Missed((0,), 4, 4)]


def test_misses_of_a_program_belong_to_all_its_probes_and_those_of_a_link_to_its_own(kernel: Counted) -> None:
    made = Misses([(program(1, ProbeKind.KPROBE, 0, 2), [Link(10, (0,)), Link(12, (2,))])], yes)
    made.begin()
    kernel.counts |= {1: 1, 10: 2, 12: 4}
    assert made.missed == (Missed((0,), 2, 2), Missed((0, 2), 1, 1), Missed((2,), 4, 4))
    losses = Losses((0, 0, 0), made.missed, made.uncounted)
    assert (losses.total, sum(one.most for one in losses.missed), losses.uncounted) == (0, 7, ())


def test_a_program_that_some_of_its_probes_could_not_be_had_for_misses_nothing_there(kernel: Counted) -> None:
    made = Misses([(program(1, ProbeKind.KPROBE, 0, 1), [Link(10, (0,))])], yes)
    made.begin()
    kernel.counts[1] = 1
    assert made.missed == (Missed((0,), 1, 1),)


def test_a_call_may_be_missed_at_its_entry_and_at_its_return(kernel: Counted) -> None:
    programs = [
        (program(2, ProbeKind.KRETPROBE, 0), [Link(20, (0,))]),
        (program(1, ProbeKind.KPROBE, 0), [Link(10, (0,))]),
    ]
    made = Misses(programs, yes)
    made.begin()
    kernel.counts |= {1: 4, 2: 4, 20: 3}
    assert made.missed == (Missed((0,), 7, 11),)


@pytest.mark.parametrize(
    ("knows", "counts", "fd"),
    [(False, {}, 10), (True, {10: None}, 10), (True, {1: None}, 10), (True, {}, None)],
    ids=["the kernel", "the link", "the program", "no link"],
)
def test_probes_whose_misses_nobody_counts_are_named(
    kernel: Counted, knows: bool, counts: dict[int, int | None], fd: int | None
) -> None:
    kernel.counts |= counts
    programs = [
        (program(1, ProbeKind.KPROBE, 1), [Link(fd, (1,))]),
        (program(2, ProbeKind.FENTRY, 0), [Link(20, (0,))]),
        (program(3, ProbeKind.USDT, 2), [Link(None, (2,))]),
    ]
    at_once = Misses(programs, lambda: knows)
    later = Misses([(program, []) for program, _ in programs], lambda: knows)
    at_once.begin()
    later.begin()
    for one, links in programs:
        later.extend(one, links)
    kernel.counts[2] = 9
    for made in (at_once, later):
        assert made.missed == (Missed((0,), 9, 9),)
        assert made.uncounted == (1,)


def test_what_is_attached_meanwhile_counts_from_then_on_and_for_all_probes_of_its_program(kernel: Counted) -> None:
    spare = program(1, ProbeKind.KPROBE, 0, 1, 2)
    made = Misses([(spare, [Link(10, (0,))])], yes)
    made.begin()
    kernel.counts |= {1: 1, 10: 2, 11: 40}  # of the second link, from before
    made.extend(spare, [Link(11, (1,))])
    made.extend(spare, [Link(12, (2,))])
    kernel.counts |= {1: 3, 11: 45}
    assert made.missed == (Missed((0,), 2, 2), Missed((0, 1, 2), 3, 3), Missed((1,), 5, 5))
    made.end()
    kernel.counts[11] = 100
    assert made.missed == (Missed((0,), 2, 2), Missed((0, 1, 2), 3, 3), Missed((1,), 5, 5))


@pytest.mark.parametrize("begun", [False, True])
def test_what_is_attached_while_nothing_is_counted_missed_nothing_yet(kernel: Counted, begun: bool) -> None:
    spare = program(1, ProbeKind.KPROBE, 0, 1)
    made = Misses([(spare, [Link(10, (0,))])], yes)
    if begun:
        made.begin()
        made.end()
    made.extend(spare, [Link(11, (1,))])
    kernel.counts |= {11: 7}
    assert not made.missed
    made.begin()
    kernel.counts |= {11: 9}
    assert made.missed == (Missed((1,), 2, 2),)


def test_without_kprobes_the_kernel_is_not_asked_whether_it_counts_what_they_miss(kernel: Counted) -> None:
    def asked() -> bool:
        raise AssertionError

    kernel.counts[1] = None  # a kernel that lets programs run within themselves
    made = Misses([(program(1, ProbeKind.RAW_TRACEPOINT, 0), [Link(10, (0,))])], asked)
    made.begin()
    assert (made.missed, made.uncounted) == ((), ())
