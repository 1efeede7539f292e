"""Hypothesis strategies: expressions of ``pcap-filter(7)``, and classic programs that libpcap would not write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from core.tests.filters.pools import HOSTS, HOSTS6, LABELS, MACS, NETS, NETS6, PORTS, VLANS
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tracer_core.filters.classic import RET_A, SIZES, TXA, Alu, Class, Instruction, Jump, Mode, Program, X

T = TypeVar("T")

one = st.sampled_from
directions = one(["", "src ", "dst ", "src or dst ", "src and dst "])
layers = one(["ip", "ip6", "tcp", "udp", "icmp", "ether", "arp", "sctp", "igmp"])
bases = one(["ip", "ip", "tcp", "udp", "icmp", "ether", "arp", "ip6", "ip6"])
sizes = one(["", "", ":1", ":2", ":4"])
numbers = st.one_of(st.integers(0, 64), one([80, 443, 0x0800, 0x45, 255, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]))
relations = one(["=", "!=", "<", ">", "<=", ">=", "=="])

primitives = st.one_of(
    st.builds("{}{} {}".format, directions, one(["host"]), one(HOSTS + HOSTS6)),
    st.builds("{}net {}".format, directions, one(NETS + NETS6)),
    st.builds("{}{}{} {}".format, one(["", "tcp ", "udp ", "sctp "]), directions, one(["port"]), one(PORTS)),
    st.builds(
        "{}{}portrange {}-{}".format, one(["", "tcp ", "udp "]), directions, st.integers(0, 500), st.integers(400, 9000)
    ),
    st.builds("ip proto {}".format, one([1, 6, 17, 132, 47, 0])),
    st.builds("ip6 proto {}".format, one([6, 17, 58, 44])),
    st.builds("{} protochain {}".format, one(["ip6", "ip"]), one([6, 17, 58])),
    st.builds("ether {}host {}".format, directions, one(MACS)),
    st.builds("ether proto {}".format, one(["0x800", "0x806", "0x86dd", "30", r"\ip", r"\arp", "0x42"])),
    one(["ip", "ip6", "arp", "tcp", "udp", "icmp", "icmp6", "sctp", "igmp", "stp", "llc"]),
    one(["ether broadcast", "ether multicast", "ip multicast", "ip6 multicast", "broadcast", "multicast"]),
    st.builds("{} {}".format, one(["less", "greater"]), st.integers(0, 300)),
    one(["vlan", "mpls", "pppoes", "geneve", "pppoes 5", "geneve 5"]),
    st.builds("vlan {}".format, one(VLANS)),
    st.builds("mpls {}".format, one(LABELS)),
    st.builds("ip host {} and {} {}".format, one(HOSTS), one(["not", ""]), one(HOSTS)),
)

operators = one(["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"])
arithmetic = st.recursive(
    st.one_of(
        numbers.map(str),
        one(["len", "tcp[tcpflags]", "icmp[icmptype]", "tcp-syn"]),
        st.builds("{}[{}{}]".format, bases, st.integers(0, 70), sizes),
    ),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, operators, inner),
        st.builds("(- {})".format, inner),
        # an index that is not a constant
        st.builds("{}[{} & {}{}]".format, bases, inner, one([3, 15, 63]), sizes),
        st.builds("{}[{}{}]".format, bases, inner, sizes),
    ),
    max_leaves=10,
)
comparisons = st.builds("{} {} {}".format, arithmetic, relations, arithmetic)

expressions = st.recursive(
    st.one_of(primitives, primitives, comparisons),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, one(["and", "or", "&&", "||"]), inner),
        st.builds("not {}".format, inner.map(lambda text: f"({text})")),
        st.builds("({}) and ({}) or ({})".format, inner, inner, inner),
    ),
    max_leaves=12,
)
"""What users write, and what they would not."""

_depths = one([2, 10, 100, 1000])
_odd = one(["0", "00", "08", "0x", "2147483648", "4294967295", "4294967296", "0xffffffff", "1" * 50, "65536", "256"])
_chains = st.builds(lambda count, text, word: word.join([text] * count), _depths, primitives, one([" and ", " or "]))
_distinct = st.builds(
    lambda count, direction: " or ".join(f"{direction}host 10.{n // 250}.{n % 250}.1" for n in range(count)),
    one([30] * 8 + [150] * 4 + [700]),
    directions,
)
rare = st.one_of(
    st.builds(lambda depth, inner: "(" * depth + inner + ")" * depth, _depths, expressions),
    st.builds(lambda depth, inner: "not " * depth + f"({inner})", _depths, expressions),
    st.builds(lambda depth, inner: f"{inner} and (" * depth + inner + ")" * depth, one([2, 10, 50]), primitives),
    st.builds(lambda depth, base: f"{base}[" * depth + "0" + "]" * depth + " = 1", one([2, 5, 14, 15, 16, 60]), bases),
    st.builds(lambda depth, each: "+".join([each] * depth) + " > 5", _depths, arithmetic),
    st.builds("{}[{}:{}] {} {}".format, bases, _odd, _odd, relations, _odd),
    st.builds("{} {} {}".format, _odd, relations, _odd),
    st.builds("{} {}".format, one(["port", "portrange 1-", "vlan", "mpls", "less", "ip proto", "geneve", "net"]), _odd),
    _chains,
    _distinct,
    st.lists(one(["vlan", "mpls", "pppoes", "geneve", "ip", "not vlan"]), max_size=30).map(" and ".join),
    st.builds("net {} mask {}".format, one(HOSTS), one(["255.255.255.0", "128.0.0.0", "255.0.255.0"])),
    one(
        [
            "gateway 192.0.2.1",
            "on eth0",
            "inbound",
            "ether[0:3] = 1",
            "iso proto esis",
            "atalk",
            "wlan type mgt",
            "llc u",
        ]
    ),
    one(
        [
            "type mgt subtype beacon",
            "vpi 5",
            "oam",
            "link[0] = 1",
            "radio[0] = 1",
            "dir 1",
            "tcp[tcpflags] & tcp-ack != 0",
        ]
    ),
)
"""What nobody writes: deep, long, odd."""

offsets = st.one_of(st.integers(0, 70), st.integers(0, 150), one([0xFFFF, 0x7FFFFFFF, 0x7FFFFFFC]))
words = st.integers(0, 15)
constants = st.one_of(st.integers(0, 40), numbers, st.integers(0, 0xFFFFFFFF), one([2**32 - 4, 2**32 - 14]))
packet_loads = one([mode | size for mode in (Mode.ABS, Mode.IND) for size in SIZES])


def _alu(alu: Alu, source: int, k: int) -> Instruction:
    if alu is Alu.NEG:
        return Instruction(Class.ALU | alu)
    if not source and alu in (Alu.LSH, Alu.RSH):
        k %= 32
    if not source and alu in (Alu.DIV, Alu.MOD):
        k = k or 3
    return Instruction(Class.ALU | alu | source, k=k)


def _load(code: int, k: int, far: int) -> Instruction:
    # before the packet, only an index can lead
    return Instruction(Class.LD | code, k=far if Mode(code & 0xE0) is Mode.IND and far % 5 == 0 else k)


make = st.builds
steps = st.one_of(
    make(_load, packet_loads, offsets, constants),
    make(_load, packet_loads, offsets, constants),
    make(Instruction, one([Class.LD | Mode.IMM, Class.LDX | Mode.IMM]), k=constants),
    make(Instruction, one([Class.LD | Mode.LEN, Class.LDX | Mode.LEN])),
    make(Instruction, one([Class.LD | Mode.MEM, Class.LDX | Mode.MEM, Class.ST, Class.STX]), k=words),
    make(Instruction, st.just(Class.LDX | Mode.MSH | 0x10), k=offsets),
    make(_alu, one(Alu), one([0, X]), constants),
    make(_alu, one(Alu), one([0, X]), constants),
    make(Instruction, one([Class.MISC, Class.MISC | TXA])),
    make(
        Instruction,
        st.builds(lambda jump, source: Class.JMP | jump | source, one(list(Jump)[1:]), one([0, X])),
        st.integers(0, 12),
        st.integers(0, 12),
        constants,
    ),
    make(Instruction, st.just(Class.JMP | Jump.JA), k=st.integers(0, 12)),
    make(Instruction, one([Class.RET, Class.RET | RET_A]), k=one([0, 1, 0xFFFFFFFF])),
)


def _program(stores: Sequence[int], body: Sequence[Instruction], last: Instruction) -> Program:
    """With jumps that stay inside, and every word of scratch memory written before it is read: the kernel wants it."""
    first = [Instruction(Class.LD | Mode.IMM, k=stores[0]), Instruction(Class.LDX | Mode.IMM, k=stores[1])]
    first += [Instruction((Class.ST, Class.STX)[word in stores], k=word) for word in range(16)]
    result = []
    for at, each in enumerate(body):
        room = len(body) - at  # instructions behind this one, the last RET among them
        if each.code == Class.JMP | Jump.JA:
            result.append(Instruction(each.code, k=each.k % room))
        elif each.kind is Class.JMP:
            result.append(Instruction(each.code, each.jt % room, each.jf % room, each.k))
        else:
            result.append(each)
    return (*first, *result, last)


programs = st.builds(
    _program,
    st.lists(st.integers(0, 60), min_size=2, max_size=4),
    st.lists(steps, min_size=1, max_size=40),
    make(Instruction, one([Class.RET, Class.RET | RET_A, Class.RET | RET_A]), k=one([0, 1])),
)
"""Valid programs with all instructions there are."""


def collected(strategy: st.SearchStrategy[T], count: int, number: int = 0) -> list[T]:
    """That many examples, always the same for a *number*: for what is compiled many at a time."""
    found: list[T] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: T) -> None:
        found.append(example)

    collect()
    return found
