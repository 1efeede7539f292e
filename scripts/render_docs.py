#!/usr/bin/env python3
"""Bring the pages of docs/reference that repeat what the program knows up to date.

    python scripts/render_docs.py            # write them
    python scripts/render_docs.py --check    # only say which are not up to date

In ``cli.md``, the output of every ``$ tracer ... --help`` (and ``--help-all``) is replaced by what the command prints.
In ``sections.md``, all after the mark is made from the section classes of the core and of the collectors in plugins/.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # scripts are not installed

from scripts.reference.pages import bring_up_to_date

from tracer_core.events.docs import field_docs
from tracer_core.events.form import FieldForm, Form, SectionForm, form_of
from tracer_core.plugins.declaration import shown
from tracer_core.sections import Header, Return, Stack, TrackedData, Tracking, Unjoined
from tracer_core.testing.command import executable
from tracer_core.wire import BLOB_STEP, Blob, Chars, Layout, Part, Scalar, layout_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
MARK = "<!-- From here on, scripts/render_docs.py writes. -->\n"
_HELP = re.compile(r"^```console\n\$ tracer ([^\n]*--help(?:-all)?)\n.*?^```$", re.MULTILINE | re.DOTALL)


def main() -> int:
    """Write the pages, or check them.

    Returns:
        1 if a page was to be checked and is not up to date.
    """
    what = "Bring pages of docs/reference up to date."
    return bring_up_to_date("render_docs.py", what, {"cli.md": cli, "sections.md": sections})


def cli(page: str) -> str:
    """The page with what ``--help`` prints now."""
    return _HELP.sub(lambda match: f"```console\n$ tracer {match[1]}\n{_output(match[1].split())}```", page)


def _output(arguments: list[str]) -> str:
    command = [str(executable()), *arguments]
    environment = {**os.environ, "COLUMNS": "80"}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def sections(page: str) -> str:
    """The page with the sections as they are declared now."""
    told: set[type[Any]] = set()
    found = "".join(_section(layout, owners, told) for layout, owners in known_sections())
    return page.partition(MARK)[0] + MARK + found


def known_sections() -> Iterator[tuple[Layout, str]]:
    """All sections, the header first, each with who adds it."""
    yield layout_of(Header), "the core, to every record"
    yield layout_of(Return), "the core, at returns of functions"
    yield layout_of(Stack), "the core, at probes with `/stack`"
    yield layout_of(Tracking), "the core, to events of sorted files; it is in no record"
    yield layout_of(Unjoined), "the core, to events of sorted files; it is in no record"
    yield layout_of(TrackedData), "the core, with `--sort`, to records that are no events"
    owners: dict[Layout, list[str]] = {}
    for folder in sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml")):
        spec = import_module(f"tracer_{folder.name}.plugin").tracer_collector()
        for cls in spec.sections:
            owners.setdefault(layout_of(cls), []).append(f"collector `{shown(spec.name)}`")
    for layout in sorted(owners, key=lambda layout: layout.name):
        yield layout, ", ".join(owners[layout])


def _section(layout: Layout, owners: str, told: set[type[Any]]) -> str:
    head = f"\n## {layout.name}\n\n{_markdown(layout.cls.__doc__ or '')}\n\n"
    head += f"Version {layout.version}. Added by: {owners}."
    if layout.reported:
        groups = "".join(_group(form, told) for form in _groups(form_of(layout.cls)))
        return f"{head} It is in no record.\n\n{_file_table(form_of(layout.cls))}{groups}"
    if layout.record is not None:
        return head + "".join(_shaped(layout, layout.record, told))
    is_recorded = layout.cls is not Tracking and len(layout.parts) < len(layout.fields)
    size = f" Takes {_size(layout)}." if is_recorded else ""
    text = f"{head}{size}\n\n{_table(layout, form_of(layout.cls))}"
    for field, part in layout.parts.items():
        doc = _markdown(part.cls.__doc__ or "")
        size = f" Takes {_size(part)}." if layout.cls is not Tracking else ""
        text += f"\n### {part.name}\n\n{doc}{size}\n\n{_table(part, form_of(layout.cls).parts[field])}"
    return text


def _shaped(layout: Layout, record: type[Any], told: set[type[Any]]) -> Iterator[str]:
    """A section whose record is of another class. Classes that several have are told once."""
    pieces = list(layout.placed())
    sizes = ", ".join(f"`{piece.c_name}` {_size(piece)}" for piece in pieces)
    yield f" Its record is [{record.__name__}](#{record.__name__.lower()}); of that take: {sizes}.\n\n"
    yield _file_table(form_of(layout.cls))
    for form in _groups(form_of(layout.cls)):
        yield _group(form, told)
    for piece in pieces:
        cls = record if piece is layout else piece.cls
        if cls not in told:
            told.add(cls)
            docs = field_docs(cls)
            rows = "".join(f"| `{f.name}` | {_in_c(f.kind)} | {_markdown(docs[f.name])} |\n" for f in piece.fields)
            yield f"\n### {cls.__name__}\n\n{_markdown(cls.__doc__ or '')}\n\n"
            yield f"| field | in C | meaning |\n| --- | --- | --- |\n{rows}"


def _group(form: SectionForm, told: set[type[Any]]) -> str:
    """A class of groups, if it was not told yet."""
    if form.cls in told:
        return ""
    told.add(form.cls)
    return f"\n### {form.cls.__name__}\n\n{_markdown(form.cls.__doc__ or '')}\n\n{_file_table(form)}"


def _groups(form: SectionForm) -> Iterator[SectionForm]:
    """The groups of a section, and those in them."""
    for part in form.parts.values():
        yield part
        yield from _groups(part)


def _file_table(form: SectionForm) -> str:
    docs = field_docs(form.cls)
    rows = "".join(f"| `{f.name}` | {_shaped_in_files(f)} | {_markdown(docs[f.name])} |\n" for f in form.fields)
    return f"| field | in files | meaning |\n| --- | --- | --- |\n{rows}"


def _shaped_in_files(field: FieldForm) -> str:
    if field.part is None:
        return _in_files(field)
    name = field.part.cls.__name__
    return f"group [{name}](#{name.lower()})" + (", or missing" if field.optional else "")


def _size(layout: Layout) -> str:
    return f"{layout.size} bytes" + (f" and up to {layout.blob.steps} steps of {BLOB_STEP}" if layout.blob else "")


def _table(layout: Layout, form: SectionForm) -> str:
    docs, forms = field_docs(layout.cls), {field.name: field for field in form.fields}
    rows = "".join(
        f"| `{field.name}` | {_in_c(field.kind)} | {_in_files(forms[field.name])} | {_markdown(docs[field.name])} |\n"
        for field in layout.fields
    )
    return f"| field | in C | in files | meaning |\n| --- | --- | --- | --- |\n{rows}"


def _in_c(kind: Scalar | Chars | Blob | Part) -> str:
    match kind:
        case Scalar(c=c):
            return f"`{c}`"
        case Chars(size=size):
            return f"`char[{size}]`"
        case Blob(max=most, length=length):
            return f"up to {most} bytes, `{length}` of them valid"
        case Part(layout=layout):
            return f"`struct section_{layout.c_name}`"


def _in_files(field: FieldForm) -> str:
    match field.form:
        case Form.INTEGER:
            found = field.dtype
        case Form.PART:
            return f"[group](#{field.part.name.replace('.', '') if field.part else ''}), or missing"
        case Form.LIST:
            found = f"list of {_in_files(field.item)}" if field.item else "list"
        case Form.CHARS | Form.TEXT:
            found = "string"
        case form:
            found = form.value
    return f"{found}, or missing" if field.optional else found


def _markdown(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("``", "`")).replace("|", "\\|").strip()


if __name__ == "__main__":
    sys.exit(main())
