"""What filters compile to says of made-up memory what the model says, with plain loads and with probe reads."""

from __future__ import annotations

import ctypes
from pathlib import Path
from random import Random

import pytest
from core.tests.filters.metadata.expressions import BY_STEPS, Expressions, written
from core.tests.filters.metadata.memory import Memory
from core.tests.filters.metadata.model import Model, Passed
from core.tests.filters.oracles import shared_library
from core.tests.filters.rounds import SEEDS

from tracer_core.compose.names import argument_name
from tracer_core.filters.metadata.condition import Condition
from tracer_core.filters.metadata.place import Placer
from tracer_core.filters.metadata.roots import Passed as Given
from tracer_core.filters.metadata.syntax import Expression
from tracer_core.filters.metadata.translate import Translator, asked, header
from tracer_core.filters.metadata.wanted import metadata_filter
from tracer_core.kernel.view import Param, Prototype, TypedKernel

FILTERS, MEMORIES = 60, 60
PARAMS = (("skb", "struct sk_buff *"), ("sk", "struct sock *"), ("count", "unsigned int"), ("delta", "int"))
PROTOTYPE = Prototype(tuple(Param(*param) for param in PARAMS), "int", "", 0)
TYPES = ("struct sk_buff *", "struct sock *")


class Context(ctypes.Structure):
    """``struct tracer_ctx`` of the shim."""

    _fields_ = (
        ("args", ctypes.c_void_p),
        ("typed", ctypes.c_uint64),
        ("sk_buff", ctypes.c_void_p),
        ("sock", ctypes.c_void_p),
        ("reason", ctypes.c_uint32),
    )


class Native:
    """Conditions compiled by the C compiler of the machine."""

    def __init__(self, folder: Path, conditions: list[Condition]) -> None:
        distinct = tuple(dict.fromkeys(conditions))
        entries = "\n".join(
            f"bool run_{n}(struct tracer_ctx *ctx) {{ return {asked(distinct.index(condition))}(ctx); }}"
            for n, condition in enumerate(conditions)
        )
        memory = "void set_arena(const char *at, u64 size) { arena = at; arena_size = size; }"
        text = Translator(distinct, argument_name).text()
        shim = Path(__file__).with_name("shim.c").read_text()
        whole = "\n".join((shim, header().text, text, entries, memory))
        flags = ("-O1", "-Wno-parentheses", "-Wno-type-limits", "-Wno-tautological-compare")
        self.lib = shared_library(folder, whole, *flags)

    def judge(self, number: int, memory: Memory, passed: Passed, *, typed: bool) -> bool:
        values = [passed.roots["skb"], passed.roots["sk"], passed.arguments["count"], passed.arguments["delta"]]
        args = (ctypes.c_uint64 * len(values))(*(value & (1 << 64) - 1 for value in values))
        context = Context(ctypes.addressof(args), typed, passed.roots["sk_buff"], passed.roots["sock"], 0)
        self.lib.set_arena(ctypes.c_void_p(memory.address), ctypes.c_uint64(len(memory.buffer)))
        function = self.lib[f"run_{number}"]
        function.restype = ctypes.c_bool
        return bool(function(ctypes.byref(context)))


def passed(memory: Memory, random: Random) -> Passed:
    skb = memory.places["sk_buff"] if random.random() < 0.9 else 0
    sk = memory.places["sock"] if random.random() < 0.9 else 0
    arguments = {
        "count": random.choice((0, 1, 0xFFFFFFFF, random.getrandbits(32))),
        "delta": random.choice((0, -1, 1, -5)),
    }
    return Passed({"sk_buff": skb, "skb": skb, "sock": sk, "sk": sk}, arguments)


def placed(kernel: TypedKernel, text: str) -> Condition:
    placer = Placer(metadata_filter([text]), kernel)
    return placer.at(Given(PROTOTYPE, TYPES, 6, returns=False), tolerant=False)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("typed", [False, True], ids=["probe reads", "plain loads"])
def test_compiled_filters_and_the_model_agree(kernel: TypedKernel, tmp_path: Path, typed: bool, seed: int) -> None:
    random = Random(f"{kernel.release} {typed} {seed}")  # noqa: S311 - made-up, the same each time
    made = Expressions(random)
    expressions: list[Expression] = [made.expression(random.randrange(4)) for _ in range(FILTERS)]
    texts = [written(each, random) for each in expressions]
    native = Native(tmp_path, [placed(kernel, text) for text in texts])
    verdicts = set()
    for _ in range(MEMORIES):
        memory = Memory(kernel, random, safe=typed)
        given = passed(memory, random)
        model = Model(kernel, memory, given, BY_STEPS)
        for number, (text, expression) in enumerate(zip(texts, expressions, strict=True)):
            expected = model.judge(expression)
            assert native.judge(number, memory, given, typed=typed) is expected, text
            verdicts.add((number, expected))
    # most filters let some pass and others not
    assert len(verdicts) > 1.3 * FILTERS
