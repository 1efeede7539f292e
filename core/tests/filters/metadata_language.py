"""The language of metadata filters, to be fuzzed: ways through the kernel's types, damaged ones, words and noise."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from random import Random

from core.tests.filters.fuzz import Language
from core.tests.filters.metadata.expressions import Expressions, written
from core.tests.filters.mutations import mutated, noise, soup

from tracer_core.backend.abilities import LiveAbilities
from tracer_core.backend.bcc import BccBackend
from tracer_core.backend.machine import running_machine
from tracer_core.compose.compose import compose
from tracer_core.filters.metadata.place import Placer
from tracer_core.filters.metadata.roots import Passed
from tracer_core.filters.metadata.wanted import metadata_filter
from tracer_core.kernel.btf import Btf
from tracer_core.kernel.btf_types import BtfType, Kind
from tracer_core.kernel.live import LiveKernel
from tracer_core.kernel.view import Param, Prototype
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Request
from tracer_core.plugins.declare import declare
from tracer_core.plugins.host import Host
from tracer_core.types import Probe

_WORDS = r"""
and or not && || ! ( ) [ ] : ~ . == != < > <= >= = 0 1 -1 0x 0xff 0b1 4294967296 18446744073709551616
sk_buff net_device sock skb sk count delta retval reason skb_drop_reason mark dev name len _nfct nf_conn cb
'eth0' "lo" 'x ' '' 192.0.2.1 10.0.0.0/8 2001:db8::/32 ::1 02:00:00:00:00:01 1.2.3 SKB_DROP_REASON_NO_SOCKET
~0x7 ~0 sk_buff.mark sk_buff.dev.name [0] [4096] :~0x7:nf_conn
"""
WORDS = tuple(_WORDS.split(" "))
ROOTS = ("sk_buff", "net_device", "sock")
PARAMS = (("skb", "struct sk_buff *"), ("sk", "struct sock *"), ("count", "unsigned int"), ("delta", "int"))
_CLEAN = 0.5  # of expressions are as the grammar has them
_SENSELESS = 0.3  # texts that never were one, for each that was
_DEEP = 6
_VALUES = (
    "0",
    "1",
    "-1",
    "0xffff",
    "4294967295",
    "'eth0'",
    "192.0.2.0/24",
    "2001:db8::1",
    "02:00:00:00:00:01",
    "TCP_LISTEN",
)


@cache
def _kernel() -> LiveKernel:
    return LiveKernel()


def way(random: Random) -> str:
    """A comparison of something that is to be found from one of the roots."""
    btf, steps = _kernel().btf, [random.choice(ROOTS)]
    found = btf.find(steps[0], Kind.STRUCT)
    while found is not None and len(steps) < _DEEP and (members := list(btf.members(found))):
        member = random.choice(members)
        steps.append(member.name)
        mask = random.choice((":~0", ":0xff", ":1", ":~0x7:nf_conn")) if random.random() < 0.1 else ""
        found, index = _goes_on(btf, member.type_id, random)
        steps[-1] += index + mask
    text = ".".join(steps)
    if random.random() < 0.3:
        return text
    return f"{text} {random.choice(('==', '!=', '<', '>=', '>', '<='))} {random.choice(_VALUES)}"


def _goes_on(btf: Btf, type_id: int, random: Random) -> tuple[BtfType | None, str]:
    """What has members there, and the index by which it is reached, if it is an array's."""
    found, index = btf.resolve(type_id), ""
    while found.kind is Kind.ARRAY:
        index += f"[{random.randrange(found.length + 1)}]"
        found = btf.resolve(found.ref)
    if found.kind is Kind.PTR:
        found = btf.resolve(found.ref)
    return (found if found.kind in (Kind.STRUCT, Kind.UNION) else None), index


def texts(seed: int) -> Iterator[str]:
    """Endless texts."""
    random = Random(seed)  # noqa: S311 - not for secrets
    made = Expressions(random)
    while True:
        text = written(made.expression(random.randrange(5)), random) if random.random() < 0.5 else way(random)
        yield text if random.random() < _CLEAN else mutated(random, text, WORDS)
        if random.random() < _SENSELESS:
            yield random.choice((soup, soup, soup, noise))(random, WORDS)


def take(text: str) -> None:
    """As a plan does at a function, whose return is probed, too."""
    kernel, wanted = _kernel(), metadata_filter([text])
    prototype = Prototype(tuple(Param(*param) for param in PARAMS), "int", "", 0)
    placer = Placer(wanted, kernel)
    types = ("struct sk_buff *", "struct net_device *", "struct sock *")
    placer.at(Passed(prototype, types, 6, returns=True), tolerant=False)
    placer.finish()


def load(text: str) -> None:
    """As a run does at tracepoints that are given a packet, a device and a reason."""
    kernel, machine, collector = _kernel(), running_machine(), Host().collector("skb")
    abilities = LiveAbilities(lambda: kernel.btf)
    probes = tuple(map(Probe.tracepoint, ("net:net_dev_start_xmit", "skb:kfree_skb")))
    wanted = Request(probes, abilities=abilities, metadata=metadata_filter([text]))
    made = plan([declare(collector, kernel, collector.spec.options())], wanted, kernel)
    with BccBackend(machine) as backend:
        backend.compile(made, compose(made, kernel, machine))
        backend.load()


LANGUAGE = Language(texts, take, load)
