#!/usr/bin/env python3
"""Bring the pages of docs/reference that repeat what the program knows up to date.

    python scripts/render_docs.py            # write them
    python scripts/render_docs.py --check    # only say which are not up to date

In ``cli.md``, the output of every ``$ tracer ... --help`` is replaced by what the installed command prints.
In ``sections.md``, all after the mark is made from the section classes of the core and of the collectors in plugins/.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import inspect
import os
import re
import subprocess
import sys
import textwrap
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracer_core.sections import Header, Return, Stack
from tracer_core.testing.command import executable
from tracer_core.wire import BLOB_STEP, Blob, Chars, Layout, Scalar, layout_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs/reference"
MARK = "<!-- From here on, scripts/render_docs.py writes. -->\n"
_HELP = re.compile(r"^```console\n\$ tracer ([^\n]*--help)\n.*?^```$", re.MULTILINE | re.DOTALL)


def main() -> int:
    """Write the pages, or check them.

    Returns:
        1 if a page was to be checked and is not up to date.
    """
    parser = argparse.ArgumentParser(description="Bring pages of docs/reference up to date.")
    parser.add_argument("--check", action="store_true", help="write nothing, say which pages are not up to date")
    check = parser.parse_args().check
    stale = False
    for name, render in (("cli.md", cli), ("sections.md", sections)):
        page = REFERENCE / name
        before = page.read_text()
        after = render(before)
        if not check:
            page.write_text(after)
        elif after != before:
            stale = True
            sys.stdout.writelines(difflib.unified_diff(before.splitlines(True), after.splitlines(True), name, "now"))
            print(f"{name} is not up to date: python scripts/render_docs.py")
    return int(stale)


def cli(page: str) -> str:
    """The page with what ``--help`` prints now."""
    return _HELP.sub(lambda match: f"```console\n$ tracer {match[1]}\n{_output(match[1].split())}```", page)


def _output(arguments: list[str]) -> str:
    command = [str(executable()), *arguments]
    environment = {**os.environ, "COLUMNS": "80"}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def sections(page: str) -> str:
    """The page with the sections as they are declared now."""
    return page.partition(MARK)[0] + MARK + "".join(_section(layout, owners) for layout, owners in known_sections())


def known_sections() -> Iterator[tuple[Layout, str]]:
    """All sections, the header first, each with who adds it."""
    yield layout_of(Header), "the core, to every record"
    yield layout_of(Return), "the core, at returns of functions"
    yield layout_of(Stack), "the core, at probes with `/stack`"
    owners: dict[Layout, list[str]] = {}
    for folder in sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml")):
        spec = import_module(f"tracer_{folder.name}.plugin").tracer_collector()
        for cls in spec.sections:
            owners.setdefault(layout_of(cls), []).append(f"collector `{spec.name}`")
    for layout in sorted(owners, key=lambda layout: layout.name):
        yield layout, ", ".join(owners[layout])


def _section(layout: Layout, owners: str) -> str:
    blob = f" and up to {layout.blob.steps} steps of {BLOB_STEP}" if layout.blob else ""
    docs = _field_docs(layout.cls)
    rows = "".join(f"| `{field.name}` | {_type(field.kind)} | {docs[field.name]} |\n" for field in layout.fields)
    return (
        f"\n## {layout.name}\n\n{_markdown(layout.cls.__doc__ or '')}\n\n"
        f"Version {layout.version}. Added by: {owners}. Takes {layout.size} bytes{blob}.\n\n"
        f"| field | in C | meaning |\n| --- | --- | --- |\n{rows}"
    )


def _type(kind: Scalar | Chars | Blob) -> str:
    match kind:
        case Scalar(c=c):
            return f"`{c}`"
        case Chars(size=size):
            return f"`char[{size}]`"
        case Blob(max=most, length=length):
            return f"up to {most} bytes, `{length}` of them valid"


def _field_docs(cls: type[Any]) -> dict[str, str]:
    """The strings that stand after the fields of a class: Python does not keep them, its source does."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    body = next(node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    docs = {}
    for field, text in pairwise(body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(doc))):
                docs[name] = _markdown(doc)
    return docs


def _markdown(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("``", "`")).replace("|", "\\|").strip()


if __name__ == "__main__":
    sys.exit(main())
