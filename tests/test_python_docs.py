"""The pages on the Python API: what they show runs, and what there is they name."""

from __future__ import annotations

import ast
import re
import tokenize
from contextlib import suppress
from io import StringIO
from typing import TYPE_CHECKING, Any

import polars  # noqa: F401 - it sets a variable when it is imported, for ever
import pytest
from tests.event_json import EVENT, USER_EVENT, write_lines
from tests.pages import REFERENCE, ROOT, blocks

import tracer_core
from tracer_core.cli.main import run

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.mark.usefixtures("tracer_arrow")
@pytest.mark.filterwarnings("ignore")  # of scapy's dependencies, at import
@pytest.mark.parametrize("page", [PAGE, HOW_TO], ids=lambda page: page.stem)
def test_what_the_pages_show_runs_and_is_what_they_say(page: Path) -> None:
    names: dict[str, Any] = {}
    compared = 0
    for block in blocks(page, "python"):
        code = compile(block, page.name, "exec", dont_inherit=True)
        if block.startswith("with tracer.collect("):
            continue  # tests/test_python_live.py runs it
        exec(code, names)  # noqa: S102 - our own page
        for expression, value in expected(block):
            assert eval(expression, names) == value  # noqa: S307 - ditto
            compared += 1
    assert compared == (7 if page == PAGE else 0)


def test_the_reference_names_every_member_that_is_public() -> None:
    page = PAGE.read_text()
    missing = []
    for name in tracer_core.__all__:
        found = getattr(tracer_core, name)
        members = vars(found) if isinstance(found, type) and not issubclass(found, Exception) else {}
        names = [name, *(member for member in members if not member.startswith("_"))]
        missing += [f"{name}: {each}" for each in names if not re.search(rf"\b{each}\b", page)]
    assert missing == []


def test_the_readme_shows_what_compiles() -> None:
    part = (ROOT / "README.md").read_text().partition("## Python\n")[2].partition("\n## ")[0]
    code = "\n".join(line[4:] for line in part.splitlines() if not line or line.startswith("    "))
    assert "tracer.collect(" in code
    compile(code, "README.md", "exec", dont_inherit=True)
