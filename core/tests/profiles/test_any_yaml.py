"""Whatever is in a file, there are profiles or problems with lines, and nothing else happens."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tracer_core.profiles.profile import Reading
from tracer_core.profiles.read import read

WORDS = st.sampled_from(
    [
        "version", "name", "about", "collect", "pcap", "when", "args", "required", "type", "symbol", "exists", "probe",
        "collectors", "1.0", "1.1", ">4.6, <6", "tp:skb:kfree_skb", "kprobe:tcp_v4_rcv/stack", "true", "~", "", "*a",
    ]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=8)


def nested(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(values, max_size=4) | st.dictionaries(WORDS, values, max_size=5)


CONDITIONS = st.fixed_dictionaries(
    {}, optional={"type": WORDS, "version": SCALARS, "name": SCALARS, "exists": SCALARS}
) | st.recursive(SCALARS, nested, max_leaves=4)
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "name": SCALARS,
        "when": st.lists(CONDITIONS, max_size=3) | SCALARS,
        "args": st.dictionaries(WORDS, SCALARS | st.lists(SCALARS, max_size=3), max_size=4) | SCALARS,
        "required": SCALARS | st.lists(SCALARS, max_size=3),
    },
)
PROFILES = st.fixed_dictionaries(
    {"version": st.just("1.0") | SCALARS, "name": st.just("mine") | SCALARS},
    optional={"about": SCALARS, "collect": st.lists(ENTRIES, max_size=3) | SCALARS, "pcap": st.lists(ENTRIES)},
)
SIGNS = st.text(st.sampled_from("abc019 \n\t-:?,[]{}#&*!|>'\"%@`~.\\xuU\x00\x1b\ufeff\U0001f600"), max_size=60)


def is_one_line(text: str) -> bool:
    """Without control characters and halves of characters; others that terminals do not show are escaped when told."""
    return not any(unicodedata.category(character) in {"Cc", "Cs"} for character in text)


def check(reading: Reading, lines: int) -> None:
    assert reading.profiles or reading.problems
    for problem in reading.problems:
        assert 1 <= problem.line <= lines
        assert problem.what
        assert is_one_line(str(problem)), problem
    for profile in reading.profiles:
        assert is_one_line(profile.name), profile
        assert 1 <= profile.line <= lines


def lines_of(data: bytes) -> int:
    """As YAML counts them, which knows more ends of lines than one."""
    return len(data.decode(errors="replace").splitlines()) + 1


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    check(read(data, "any.yaml"), lines_of(data))


@given(SIGNS)
@example('"\\UFFFFFFFF"')
@example("%YAML 1." + "9" * 5000 + "\n---\na")
@example("&a [*a]")
@example("? &a {? *a : 1}\n: 2")
@example("<<: &a {<<: *a}")
@example("0\ufeff:")
def test_any_text_of_the_signs_of_yaml(text: str) -> None:
    check(read(text.encode(), "any.yaml"), lines_of(text.encode()))


@given(PROFILES, st.data())
def test_anything_where_a_profile_has_something_else(profile: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(profile, ensure_ascii=data.draw(st.booleans()), indent=1)  # which YAML can read
    encoded = text.encode(errors="replace")
    check(read(encoded, "any.yaml"), lines_of(encoded))
