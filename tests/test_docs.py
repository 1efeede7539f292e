"""Pages that repeat what code knows are equal to it."""

from __future__ import annotations
import __future__

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from scripts.pages.blocks import Block
from scripts.pages.blocks import blocks as found
from scripts.pages.likeness import OMITTED, alike
from tests.pages import REFERENCE, ROOT, blocks, pieces, written

from tracer_core import api, hookspecs
from tracer_core.plugins.declare import check, declare
from tracer_core.plugins.host import Host
from tracer_core.plugins.metadata import Candidate
from tracer_core.testing import SessionTrial, Tracer
from tracer_core.testing.kernels import recorded_folder, recorded_kernel

HELLO = ROOT / "examples/tracer-hello"
JOINING = ROOT / "tests/fixtures/distributions/joining/fixture_joining/plugin.py"
PLUGIN = HELLO / "src/tracer_hello/plugin.py"


def functions(text: str) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}


def signature(function: ast.FunctionDef) -> str:
    return f"def {function.name}({ast.unparse(function.args)}) -> {ast.unparse(function.returns or ast.Constant(None))}"


SPECIFIED = {
    name: function
    for name, function in functions(Path(hookspecs.__file__).read_text()).items()
    if any(ast.unparse(decorator) == "hookspec" for decorator in function.decorator_list)
}


def test_the_page_on_hooks_has_each_of_them_in_order_with_its_signature() -> None:
    assert SPECIFIED
    page = (REFERENCE / "hooks.md").read_text()
    assert re.findall(r"^## (tracer_\w+)$", page, re.MULTILINE) == list(SPECIFIED)
    documented = re.findall(r"^## tracer_\w+\n\n```python\n(.*?): \.\.\.\n```$", page, re.MULTILINE)
    assert documented == [signature(function) for function in SPECIFIED.values()]


def examples() -> list[str]:
    return [block for block in blocks(REFERENCE / "hooks.md", "python") if block.startswith("@hookimpl\n")]


def test_the_page_on_hooks_has_an_example_of_each_which_is_that_of_the_example_collector() -> None:
    assert [name for block in examples() for name in functions(block)] == list(SPECIFIED)
    collector = PLUGIN.read_text()
    implemented = functions(collector)
    for block in examples():
        (name,) = functions(block)
        assert block in collector or name not in implemented, name


@pytest.fixture
def hello_module(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the module of tracer-hello has, from its sources, wherever else it is installed."""
    monkeypatch.syspath_prepend(HELLO / "src")
    for name in ("tracer_hello", "tracer_hello.plugin"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    from tracer_hello import plugin

    names = dict(vars(plugin))
    for name in ("tracer_hello", "tracer_hello.plugin"):
        # known to monkeypatch as missing, so that it is again afterwards
        monkeypatch.setitem(sys.modules, name, sys.modules.pop(name))
    return names


def test_the_examples_of_hooks_make_up_a_collector_that_can_be_planned(
    hello_module: dict[str, Any], shown: tuple[Block, ...]
) -> None:
    signatures = [f"{signature(function)}: ...\n" for function in SPECIFIED.values()]
    assert sorted([*signatures, *examples()]) == sorted(block.text for block in shown)
    names = {**vars(api), **hello_module, "np": np, "contextmanager": contextmanager}
    for block in examples():
        code = compile(block, "hooks.md", "exec", __future__.annotations.compiler_flag, dont_inherit=True)
        exec(code, names)  # noqa: S102 - our own page
    module = ModuleType("hooks")
    vars(module).update({name: names[name] for name in SPECIFIED})
    collector = Host(lambda: [Candidate("hello", "hooks.md", "0", "", lambda: module)]).collector("hello")
    kernel = recorded_kernel("6.12")
    options = collector.spec.options(min_len=1)
    assert check(collector, kernel, options) is None
    declared = declare(collector, kernel, options)
    assert [len(declared.probes), len(declared.fragments), len(declared.formatters)] == [2, 1, 1]
    (decoder,) = declared.decoders
    columns: api.Columns = {"length": [1, 2], "mark": np.array([0x12345, 7]), "packet_type": [0, 1]}
    assert list(decoder.decode(columns)["mark"]) == [0x2345, 7]
    said: list[str] = []
    session = SimpleNamespace(
        kernel=kernel, options=options, log=SimpleNamespace(info=lambda *text: said.append(text[0]))
    )
    with collector.call("tracer_session", session=session):
        pass
    assert said == ["hello, Linux %s", "goodbye"]


def test_the_session_on_the_page_on_hooks_asks_once_for_each_length(
    hello_module: dict[str, Any], shown: tuple[Block, ...]
) -> None:
    (block,) = shown
    words = {"NamedTuple": NamedTuple, "Thread": Thread, "Callable": Callable, "Iterator": Iterator}
    names = {**vars(api), **hello_module, **words, "contextmanager": contextmanager, "name_of": lambda n: f"of {n}"}
    exec(compile(block.text, "hooks.md", "exec", dont_inherit=True), names)  # noqa: S102 - our own page
    sections = (hello_module["Hello"], names["HelloName"])
    trial = SessionTrial(api.CollectorSpec("hello", "Names lengths.", sections=sections))
    with names["tracer_session"](trial.session):
        for lengths in ([84, 84], [84, 98]):
            trial.give(hello_module["Hello"], {"length": np.array(lengths)}, 2)
        assert trial.reported(2) == [names["HelloName"](length, f"of {length}") for length in (84, 98)]


def test_filters_on_their_page_can_be_planned(tracer: Tracer, shown: tuple[Block, ...]) -> None:
    for example in (line for block in shown for line in block.lines):
        command, *arguments = shlex.split(example)
        result = tracer.run(*arguments, "--dry-run", "--kernel", str(recorded_folder("6.12")))
        assert (command, result.returncode) == ("tracer", 0), f"{example}\n{result.stderr}"


def test_joins_on_their_page_are_those_that_are_tested(shown: tuple[Block, ...]) -> None:
    (block,) = shown
    text = block.text
    for name in ("call", "queue"):
        text = text.replace(f'"{name}"', f"_{name.upper()}")
    assert text in JOINING.read_text()


def rendered() -> Iterator[str]:
    """What scripts write of reference pages."""
    yield from (f"```console\n{block}```" for block in blocks(REFERENCE / "cli.md", "console") if "--help" in block)
    for page, script in (("api.md", "render_api.py"), ("c.md", "render_api.py")):
        yield (REFERENCE / page).read_text().partition(f"<!-- From here on, scripts/{script} writes. -->\n")[2]


@pytest.mark.parametrize("script", ["render_docs.py", "render_api.py", "render_man.py"])
def test_reference_pages_say_what_the_program_and_its_sources_say(script: str, shown: tuple[Block, ...]) -> None:
    parts = list(rendered())
    for block in shown:
        text = "\n".join(f"{block.indent}{line}".rstrip() for line in block.lines)
        assert any(text in part for part in parts), f"no script writes {text}"
    command = [sys.executable, str(ROOT / "scripts" / script), "--check"]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"


def test_the_page_on_the_command_line_has_every_command() -> None:
    page = (REFERENCE / "cli.md").read_text()
    commands = re.findall(r"^  ([\w-]+) ", page.partition("\nTracing:\n")[2].partition("```")[0], re.MULTILINE)
    assert commands
    documented = [block.splitlines()[0] for block in blocks(REFERENCE / "cli.md", "console")]
    helps = (f"$ tracer {name} --help" for name in commands if name != "collect")
    assert sorted(documented) == sorted(["$ tracer --help", "$ tracer collect --help-all", *helps])


def test_events_on_pages_of_collectors_are_those_of_pages_that_are_run(shown: tuple[Block, ...]) -> None:
    every = [block for page in (ROOT / "docs/how-to").glob("*.md") for block in found(page.read_text())]
    run = [block.lines for block in every if block.fate and block.fate.kind in ("host", "lab")]
    for block in shown:
        assert any(alike([OMITTED, *block.lines, OMITTED], lines, []) for lines in run), block.text


def test_options_at_a_glance_are_options() -> None:
    rows = re.findall(r"^\| (`.*?`) \|", (REFERENCE / "options.md").read_text(), re.MULTILINE)
    assert len(rows) > 20
    named = {
        flag for row in rows for code in re.findall(r"`(.*?)`", row) for flag in re.findall(r"(?<!\S)--?\w[\w-]*", code)
    }
    known = set(re.findall(r"(?<!\S)--?\w[\w-]*", (REFERENCE / "cli.md").read_text()))
    assert named - known == set()


def test_every_section_has_a_heading_of_its_own() -> None:
    names = {
        re.sub("_", "-", name)
        for folder in ("core/src", "plugins")
        for path in (ROOT / folder).rglob("*.py")
        if "tests" not in path.parts
        for name in re.findall(r'^@section\("([\w-]+)"', path.read_text(), re.MULTILINE)
    }
    assert "header" in names
    headings = re.findall(r"^## (.*)$", (REFERENCE / "sections.md").read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(names)


VARIABLE = re.compile(r"""environ(?:\.get\(|\[)\s*(["']?)(\w+)\1""")


def test_every_environment_variable_in_use_is_documented() -> None:
    page = (REFERENCE / "environment.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    sources = (*(ROOT / "core/src").rglob("*.py"), *(ROOT / "plugins").glob("*/src/**/*.py"))
    text = "\n".join(path.read_text() for path in sources)
    used = set()
    for quote, name in VARIABLE.findall(text):
        # a constant, of whatever module, stands for its value
        used |= {name} if quote else set(re.findall(rf'^{name} = "(\w+)"$', text, re.MULTILINE))
    assert used >= {"PATH"}
    assert used <= documented


def lines(text: str) -> list[str]:
    """Without empty ones: pieces end where the tutorial has something to say."""
    return [line for line in text.splitlines() if line]


def test_the_tutorial_shows_all_of_the_example_as_it_is(tmp_path: Path, shown: tuple[Block, ...]) -> None:
    made = written(tmp_path)
    assert sorted(block.text for block in shown) == sorted(piece for parts in pieces().values() for piece in parts)
    paths = {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()}
    listed = subprocess.run(["git", "ls-files"], cwd=HELLO, check=True, capture_output=True, text=True).stdout.split()
    # of what the tutorial does not show, one is for readers of the example, and one is empty
    assert paths == set(listed) - {"README.md", "src/tracer_hello/py.typed"}
    for path in paths:
        assert lines((made / path).read_text()) == lines((HELLO / path).read_text()), path


def test_settings_of_tests_are_those_of_the_example(shown: tuple[Block, ...]) -> None:
    theirs = tomllib.loads((HELLO / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    for block in shown:
        settings = tomllib.loads(block.text)["tool"]["pytest"]["ini_options"]
        assert settings.items() <= theirs.items()


def test_the_example_is_small_enough_to_read() -> None:
    python = [path.read_text() for path in (HELLO / "src").rglob("*.py")]
    c = [path.read_text() for path in (HELLO / "src").rglob("*.bpf.c")]
    assert sum(len(text.splitlines()) for text in python) < 60
    assert sum(len(text.splitlines()) for text in c) < 30


def test_the_example_documents_each_of_its_options(hello_module: dict[str, Any]) -> None:
    from tracer_core.options import option_specs

    flags = [spec.flag("hello") for spec in option_specs(hello_module["HelloOptions"])]
    assert flags == re.findall(r"^\| `(--[\w-]+)` \|", (HELLO / "README.md").read_text(), re.MULTILINE)
