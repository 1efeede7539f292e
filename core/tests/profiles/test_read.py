"""What files of profiles say, and what is wrong with them, by line."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tracer_core.profiles.conditions import SymbolCondition, VersionCondition
from tracer_core.profiles.nodes import MAX_SIZE
from tracer_core.profiles.profile import Argument, Profile, Value
from tracer_core.profiles.read import read, read_file

HEAD = 'version: "1.0"\nname: mine\n'


def only(text: str) -> Profile:
    reading = read(dedent(text).encode(), "mine.yaml")
    assert reading.problems == ()
    (profile,) = reading.profiles
    return profile


def problems(text: str) -> list[str]:
    return [str(problem) for problem in read(text.encode(), "mine.yaml").problems]


def arguments(args: str) -> dict[str, list[str] | None]:
    profile = only(f"{HEAD}collect:\n  - args: {args}\n")
    return {
        argument.name: None if argument.values is None else [value.text for value in argument.values]
        for argument in profile.entries["collect"][0].arguments
    }


def test_a_file_of_retis_is_read_with_all_that_it_has() -> None:
    profile = only(
        """\
        version: 1.0
        name: web
        about: What web servers get
        collect:
          - name: recent
            when:
              - type: version
                version: ">4.6, <6"
              - type: symbol
                name: skb:kfree_skb
              - type: symbol
                name: tcp_v4_rcv
                exists: false
            args:
              collectors: one,two
              probe:
                - tp:skb:kfree_skb/stack
                - kprobe:tcp_v4_rcv
              print: ~
          - args:
              out: web.json
        pcap:
          - args:
              probe: tp:skb:kfree_skb
        """
    )
    assert (profile.name, profile.about, profile.at(profile.line)) == ("web", "What web servers get", "mine.yaml:1")
    recent, other = profile.entries["collect"]
    assert (recent.name, recent.line, other.name, other.line) == ("recent", 5, "Default", 20)
    version, kfree, receive = recent.conditions
    assert isinstance(version, VersionCondition)
    assert [comparison.operator for comparison in version.comparisons] == [">", "<"]
    assert (kfree, receive) == (SymbolCondition("skb:kfree_skb"), SymbolCondition("tcp_v4_rcv", exists=False))
    assert recent.arguments == (
        Argument("collectors", 15, (Value("one,two", 15),)),
        Argument("print", 19),
        Argument("probe", 16, (Value("tp:skb:kfree_skb/stack", 17), Value("kprobe:tcp_v4_rcv", 18))),
    )
    assert profile.entries["pcap"][0].arguments == (Argument("probe", 24, (Value("tp:skb:kfree_skb", 24),)),)


def test_arguments_are_the_text_that_is_written_whatever_yaml_takes_it_for() -> None:
    assert arguments("{a: 1.10, b: 0x10, c: 1e3, d: no, e: 2026-11-01, f: '~', g: \"\"}") == {
        "a": ["1.10"], "b": ["0x10"], "c": ["1e3"], "d": ["no"], "e": ["2026-11-01"], "f": ["~"], "g": [""],
    }  # fmt: skip


@pytest.mark.parametrize("nothing", ["~", "null", "NULL", ""])
def test_what_has_no_value_is_a_flag(nothing: str) -> None:
    assert arguments(f"\n      print: {nothing}\n") == {"print": None}


@pytest.mark.parametrize(
    ("written", "exists"),
    [("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False)],
)
def test_booleans_may_be_written_as_yaml_has_them(written: str, exists: bool) -> None:
    profile = only(f"{HEAD}collect:\n  - when: [{{type: symbol, name: f, exists: {written}}}]\n    args: {{}}\n")
    assert profile.entries["collect"][0].conditions == (SymbolCondition("f", exists=exists),)


@pytest.mark.parametrize(
    ("written", "about"),
    [("a\u00a0b", "a b"), ("\u6f22\u3000\u5b57", "\u6f22 \u5b57"), ("\U0001f469\u200d\U0001f4bb", None)],
)
def test_anything_but_control_characters_may_be_in_texts(written: str, about: str | None) -> None:
    assert only(f"{HEAD}about: {written}\n").about == (about or written)


def test_names_may_have_underscores_and_come_sorted() -> None:
    assert list(arguments("{stop_after: 5, ring-size: 1M, also_this_one: ~}")) == [
        "also-this-one",
        "ring-size",
        "stop-after",
    ]


def test_one_file_may_have_several_profiles() -> None:
    reading = read(f"{HEAD}---\n---\nversion: 1.0\nname: other\n...\n".encode(), "two.yaml")
    assert [(profile.name, profile.line) for profile in reading.profiles] == [("mine", 1), ("other", 5)]
    assert [profile.text.strip() for profile in reading.profiles] == [HEAD.strip(), "version: 1.0\nname: other"]


def test_a_bad_profile_does_not_spoil_others_of_its_file() -> None:
    reading = read(f"version: 2.1\nname: new\n---\n{HEAD}".encode(), "two.yaml")
    assert [profile.name for profile in reading.profiles] == ["mine"]
    assert [str(problem) for problem in reading.problems] == [
        "two.yaml:1: version 2.1: not supported, versions 1.x are"
    ]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.0", []),
        ('"1.0"', []),
        ("1.10", ["mine.yaml:1: warning: version 1.10: partially supported, as far as it is like 1.0"]),
        ("10.1", ["mine.yaml:1: version 10.1: not supported, versions 1.x are"]),
        ("0.9", ["mine.yaml:1: version 0.9: not supported, versions 1.x are"]),
        ("1", ["mine.yaml:1: version '1': not MAJOR.MINOR, such as 1.0"]),
        ("[1, 0]", ["mine.yaml:1: version: must be text, not a list"]),
        ("~", ["mine.yaml:1: version: must be text, not nothing"]),
    ],
)
def test_versions_of_the_format_are_text_with_two_numbers(version: str, expected: list[str]) -> None:
    assert problems(f"version: {version}\nname: mine\n") == expected


def test_required_are_names_of_the_entry_or_all_of_them() -> None:
    entry = "  - args: {collectors: 'a, b-c', probe: [x, 'tp:y:z/stack']}\n    required: "
    for written, expected in [
        ("true", {"a", "b-c", "x", "tp:y:z/stack"}),
        ("false", set()),
        ("[x, b-c]", {"x", "b-c"}),
    ]:
        assert only(f"{HEAD}collect:\n{entry}{written}\n").entries["collect"][0].required == expected
    assert problems(f"{HEAD}collect:\n{entry}\n      - x\n      - y\n") == [
        "mine.yaml:7: required: y is neither a probe nor a collector of this entry"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["1: there is no profile in it"]),
        ("# nothing\n---\n---\n", ["1: there is no profile in it"]),
        ("- a\n", ["1: a profile must be a mapping, KEY: VALUE, not a list"]),
        ("name: mine\n", ["1: version is missing"]),
        ('version: "1.0"\n', ["1: name is missing"]),
        ('version: "1.0"\nname: ""\n', ["2: name is empty"]),
        (HEAD + "name: other\n", ["3: name is there twice"]),
        (HEAD + "colect: []\n", ["3: warning: a profile has no key colect, but version, name, about, collect, pcap"]),
        (HEAD + "collect: yes\n", ["3: collect: must be a list of entries, not text"]),
        (HEAD + "collect:\n  - name: a\n", ["4: an entry of collect without args"]),
        (HEAD + "collect:\n  - args: []\n", ["4: args must be a mapping, KEY: VALUE, not a list"]),
        (HEAD + "collect:\n  - args: ~\n", ["4: args must be a mapping, KEY: VALUE, not nothing"]),
        (HEAD + "collect:\n  - args:\n      p q: 1\n", ["5: 'p q' is not the name of an option"]),
        (HEAD + "collect:\n  - args:\n      a_b: 1\n      a-b: 2\n", ["6: a-b is there twice"]),
        (HEAD + "collect:\n  - args:\n      a:\n        b: 1\n", ["6: a: must be text, not a mapping"]),
        (HEAD + "collect:\n  - args:\n      a:\n        - b\n        - [c]\n", ["7: a: must be text, not a list"]),
        (HEAD + "collect:\n  - args: {a: [~]}\n", ["4: a: must be text, not nothing"]),
        (HEAD + "collect:\n  - when: 6\n    args: {}\n", ["4: when: must be a list of conditions, not text"]),
        (HEAD + "collect:\n  - when:\n      - {version: 6}\n    args: {}\n", ["5: type is missing"]),
        (
            HEAD + "collect:\n  - when:\n      - type: arch\n    args: {}\n",
            ["5: type 'arch': there are conditions of type version and symbol"],
        ),
        (
            HEAD + "collect:\n  - when:\n      - type: version\n        version: 6.1\n    args: {}\n",
            ["6: version '6.1': not one of = != > < >= <= and MAJOR[.MINOR[.PATCH[-BUILD]]]"],
        ),
        (
            HEAD + "collect:\n  - when:\n      - {type: version, version: '>1,>2,>3'}\n    args: {}\n",
            ["5: version '>1,>2,>3': at most 2 comparisons"],
        ),
        (
            HEAD + "collect:\n  - when:\n      - {type: symbol, name: 'tcp_*'}\n    args: {}\n",
            ["5: name 'tcp_*': neither a function nor GROUP:NAME of a tracepoint"],
        ),
        (
            HEAD + "collect:\n  - when:\n      - {type: symbol, name: f, exists: 1}\n    args: {}\n",
            ["5: exists: must be true or false, not 1"],
        ),
        (HEAD + "about: [\n", ["4: while parsing a flow node expected the node content, but found '<stream end>'"]),
        (HEAD + "about: *a\n", ["3: found undefined alias 'a'"]),
        (HEAD + "about: a: b\n", ["3: mapping values are not allowed here"]),
        (HEAD + "\tx: 1\n", ["3: while scanning for the next token found character '\\t' that cannot start any token"]),
        (HEAD + "about: \x07\n", ["3: U+0007 is no character of YAML"]),
        (HEAD + 'about: "\\x1b[31m"\n', ["3: about: '\\x1b[31m' has characters that cannot be printed"]),
        (HEAD + 'about: "\\ud800"\n', ["3: about: '\\ud800' has characters that cannot be printed"]),
        ("[" * 5000, ["1: nested too deeply"]),
        ("# " + "x" * MAX_SIZE, ["1: larger than 256 KiB, which no profile is"]),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, expected: list[str]) -> None:
    assert problems(text) == [f"mine.yaml:{problem}" for problem in expected]


def test_bytes_that_are_no_text_have_a_line() -> None:
    (problem,) = read(HEAD.encode() + b"about: \xff\n", "mine.yaml").problems
    assert str(problem) == "mine.yaml:3: not text in UTF-8"


def test_all_problems_of_a_file_are_found() -> None:
    text = (
        "version: 1.0\nname: mine\ncollect:\n  - name: a\n  - when: [{type: x}]\n    args: {a: {}, b: [[]]}\npcap: 1\n"
    )
    assert [problem.line for problem in read(text.encode(), "mine.yaml").problems] == [4, 5, 6, 6, 7]


def test_tags_make_nothing_but_text() -> None:
    assert arguments("{cmd: !!python/object/apply:os.system ['true']}") == {"cmd": ["true"]}


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (problem,) = read_file(tmp_path / "none.yaml").problems
    assert str(problem) == f"{tmp_path}/none.yaml: No such file or directory"
