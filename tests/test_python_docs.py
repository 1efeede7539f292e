"""The pages on the Python API: what they show runs, and what there is they name."""

from __future__ import annotations

import ast
import re
import subprocess
import tokenize
from contextlib import suppress
from io import StringIO
from typing import TYPE_CHECKING, Any

import polars  # noqa: F401 - it sets a variable when it is imported, for ever
import pytest
from scripts.pages.trial import typed
from tests.event_json import EVENT, USER_EVENT, write_lines
from tests.pages import REFERENCE, ROOT

import tracer_core
from tracer_core.cli.main import run
from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.pages.blocks import Block

PAGE = REFERENCE / "python.md"
HOW_TO = ROOT / "docs/how-to/analyse-in-python.md"


@pytest.fixture
def tracer_arrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of the pages, in the present folder."""
    monkeypatch.chdir(tmp_path)
    later = {**EVENT["common"], "timestamp": 2_000_000}
    received = EVENT | {"common": later, "kernel": {"symbol": "net:netif_receive_skb", "probe_type": "raw_tracepoint"}}
    dropped = received | {"skb-drop": {"drop_reason": "NO_SOCKET"}}
    source = write_lines(tmp_path / "events.json", [EVENT, dropped, USER_EVENT])
    assert run(["--log-level=error", "convert", str(source), str(tmp_path / "tracer.arrow")]) == 0


def expected(block: str) -> list[tuple[str, Any]]:
    """Expressions of a block that stand before what they are."""
    found = []
    for token in tokenize.generate_tokens(StringIO(block).readline):
        if token.type == tokenize.COMMENT and token.start[1] > 0:
            with suppress(ValueError, SyntaxError):
                found.append((token.line[: token.start[1]].strip(), ast.literal_eval(token.string[1:].strip())))
    return found


def given(shown: tuple[Block, ...]) -> dict[str, Any]:
    """The names that there are when the code of a page has run, which is what its comments say."""
    names: dict[str, Any] = {}
    for block in shown:
        exec(compile(block.text, "page", "exec", dont_inherit=True), names)  # noqa: S102 - our own page
        for expression, value in expected(block.text):
            assert eval(expression, names) == value  # noqa: S307 - ditto
    return names


@pytest.mark.usefixtures("tracer_arrow")
@pytest.mark.filterwarnings("ignore")  # of scapy's dependencies, at import
def test_what_the_reference_shows_runs_and_is_what_it_says(shown: tuple[Block, ...]) -> None:
    assert sum(len(expected(block.text)) for block in shown) == 7
    given(shown)


@pytest.mark.bpf
@pytest.mark.filterwarnings("ignore")  # ditto
def test_the_questions_of_the_page_on_analysis_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shown: tuple[Block, ...]
) -> None:
    run_of_the_page, *code = shown
    assert typed(HOW_TO, [run_of_the_page], tmp_path, patience(60)).complaints() == ""
    monkeypatch.chdir(tmp_path / "page")
    names = given(tuple(code))
    printed = capsys.readouterr().out
    assert "drop (reason NO_SOCKET)" in printed
    assert "│ ping ┆" in printed
    assert "IP / ICMP 127.0.0.42 > 127.0.0.1 echo-reply 0" in printed
    assert len(names["latencies"]) == 2  # there and back
    with subprocess.Popen(["ping", "-n", "-q", "-i", "0.1", "127.0.0.42"], stdout=subprocess.DEVNULL) as pinging:
        try:
            journey = names["first_drop"](filter_packet="icmp and host 127.0.0.42")
        finally:
            pinging.kill()
    assert journey[-1].skb_drop.drop_reason == "NO_SOCKET"


def test_the_reference_names_every_member_that_is_public() -> None:
    page = PAGE.read_text()
    missing = []
    for name in tracer_core.__all__:
        found = getattr(tracer_core, name)
        members = vars(found) if isinstance(found, type) and not issubclass(found, Exception) else {}
        names = [name, *(member for member in members if not member.startswith("_"))]
        missing += [f"{name}: {each}" for each in names if not re.search(rf"\b{each}\b", page)]
    assert missing == []
