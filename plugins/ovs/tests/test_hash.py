"""The hash by which a packet is known on both sides of the border: compiled, against lookup3 as it is defined."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_core.api import BpfSource
from tracer_core.backend.machine import running_machine
from tracer_core.compose.compose import compose
from tracer_core.kernel.live import LiveKernel
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request, parse_probe
from tracer_core.plugins.declare import declare
from tracer_core.plugins.host import Host
from tracer_core.testing.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULT_AT = 8192
PACKET, KEY = 64, 128

_C = """
int hash_{name}(u64 *args)
{{
	u32 key = 0, words[{size} / 4];
	struct tracer_trial *trial = tracer_trial.lookup(&key);

	if (!trial)
		return 0;
	ovs_read(words, {size}, bpf_probe_read_kernel, trial->memory, args[0]);
	*(u32 *)(trial->memory + {result}) = ovs_hash(words, {size} / 4);
	return 0;
}}
"""


MASK = 0xFFFFFFFF


def rotated(word: int, by: int) -> int:
    return (word << by | word >> 32 - by) & MASK


def lookup3(data: bytes) -> int:
    """``hashlittle()`` of Bob Jenkins' lookup3, 0 as initial value."""
    a: int
    a = b = c = (0xDEADBEEF + len(data)) & MASK
    while len(data) > 12:
        a, b, c = (part + word & MASK for part, word in zip((a, b, c), struct.unpack_from("<3I", data), strict=True))
        for amount in (4, 6, 8, 16, 19, 4):
            a, b, c = b, (c + b) & MASK, ((a - c) & MASK) ^ rotated(c, amount)
        data = data[12:]
    if not data:
        return int(c)
    words = struct.unpack("<3I", data.ljust(12, b"\0"))
    a, b, c = (part + word & MASK for part, word in zip((a, b, c), words, strict=True))
    for amount in (14, 11, 25, 16, 4, 14, 24):
        a, b, c = b, ((c ^ b) - rotated(b, amount)) & MASK, a
    return int(b)


@pytest.mark.parametrize(("data", "expected"), [(b"", 0xDEADBEEF), (b"Four score and seven years ago", 0x17770551)])
def test_our_lookup3_is_that_of_its_author(data: bytes, expected: int) -> None:
    assert lookup3(data) == expected


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    kernel = LiveKernel()
    collector = Host().collector("skb")
    declaration = declare(collector, kernel, collector.spec.options())
    probes = (parse_probe("tp:net:netif_receive_skb"),)
    made = plan([declaration], Request(probes, abilities=Fixed(typed=False)), kernel)
    source = BpfSource.resource("tracer_ovs", "bpf/hash.bpf.h").text
    functions = "".join(_C.format(name=size, size=size, result=RESULT_AT) for size in (PACKET, KEY))
    names = [f"hash_{size}" for size in (PACKET, KEY)]
    with Trial(made, compose(made, kernel, running_machine()), extra=source + functions, functions=names) as made_up:
        yield made_up


@pytest.mark.bpf
@settings(max_examples=200)
@given(st.sampled_from([PACKET, KEY]), st.binary(max_size=160))
def test_the_compiled_hash_is_lookup3_of_what_is_there_and_zeros(trial: Trial, size: int, data: bytes) -> None:
    trial.memory[: len(data)] = data
    trial.call(f"hash_{size}", len(data))
    (found,) = struct.unpack_from("<I", trial.memory, RESULT_AT)
    assert found == lookup3(data[:size].ljust(size, b"\0"))
