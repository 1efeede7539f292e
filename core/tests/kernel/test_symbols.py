"""kallsyms: names and addresses, found by scan or by table."""

from __future__ import annotations

import pytest

from tracer_core.kernel.symbols import Symbols

_TEXT = b"""\
ffffffff81000000 T _text
ffffffff81000000 T first
ffffffff81000100 t skb_free
ffffffff81000100 t $x
ffffffff81000200 T skb_free_head
ffffffff81000300 t twin
ffffffff81000400 t twin
ffffffffc0000000 t in_module\t[veth]
ffffffffc0000010 t last\t[veth]
"""


@pytest.fixture(params=["scan", "table"])
def symbols(request: pytest.FixtureRequest) -> Symbols:
    symbols = Symbols(_TEXT)
    if request.param == "table":
        for number in range(100):
            symbols.address(f"nothing_{number}")
    return symbols


def test_a_name_is_matched_as_a_whole(symbols: Symbols):
    assert symbols.address("skb_free") == 0xFFFFFFFF81000100
    assert symbols.address("skb_free_head") == 0xFFFFFFFF81000200
    assert symbols.address("skb_fre") is None
    assert symbols.address("free") is None


def test_symbols_of_modules_have_addresses(symbols: Symbols):
    assert symbols.address("in_module") == 0xFFFFFFFFC0000000
    assert symbols.address("[veth]") is None


def test_of_two_symbols_of_a_name_the_first_listed_counts(symbols: Symbols):
    assert symbols.address("twin") == 0xFFFFFFFF81000300


def test_of_two_names_for_an_address_the_first_listed_counts():
    assert Symbols(_TEXT).at(0xFFFFFFFF81000000) == ("_text", 0)


def test_an_address_belongs_to_the_nearest_symbol_below():
    symbols = Symbols(_TEXT)
    assert symbols.at(0xFFFFFFFF810001FF) == ("skb_free", 0xFF)
    assert symbols.at(0xFFFFFFFFC0000020) == ("last", 0x10)
    assert symbols.at(0xFFFFFFFF80FFFFFF) is None


def test_names_need_not_be_sorted_by_address():
    text = b"0000000000000020 t b\n0000000000000010 t a\n"
    assert Symbols(text).at(0x1F) == ("a", 0xF)


def test_hidden_addresses_are_zero_and_belong_to_nobody():
    symbols = Symbols(b"0000000000000000 T _text\n0000000000000000 t tcp_v4_rcv\n")
    assert symbols.hidden
    assert symbols.address("tcp_v4_rcv") == 0
    assert symbols.address("missing") is None
    assert symbols.at(0) is None


def test_one_visible_address_means_that_none_is_hidden():
    assert not Symbols(b"0000000000000000 A percpu\nffffffff81000000 T _text\n").hidden


def test_a_last_line_without_end_counts():
    assert Symbols(b"0000000000000010 t a\n0000000000000020 t b").address("b") == 0x20


def test_no_symbols_at_all_is_no_error():
    symbols = Symbols(b"")
    assert symbols.address("x") is None
    assert symbols.at(1) is None


def test_functions_of_one_name_are_counted():
    symbols = Symbols(b"0000000000000010 t same\n0000000000000020 T other\n0000000000000030 t same\t[module]\n")
    assert [symbols.count(name) for name in ("same", "other", "missing")] == [2, 1, 0]
