"""Filters in the kernel: compiled as in a run, accepted by its verifier, with the verdicts that they have elsewhere."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
from core.tests.filters.agreement import Case
from core.tests.filters.expressions import collected, expressions, programs
from core.tests.filters.in_kernel import InKernel, stack_bytes
from core.tests.filters.interpreter import interpret
from core.tests.filters.oracles import Sample
from core.tests.filters.samples import samples
from core.tests.filters.test_agreement import cases

from tracer_core.filters.classic import Program
from tracer_core.filters.packet import MAX_INSTRUCTIONS
from tracer_core.filters.pcap import LinkType, compile_expression
from tracer_core.filters.translate import function

pytestmark = pytest.mark.bpf

SMALL = 100  # classic instructions: many such compile in a moment
USUAL = (
    "icmp",
    "vlan and icmp",
    "vlan 5",
    "not vlan",
    "host 192.0.2.1 and tcp port 443",
    "ip6 and udp portrange 50-500",
    "mpls 100 and ip",
    "tcp[tcpflags] & tcp-syn != 0",
    "vlan and ip[ip[0] & 15] > 7",
    "len > 100 and ether[len - 4] < 128",
    "vlan and ether[ether[14:2] & 31:2] & 0x40ff != 5",
    "ip[4] / ip[5] = 1 or ip[6] << ip[7] = 0",
)


def check(tried: Sequence[Case], packets: Sequence[Sample]) -> int:
    """Compare verdicts in the kernel with those of the plain interpreter; how many match."""
    texts = {f"filter_{n}": function(f"filter_{n}", [case.program], tagged=case.tagged) for n, case in enumerate(tried)}
    matches = 0
    with InKernel(texts) as kernel:
        for sample in packets:
            kernel.put(sample)
            for name, case in zip(texts, tried, strict=True):
                seen = sample.on_the_wire() if case.tagged else sample.without_tag()
                expected = interpret(case.program, seen.data[: seen.linear], len(seen.data)).verdict != 0
                assert kernel.verdict(name) == expected, (case.text, sample)
                matches += expected
        assert max(stack_bytes(code) for code in kernel.code.values()) <= 176
        assert max(kernel.processed.values()) < 50_000, "the verifier has too many ways to follow"
    return matches


@pytest.fixture(scope="module")
def packets() -> list[Sample]:
    return random.Random(5).sample(samples(5, rounds=4), 150)  # noqa: S311 - not for secrets


def test_usual_filters(packets: list[Sample]) -> None:
    tried = [Case(text, compile_expression(text, LinkType.ETHERNET), "vlan" in text) for text in USUAL]
    assert check(tried, packets) > 100


def test_generated_filters(packets: list[Sample]) -> None:
    tried = [case for case in cases(collected(expressions, 300, 7), LinkType.ETHERNET) if len(case.program) <= SMALL]
    assert check(tried[:60], packets) > 100


def test_programs_that_nobody_would_write(packets: list[Sample]) -> None:
    tried = [Case(f"{n}", program, n % 2 == 0) for n, program in enumerate(collected(programs, 60, 7))]
    assert check(tried, packets) > 100


TERMS = {
    "hosts": lambda n: f"host 10.{n % 7}.{n % 251}.{n % 13} or net 192.{n % 256}.0.0/16",
    "hosts with ports": lambda n: f"(host 10.{n // 250}.{n % 250}.1 and tcp port {n + 1})",
    "addresses of Ethernet": lambda n: f"ether host 2:0:0:{n // 250:x}:{n % 250:x}:{n % 13:x}",
    "addresses of IPv6": lambda n: f"ip6 host 2001:db8::{n + 1:x}",
    "lengths": lambda n: f"(len = {n + 40} and not ip[{n % 20}] = {n % 200})",
    "sums": lambda n: f"ip[{n % 40}] + tcp[{n % 30}:2] > {n * 97 + 20000}",
    "scratch": lambda n: f"(ip[{n % 40}] * udp[{n % 9}] - (ip[{n % 7}:2] | ip[ip[{n % 11}] & 31])) & {n + 3} = {n}",
}


@pytest.mark.parametrize("shape", TERMS)
def test_the_largest_filters_load(shape: str, packets: list[Sample]) -> None:
    case = Case(shape, largest(TERMS[shape]))
    assert MAX_INSTRUCTIONS * 9 // 10 < len(case.program) <= MAX_INSTRUCTIONS
    check([case], packets)


def largest(term: Callable[[int], str]) -> Program:
    """A program that is about as large as one may be."""

    def alternatives(count: int) -> Program:
        return compile_expression(" or ".join(map(term, range(count))), LinkType.ETHERNET)

    count = 20
    while len(program := alternatives(count)) < MAX_INSTRUCTIONS * 19 // 20:
        count += max(1, count * (MAX_INSTRUCTIONS - len(program)) // len(program) // 2)
    return program
