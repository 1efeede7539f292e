"""Every block of code in the documentation is run, or taken by a test, or says why it is not."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripts.pages.blocks import ROOT, Block, Fate, blocks, pages
from scripts.pages.likeness import alike, is_among, normal
from scripts.pages.session import PageError, commands, updated
from scripts.pages.trial import of_place, tried, typed

from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

PAGES = pages()
TAKES = 60.0  # seconds, times the patience
UNTESTED = 19
"""Blocks that nothing tests, at most. Each says why; that there are more of them is to be decided."""


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


every_page = pytest.mark.parametrize("page", PAGES, ids=name)


@pytest.mark.bpf
@pytest.mark.parametrize("page", [page for page in PAGES if of_place(page, "host")], ids=name)
def test_a_page_shows_what_its_commands_print(page: Path, root: None) -> None:
    if complaints := tried(page, "host", patience(TAKES)).complaints():
        pytest.fail(f"{complaints}\n\nif that is right: scripts/run_pages.py {name(page)}", pytrace=False)


@every_page
def test_each_block_of_a_page_says_what_it_is_tested_by(page: Path) -> None:
    untold = [f"{name(page)}:{block.line}" for block in blocks(page.read_text()) if block.fate is None]
    assert untold == [], "scripts/pages/blocks.py says how"


@cache
def fixtures_of(path: Path) -> dict[str, set[str]]:
    """The tests of a module, with the fixtures that each takes."""
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    return {node.name: {argument.arg for argument in node.args.args} for node in functions}


@every_page
def test_the_tests_that_a_page_names_take_its_blocks_from_it(page: Path) -> None:
    named = {block.fate.detail for block in blocks(page.read_text()) if block.fate and block.fate.kind == "test"}
    for test in named:
        path, _, function = test.partition("::")
        assert "shown" in fixtures_of(ROOT / path)[function], f"{test} does not know what is on the page"


def test_what_is_run_in_the_lab_can_be_run() -> None:
    found = [block for page in PAGES for block in of_place(page, "lab")]
    assert found
    assert all(commands(block) for block in found)


def test_few_blocks_are_tested_by_nothing() -> None:
    kinds = Counter(block.fate.kind for page in PAGES for block in blocks(page.read_text()) if block.fate)
    assert kinds["none"] <= UNTESTED, kinds


TEXT = """
<!-- blocks: host -->

    one
    two

    three

text

<!-- run: none: why -->

```console
$ command \\
    --option
output
$ another
```

```python
four
```
"""


def test_blocks_are_found_with_what_becomes_of_them() -> None:
    indented, console, python = blocks(TEXT)
    assert indented == Block("", 3, ("one", "two", "", "three"), "    ", Fate("host"))
    assert (console.language, console.fate) == ("console", Fate("none", "why"))
    assert python == Block("python", 20, ("four",), "", Fate("host"))


def test_commands_have_their_outputs() -> None:
    _, console, _ = blocks(TEXT)
    first, second = commands(console)
    assert (first.text, first.shown) == ("command \\\n    --option", ["output"])
    assert (second.text, second.shown) == ("another", [])


PRINTED = """
```console
$ one
  first
second
$ two
third
```
"""


def test_what_was_printed_takes_the_place_of_what_is_shown_where_that_is_not_alike() -> None:
    found = list(blocks(PRINTED))
    one, two = commands(found[0])
    one.printed = [("out", "  first"), ("err", "WARN  functions cannot be probed here: why"), ("out", "second")]
    two.printed = [("out", "fourth"), ("err", "fifth"), ("out", "")]
    page = updated(PRINTED, [one, two], found)
    assert page == PRINTED.replace("third", "fourth\nfifth")
    assert [command.shown for command in commands(next(blocks(page)))] == [["  first", "second"], ["fourth", "fifth"]]


@pytest.mark.parametrize("text", ["guest", "none", "none: ", "test", "host fails", "host, file", "host, file a b"])
def test_an_unknown_fate_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="a block is tested by"):
        Fate.of(text)


def test_a_block_in_another_language_cannot_be_run() -> None:
    with pytest.raises(PageError, match="c cannot be run"):
        commands(Block("c", 1, ("int x;",), "", Fate("host")))


def test_a_block_that_is_a_file_is_written_there() -> None:
    (command,) = commands(Block("yaml", 7, ("name: web", "  $x"), "", Fate.of("host, file ~/web.yaml")))
    assert command.text.splitlines()[0].startswith("cat >~/web.yaml <<'")
    assert command.text.splitlines()[1:3] == ["name: web", "  $x"]


def test_what_fails_in_the_middle_of_a_block_is_told(root: None, tmp_path: Path) -> None:
    blocks_run = [Block("sh", line, text, "", Fate("host")) for line, text in ((1, ("false", "true")), (4, ("true",)))]
    trial = typed(ROOT / "page.md", blocks_run, tmp_path, patience(TAKES))
    assert [command.status for command in trial.commands] == [1, 0]
    assert trial.complaints() == "page.md:1: ended with 1: false\ntrue\n"


EVENT = "42280304490150 (1) [ping] 109 [tp] net:netif_rx #2674622280a6ffff888151d59680 (skb ffff888139c45a00)"
ITS_NEXT = "42280304490999 (0) [ping] 109 [tp] net:netif_rx #2674622280a6ffff888151d59680 (skb ffff888139c45a01)"
LATER = "52280304490150 (0) [ksoftirqd/0] 14 [tp] net:netif_rx #3674622280a6ffff888151d59680 (skb ffff888139c45b00)"
ANOTHER = "52280304490999 (0) [ping] 110 [tp] net:netif_rx #4674622280a6ffff888151d59680 (skb ffff888139c45c00)"


def test_times_tasks_and_addresses_may_differ() -> None:
    assert normal([EVENT]) == normal([LATER])


@pytest.mark.parametrize(
    ("line", "again"),
    [
        ("f returned 0xffff8880056c8000 after 5ns", "f returned 0xffff88800983c280 after 77ns"),
        ("  ns 0x10f24/4026532247 (red) if 2", "  ns 0x1/4026531840 (red) if 2"),
        ("  ns 0x10f24/4026532247 (sleep/12)", "  ns 0x1/4026531840 (sleep/3456)"),
        ("  192.0.2.1.49288 > 192.0.2.2.9 ttl 64 id 3 off 0", "  192.0.2.1.60001 > 192.0.2.2.9 ttl 64 id 44 off 0"),
        ("  flags [S] seq 5 win 64240 [TS val 1 ecr 0]", "  flags [S] seq 6 win 64000 [TS val 2 ecr 9]"),
        ("  flow_put q 5 ts 195885809148 (0) latency 1.2us", "  flow_put q 6 ts 80911904142 (0) latency 99.0us"),
        ("    f+0x12", "    f+0x3"),
        ("64 bytes: icmp_seq=1 ttl=64 time=0.040 ms", "64 bytes: icmp_seq=1 ttl=64 time=12.3 ms"),
        ("6 probe(s) loaded", "11 probe(s) loaded"),
    ],
)
def test_so_may_numbers_that_mean_nothing(line: str, again: str) -> None:
    assert normal([line]) == normal([again])


@pytest.mark.parametrize(
    ("line", "another"),
    [
        ("  192.0.2.1.80 > 192.0.2.2.9 ttl 64 id 3 off 0", "  192.0.2.1.80 > 192.0.2.2.9 ttl 63 id 3 off 0"),
        ("  ns 0x10f24/4026532247 (red) if 2", "  ns 0x10f24/4026532247 (blue) if 2"),
        ("  exec oport 2 to port-a", "  exec oport 3 to port-a"),
        ("5 event(s) processed", "4 event(s) processed"),
        ("  table t (1) chain c (2) handle 5 drop", "  table t (1) chain c (2) handle 6 drop"),
    ],
)
def test_and_those_that_mean_something_may_not(line: str, another: str) -> None:
    assert normal([line]) != normal([another])


@pytest.mark.parametrize(("old", "new"), [("netif_rx", "netif_receive_skb"), ("[tp]", "[k]"), (" #", " drop #")])
def test_anything_else_may_not(old: str, new: str) -> None:
    assert normal([EVENT]) != normal([EVENT.replace(old, new)])


def test_two_events_of_one_packet_are_not_those_of_two() -> None:
    assert not alike([EVENT, ITS_NEXT], [LATER, ANOTHER], [])
    assert alike([EVENT, ITS_NEXT], [LATER, LATER], [])


@pytest.mark.parametrize(
    ("line", "found"),
    [("lost 3 of …", True), ("lost 33 of …", True), ("lost 3", False), ("lost 3 of … a", False), ("… of", False)],
)
def test_a_line_is_among_others_whatever_its_numbers_are(line: str, found: bool) -> None:
    assert is_among(line, [EVENT, "lost 71 of any", "lost"]) is found


@pytest.mark.parametrize("shown", ["ab12", "1a2b", "a…", "…b…", "ab12-"])
def test_lines_of_two_streams_may_come_in_any_order(shown: str) -> None:
    assert alike([line.replace("-", "") for line in shown], ["a", "b", ""], ["1", "2"])


LINES = st.lists(st.sampled_from(["a", "b", "", EVENT, ITS_NEXT]), max_size=6)


@given(LINES, LINES, st.randoms(use_true_random=False))
def test_what_was_printed_is_like_itself_in_whatever_order_the_streams_came(
    out: list[str], err: list[str], random: Random
) -> None:
    order = [iter(out)] * len(out) + [iter(err)] * len(err)
    random.shuffle(order)
    assert alike([next(stream) for stream in order], out, err)


@pytest.mark.parametrize("shown", ["", "ba12", "ab1", "ab123", "…a12", "ab…2…1"])
def test_lines_of_one_stream_have_their_order_and_all_are_shown(shown: str) -> None:
    assert not alike(list(shown), ["a", "b"], ["1", "2"])
