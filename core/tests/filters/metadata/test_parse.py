"""The text of metadata filters: what it says, and where it is wrong."""

from __future__ import annotations

from random import Random

import pytest
from core.tests.filters.metadata.expressions import Expressions, written
from hypothesis import given
from hypothesis import strategies as st

from tracer_core.errors import UsageError
from tracer_core.filters.metadata.parse import MAX_COMPARISONS, parse
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
)


def shape(expression: Expression) -> object:
    """An expression without where it stands."""
    match expression:
        case Comparison(steps, operator, value):
            way = tuple(Step(step.name, 0, step.indexes, step.mask, step.cast) for step in steps)
            return Comparison(way, operator, value)
        case Not(of):
            return ("not", shape(of))
        case And(parts):
            return ("and", *map(shape, parts))
        case Or(parts):
            return ("or", *map(shape, parts))


def names(text: str) -> object:
    """The structure of an expression, comparisons by the names of their roots."""

    def of(expression: Expression) -> object:
        match expression:
            case Comparison(steps):
                return steps[0].name
            case Not(inner):
                return ("not", of(inner))
            case And(parts):
                return ("and", *map(of, parts))
            case Or(parts):
                return ("or", *map(of, parts))

    return of(parse(text).expression)


@given(seed=st.integers(0, 2**64))
def test_what_is_written_is_read_back(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - made-up, the same each time
    expression = Expressions(random).expression(4)
    assert shape(parse(written(expression, random)).expression) == shape(expression)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a or b and c", ("or", "a", ("and", "b", "c"))),
        ("a && b || c && d", ("or", ("and", "a", "b"), ("and", "c", "d"))),
        ("(a or b) and c", ("and", ("or", "a", "b"), "c")),
        ("not a and b", ("and", ("not", "a"), "b")),
        ("not (a and b)", ("not", ("and", "a", "b"))),
        ("!a||!!b", ("or", ("not", "a"), ("not", ("not", "b")))),
        ("android and nothing or order", ("or", ("and", "android", "nothing"), "order")),
        ("a.and1 or b", ("or", "a", "b")),
    ],
)
def test_and_binds_more_than_or_and_not_more_than_both(text: str, expected: object) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    ("text", "steps", "operator", "value"),
    [
        ("sk_buff.cloned", "sk_buff cloned", "!=", Number(0)),
        ("sk_buff.u6_addr8[3] == 0b101", "sk_buff u6_addr8", "==", Number(5)),
        ("sk_buff . mark\t>=\t0x1F", "sk_buff mark", ">=", Number(31)),
        ("skb.dev.ifindex<-1", "skb dev ifindex", "<", Number(-1)),
        ("skb.dev.name == 'a \"b\"'", "skb dev name", "==", Text(b'a "b"')),
        ('skb.dev.name != "it\'s"', "skb dev name", "!=", Text(b"it's")),
        ("reason == SKB_DROP_REASON_NO_SOCKET", "reason", "==", Name("SKB_DROP_REASON_NO_SOCKET")),
        ("a == 192.0.2.1", "a", "==", Address(bytes([192, 0, 2, 1]), 32)),
        ("a == 192.0.2.0/24", "a", "==", Address(bytes([192, 0, 2, 0]), 24)),
        ("a == fe80::/10", "a", "==", Address(bytes.fromhex("fe80") + bytes(14), 10)),
        ("a == ::1", "a", "==", Address(bytes(15) + b"\1", 128)),
        ("a == 2:0:5e:0:53:ff", "a", "==", Address(bytes.fromhex("02005e0053ff"), 48)),
    ],
)
def test_a_comparison_has_a_way_an_operator_and_a_value(text: str, steps: str, operator: str, value: object) -> None:
    found = parse(text).expression
    assert isinstance(found, Comparison)
    assert [step.name for step in found.steps] == steps.split()
    assert (found.operator, found.value) == (Operator(operator), value)


def test_masks_casts_and_indexes_belong_to_their_step() -> None:
    found = parse("sk_buff._nfct:~0x7:nf_conn.tuplehash[0].tuple.x[1][2]:0xff").expression
    assert isinstance(found, Comparison)
    _, nfct, tuplehash, _, last = found.steps
    assert (nfct.mask, nfct.cast) == (0xFFFFFFFFFFFFFFF8, "nf_conn")
    assert tuplehash.indexes == (0,)
    assert (last.indexes, last.mask) == ((1, 2), 0xFF)


@pytest.mark.parametrize(
    ("text", "character", "what"),
    [
        ("", 1, "nothing to compare"),
        ("   ", 4, "nothing to compare"),
        ("sk_buff.", 9, "a name"),
        ("sk_buff.mark = 3", 14, "'=='"),
        ("sk_buff.mark == ", 17, "a value"),
        ("sk_buff.mark == and", 17, "a value"),
        ("sk_buff.mark == 0x", 17, "a value"),
        ("sk_buff.mark == 12ab", 17, "a value"),
        ("sk_buff.mark == '", 17, "no quotation mark at its end"),
        ('a == "lo and b', 6, "no quotation mark at its end"),
        ("skb-drop.drop_reason == 1", 1, "has a '-' in its name"),
        ("a and not skb-drop.x", 11, "has a '-' in its name"),
        ("sk_buff.mark == ''", 17, "1 to 64 bytes"),
        ("sk_buff.mark == 1 sk_buff.len", 19, "end here"),
        ("(sk_buff.mark", 14, "')'"),
        ("sk_buff.mark)", 13, "end here"),
        ("a and or b", 7, "a name"),
        ("a:", 3, "a number"),
        ("a:0", 3, "at least one bit"),
        ("a:~0xffffffffffffffff", 3, "at least one bit"),
        ("a:0x10000000000000000", 3, "of 64"),
        ("a:1:", 5, "the name of a structure"),
        ("a[x]", 3, "a number"),
        ("a[1", 4, "']'"),
        ("a == 300.1.1.1", 6, "no address"),
        ("a == 1.2.3.4/33", 6, "no address"),
        ("a == 1.2.3.4/0", 6, "no address"),
        ("a == 1:2", 6, "no address"),
        ("a % 3", 3, "end here"),
        ("1 == a", 1, "a name"),
        ("not", 4, "a name"),
        (f"a.{'b' * 128}", 3, "more than 127 characters"),
        ("(" * 60 + "a" + ")" * 60, 51, "50 deep"),
        (" or ".join(["a"] * (MAX_COMPARISONS + 1)), 5 * MAX_COMPARISONS + 1, "200 comparisons"),
        ("ä.b", 1, "a name"),
        ("a\0b", 2, "end here"),
    ],
)
def test_what_is_wrong_is_said_with_the_character_where_it_is(text: str, character: int, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert caught.value.message.startswith(f"metadata filter, character {character}, ")
    assert what in caught.value.message
    assert caught.value.hint
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "character", "word"),
    [("a == br-lan", 6, "br-lan"), ("(a != eth0.100) or b", 7, "eth0.100"), ("not a==x@y&&b", 8, "x@y")],
)
def test_a_word_that_is_no_name_is_answered_as_a_string(text: str, character: int, word: str) -> None:
    with pytest.raises(UsageError, match=f"character {character}, .*: {word} is no name") as caught:
        parse(text)
    assert caught.value.hint == f'strings have quotation marks: "{word}"'
    parse(text.replace(word, f'"{word}"'))  # is right
