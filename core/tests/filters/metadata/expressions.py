"""Random metadata filters, as trees and as text."""

from __future__ import annotations

import ipaddress
from random import Random

from core.tests.filters.metadata.memory import NAMES
from core.tests.filters.metadata.model import Leaf

from tracer_core.filters.metadata.syntax import (
    Address,
    And,
    Comparison,
    Expression,
    Name,
    Not,
    Number,
    Operator,
    Or,
    Step,
    Text,
    Value,
)


def way(text: str) -> tuple[Step, ...]:
    """Steps of a text without masks."""
    steps = []
    for part in text.split("."):
        name, *rest = part.split(":")
        name, *indexes = name.split("[")
        mask, cast = (int(rest[0], 16), rest[1] if rest[1:] else "") if rest else (None, "")
        steps.append(Step(name, 0, tuple(int(index[:-1]) for index in indexes), mask, cast))
    return tuple(steps)


def leaf(text: str, owner: str, path: str, kind: str, *, index: int | None = None, size: int = 0) -> Leaf:
    return Leaf(way(text), owner, path, kind, index, size)


LEAVES = (
    leaf("sk_buff.mark", "sk_buff", "mark", "unsigned"),
    leaf("sk_buff.len", "sk_buff", "len", "unsigned"),
    leaf("skb.len", "sk_buff", "len", "unsigned"),
    leaf("sk_buff:0xffffffffffffffff:sk_buff.data_len", "sk_buff", "data_len", "unsigned"),
    leaf("sk_buff.protocol", "sk_buff", "protocol", "unsigned"),
    leaf("sk_buff.cloned", "sk_buff", "cloned", "unsigned"),
    leaf("sk_buff.pkt_type", "sk_buff", "pkt_type", "unsigned"),
    leaf("sk_buff.ip_summed", "sk_buff", "ip_summed", "unsigned"),
    leaf("sk_buff._nfct", "sk_buff", "_nfct", "unsigned"),
    leaf("sk_buff.dev", "sk_buff", "dev", "pointer"),
    leaf("sk_buff.dev.perm_addr[2]", "net_device", "perm_addr", "unsigned", index=2, size=1),
    leaf("sk_buff._nfct:0xfffffffffffffff8:nf_conn.timeout", "nf_conn", "timeout", "unsigned"),
    leaf("sk_buff.dev.mtu", "net_device", "mtu", "unsigned"),
    leaf("sk_buff.dev:0xffffffffffffffff.mtu", "net_device", "mtu", "unsigned"),
    leaf("sk_buff.dev.ifindex", "net_device", "ifindex", "signed"),
    leaf("sk_buff.dev.name", "net_device", "name", "string"),
    leaf("sk_buff.dev.perm_addr", "net_device", "perm_addr", "mac"),
    leaf("sk_buff.dev.nd_net.net.ns.inum", "net", "ns.inum", "unsigned"),
    leaf("sk_buff.sk.__sk_common.skc_daddr", "sock", "__sk_common.skc_daddr", "ipv4"),
    leaf("sock.__sk_common.skc_v6_daddr", "sock", "__sk_common.skc_v6_daddr", "ipv6"),
    leaf("sock.__sk_common.skc_net.net.ns.inum", "net", "ns.inum", "unsigned"),
    leaf("sk.__sk_common.skc_bound_dev_if", "sock", "__sk_common.skc_bound_dev_if", "signed"),
    leaf("sock.sk_rcvbuf", "sock", "sk_rcvbuf", "signed"),
    leaf("count", "", "count", "argument"),
    leaf("delta", "", "delta", "argument"),
)
BY_STEPS = {(*each.steps[:-1], Step(each.steps[-1].name, 0, each.steps[-1].indexes)): each for each in LEAVES}
BITS = {
    "cloned": 1,
    "pkt_type": 3,
    "ip_summed": 2,
    "protocol": 16,
    "_nfct": 64,
    "dev": 64,
    "timeout": 32,
    "perm_addr": 8,
}


class Expressions:
    """Makes filters.

    Args:
        random: Decides which.
    """

    def __init__(self, random: Random) -> None:
        self._random = random

    def expression(self, depth: int = 3) -> Expression:
        random = self._random
        kind = random.choice(("comparison", "not", "and", "or")) if depth else "comparison"
        if kind == "comparison":
            return self.comparison()
        if kind == "not":
            return Not(self.expression(depth - 1))
        parts = tuple(self.expression(depth - 1) for _ in range(random.randint(2, 3)))
        return And(parts) if kind == "and" else Or(parts)

    def comparison(self) -> Comparison:
        random, each = self._random, self._random.choice(LEAVES)
        *steps, last = each.steps
        equality = random.choice((Operator.EQ, Operator.NE))
        match each.kind:
            case "string":
                return Comparison(each.steps, equality, Text(random.choice(NAMES[:-1]) or b"x"))
            case "mac":
                return Comparison(each.steps, equality, Address(random.randbytes(6), random.randint(1, 48)))
            case "ipv4" | "ipv6":
                size = 4 if each.kind == "ipv4" else 16
                return Comparison(each.steps, equality, Address(random.randbytes(size), random.randint(1, 8 * size)))
        mask = None
        if each.kind in ("unsigned", "pointer") and random.random() < 0.3:
            mask = random.choice((1, 0x3, 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFF9))
        return Comparison((*steps, Step(last.name, 0, last.indexes, mask)), self.operator(), self.number(each))

    def operator(self) -> Operator:
        return self._random.choice(list(Operator))

    def number(self, each: Leaf) -> Number:
        random = self._random
        if each.kind == "signed" or each.path == "delta":
            bits = 7 if each.size == 1 else 31
            return Number(
                random.choice((0, -1, 1, -(1 << bits), (1 << bits) - 1, random.randint(-(1 << bits), (1 << bits) - 1)))
            )
        bits = BITS.get(each.steps[-1].name, 32)
        return Number(random.choice((0, 1, (1 << bits) - 1, random.getrandbits(bits), 0x100 & ((1 << bits) - 1))))


def written(expression: Expression, random: Random, *, inside: str = "") -> str:
    """A filter as text; spellings are chosen at random."""
    space = random.choice((" ", "  ", "\t"))
    match expression:
        case Comparison():
            return _comparison(expression, random)
        case Not(of):
            word = random.choice(("not ", "!"))
            text = written(of, random, inside="not")
            return f"{word}{text}"
        case And(parts):
            text = f"{space}{random.choice(('and', '&&'))}{space}".join(
                written(part, random, inside="and") for part in parts
            )
            return f"({text})" if inside in ("not", "and") else text
        case Or(parts):
            text = f"{space}{random.choice(('or', '||'))}{space}".join(
                written(part, random, inside="or") for part in parts
            )
            return f"({text})" if inside else text


def _comparison(comparison: Comparison, random: Random) -> str:
    way = ".".join(_step(step, random) for step in comparison.steps)
    if comparison.operator is Operator.NE and comparison.value == Number(0) and random.random() < 0.5:
        return way
    space = random.choice(("", " "))
    return f"{way}{space}{comparison.operator}{space}{_value(comparison.value, random)}"


def _step(step: Step, random: Random) -> str:
    text = step.name + "".join(f"[{_number(index, random)}]" for index in step.indexes)
    if step.mask is not None:
        inverted = step.mask ^ 0xFFFFFFFFFFFFFFFF
        text += f":~{_number(inverted, random)}" if random.random() < 0.5 else f":{_number(step.mask, random)}"
    return text + (f":{step.cast}" if step.cast else "")


def _value(value: Value, random: Random) -> str:
    match value:
        case Number(number):
            return f"-{_number(-number, random)}" if number < 0 else _number(number, random)
        case Text(data):
            quote = random.choice("'\"")
            return f"{quote}{data.decode()}{quote}"
        case Address(data, prefix) if len(data) == 6:
            return f"{data.hex(':')}/{prefix}"
        case Address(data, prefix):
            return f"{ipaddress.ip_address(data)}/{prefix}"
        case Name(name):
            return name


def _number(number: int, random: Random) -> str:
    return random.choice((str, hex, bin))(number)
