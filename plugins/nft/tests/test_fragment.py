"""What the compiled C reports of tables, chains and rules in made-up memory, in the layouts of several kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plugins.nft.tests.made_up import POLICY, RETURN, RULE, Memory, Nftables, nftables

from tracer_nft import verdicts

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.bpf

KERNELS = ("6.1", "6.12", "6.18")
HANDLE, CHAIN_HANDLE = 42 * 10**9, 9


@pytest.fixture(scope="module", params=KERNELS)
def tried(request: pytest.FixtureRequest) -> Iterator[Nftables]:
    with nftables(request.param) as made:
        yield made


def chain_in(memory: Memory, table: str, name: str, **base: int) -> tuple[int, int]:
    """A chain in a table of its own: addresses of the base chain that it is the chain of, and of itself."""
    owner = memory.struct("nft_table", name=memory.text(table), handle=7)
    members = {"chain__table": owner, "chain__name": memory.text(name), "chain__handle": CHAIN_HANDLE}
    address = memory.struct("nft_base_chain", 768, **members, **base)
    place = memory.kernel.member("nft_base_chain", "chain")
    assert place is not None
    return address, address + place.bit_offset // 8


@settings(max_examples=60)
@given(
    sizes=st.lists(st.integers(0, 60), min_size=1, max_size=20),
    which=st.integers(0, 19),
    code=st.sampled_from(sorted(verdicts.CODES.values())),
    handle=st.integers(0, (1 << 42) - 1),
)
def test_every_verdict_of_every_rule_is_reported_with_its_place(
    tried: Nftables, sizes: list[int], which: int, code: int, handle: int
) -> None:
    memory = tried.memory()
    base, chain = chain_in(memory, "filter", "input")
    _, target = chain_in(memory, "filter", "elsewhere")
    at = which % len(sizes)
    rules = memory.rules([(handle if n == at else n, size * 8) for n, size in enumerate(sizes)], chain)
    [nft] = tried.events(memory, chain=chain, rule=rules[at], code=code, kind=RULE, base=base, target=target)
    name = next(name for name, known in verdicts.CODES.items() if known == code)
    assert (nft.table_name, nft.table_handle) == (b"filter", 7)
    assert (nft.chain_name, nft.chain_handle) == (b"input", CHAIN_HANDLE)
    assert (nft.rule_handle, nft.verdict, nft.policy) == (handle, name, False)
    assert nft.verdict_chain_name == (b"elsewhere" if name in ("jump", "goto") else None)
    assert nft.rule is None


@pytest.mark.parametrize(("policy", "verdict"), [(0, "drop"), (1, "accept")])
def test_a_policy_is_reported_as_such_with_its_own_verdict_and_without_a_rule(
    tried: Nftables, policy: int, verdict: str
) -> None:
    memory = tried.memory()
    base, chain = chain_in(memory, "filter", "input", policy=policy)
    [nft] = tried.events(memory, chain=chain, rule=0, code=-1, kind=POLICY, base=base)
    assert (nft.chain_name, nft.verdict, nft.policy, nft.rule_handle) == (b"input", verdict, True, None)


@pytest.mark.parametrize("at", [0, 1])
def test_where_a_chain_ends_without_a_verdict_there_is_no_rule(tried: Nftables, at: int) -> None:
    memory = tried.memory()
    base, chain = chain_in(memory, "filter", "sub")
    rule = memory.rules([(5, 16)], chain)[at]
    [nft] = tried.events(memory, chain=chain, rule=rule, code=-1, kind=RETURN, base=base)
    assert (nft.chain_name, nft.verdict, nft.rule_handle) == (b"sub", "continue", None)


def test_a_rule_that_returns_is_named(tried: Nftables) -> None:
    memory = tried.memory()
    base, chain = chain_in(memory, "filter", "sub")
    [nft] = tried.events(memory, chain=chain, rule=memory.rules([(5, 16)], chain)[0], code=-5, kind=RETURN, base=base)
    assert (nft.verdict, nft.rule_handle) == ("return", 5)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [(3 | 40000 << 16, "queue"), (3 | 0x8000, "queue"), (0 | 1 << 16, "drop"), (2, "stolen"), (4, "repeat")],
)
def test_what_netfilter_puts_above_a_verdict_does_not_hide_it(tried: Nftables, code: int, verdict: str) -> None:
    memory = tried.memory()
    base, chain = chain_in(memory, "t", "c")
    [nft] = tried.events(memory, chain=chain, rule=memory.rules([(1, 8)], chain)[0], code=code, kind=RULE, base=base)
    assert nft.verdict == verdict


def test_names_end_after_127_bytes(tried: Nftables) -> None:
    memory = tried.memory()
    base, chain = chain_in(memory, "t" * 200, "c" * 127)
    [nft] = tried.events(memory, chain=chain, rule=memory.rules([(1, 8)], chain)[0], code=1, kind=RULE, base=base)
    assert (nft.table_name, nft.chain_name) == (b"t" * 127, b"c" * 127)


def test_a_chain_whose_end_cannot_be_found_has_no_name() -> None:
    with nftables("6.12") as tried:
        memory = tried.memory()
        base, chain = chain_in(memory, "t", "c")
        [nft] = tried.events(memory, chain=chain, rule=0x1000, code=1, kind=RULE, base=base)
        assert (nft.table_name, nft.chain_name, nft.verdict) == (b"", b"", "accept")


def test_the_end_of_a_long_chain_is_found() -> None:
    with nftables("6.12") as tried:
        memory = tried.memory()
        base, chain = chain_in(memory, "t", "c")
        rules = memory.rules([(n, 0) for n in range(1000)], chain)
        [nft] = tried.events(memory, chain=chain, rule=rules[0], code=1, kind=RULE, base=base)
        assert (nft.chain_name, nft.rule_handle) == (b"c", 0)


def codes_reported(tried: Nftables) -> set[int]:
    found = set()
    for code in range(-7, 8):
        memory = tried.memory()
        base, chain = chain_in(memory, "t", "c")
        rule = memory.rules([(1, 8)], chain)[0]
        if tried.events(memory, chain=chain, rule=rule, code=code, kind=RULE, base=base):
            found.add(code)
    return found


@pytest.mark.parametrize(
    ("wanted", "codes"),
    [(("drop", "accept"), {0, 1}), (("jump",), {-3}), (("all",), set(range(-5, 5))), (("repeat", "return"), {4, -5})],
)
@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_only_wanted_verdicts_make_an_event(kernel: str, wanted: tuple[str, ...], codes: set[int]) -> None:
    with nftables(kernel, *wanted) as tried:
        assert codes_reported(tried) == codes


def test_a_policy_is_wanted_or_not_by_what_it_decides() -> None:
    with nftables("6.12", "drop") as tried:
        for policy, code in ((0, 1), (1, 0)):
            memory = tried.memory()
            base, chain = chain_in(memory, "t", "c", policy=policy)
            events: list[Any] = tried.events(memory, chain=chain, rule=0, code=code, kind=POLICY, base=base)
            assert [nft.verdict for nft in events] == (["drop"] if policy == 0 else [])


@pytest.mark.parametrize("kernel", KERNELS)
def test_where_the_text_of_a_rule_can_be_found_is_reported_if_it_is_wanted(kernel: str) -> None:
    with nftables(kernel, rules=True) as tried:
        memory = tried.memory()
        base, chain = chain_in(memory, "t", "c")
        net = memory.struct("net", 8192, ns__inum=4026531999)
        rule = memory.rules([(12, 8)], chain)[0]
        [nft] = tried.events(memory, chain=chain, rule=rule, code=1, kind=RULE, base=base, net=net)
        # nothing was read
        assert nft.rule._asdict() == {
            "netns": 4026531999,
            "table_handle": 7,
            "handle": 12,
            "state": 2,
            "text": "",
        }
        [nft] = tried.events(tried.memory(), chain=chain, rule=0, code=1, kind=POLICY, base=base, net=net)
        assert nft.rule is None
