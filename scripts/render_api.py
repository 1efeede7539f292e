#!/usr/bin/env python3
"""Bring the reference for authors of collectors up to date.

    python scripts/render_api.py            # write the pages
    python scripts/render_api.py --check    # only say which are not up to date

In ``api.md``, all after the mark is made from the names in ``__all__`` of ``tracer_core.api`` and
``tracer_core.testing``, their docstrings and types; in ``c.md``, from the comments of ``tracer.bpf.h``. A name of which
nothing is said is an error.
"""

from __future__ import annotations

import inspect
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # scripts are not installed

from scripts.reference.c_names import c_page
from scripts.reference.pages import bring_up_to_date
from scripts.reference.python_names import Attribute, Doc, attributes, methods, parsed, said_of, signature

from tracer_core import api, testing
from tracer_core.errors import TracerError
from tracer_core.events.docs import field_docs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

MARK = "<!-- From here on, scripts/render_api.py writes. -->\n"
_missing: list[str] = []
"""Names of which nothing is said."""

_MODULES = ((api, "Collectors"), (testing, "Tests"))


def main() -> int:
    """Write the pages, or check them.

    Returns:
        1 if a page was to be checked and is not up to date; 2 if nothing is said of a name.
    """
    what = "Bring the reference for authors of collectors up to date."
    return bring_up_to_date("render_api.py", what, {"api.md": partial(_page, api_page), "c.md": partial(_page, c_page)})


def _page(render: Callable[[], str], before: str) -> str:
    after = before.partition(MARK)[0] + MARK + render()
    if _missing:
        names = ", ".join(dict.fromkeys(_missing))
        print(f"nothing is said of {names}: write docstrings, or strings after them", file=sys.stderr)
        sys.exit(2)
    return after


def api_page() -> str:
    """All public names."""
    return "".join(
        f"\n## {title}\n\nFrom `{module.__name__}`.\n\n{_index(module)}{''.join(_told(module))}"
        for module, title in _MODULES
    )


def _index(module: ModuleType) -> str:
    rows = "".join(f"| [`{name}`](#{name.lower()}) | {_summary(module, name)} |\n" for name in _names(module))
    return f"| name | what it is |\n| --- | --- |\n{rows}"


def _names(module: ModuleType) -> list[str]:
    return sorted(module.__all__, key=str.lower)


def _summary(module: ModuleType, name: str) -> str:
    return _cell(_doc(module, name).summary)


def _doc(module: ModuleType, name: str) -> Doc:
    """What is said of a name."""
    value = getattr(module, name)
    if get_origin(value) is Annotated:
        kind = get_args(value)[1]
        size = f"{kind.size} byte{'s' * (kind.size > 1)}"
        return parsed(f"A field: ``{kind.c}`` in C, {size}, ``{get_args(value)[0].__name__}`` in Python.")
    if inspect.isclass(value) or inspect.isfunction(value):
        return _noted(name, parsed(value.__doc__))
    return _noted(name, parsed(said_of(name)))


def _noted(name: str, doc: Doc) -> Doc:
    if not doc.summary:
        _missing.append(name)
    return doc


def _told(module: ModuleType) -> Iterator[str]:
    for name in _names(module):
        value, doc = getattr(module, name), _doc(module, name)
        yield f"\n### {name}\n\n"
        if inspect.isfunction(value):
            yield _function(signature(value, name), doc)
            continue
        yield f"{doc.text}\n"
        if inspect.isclass(value):
            yield from _class(value, doc)
        elif isinstance(value, tuple):
            yield f"\nNow `{value}`.\n"


def _class(cls: type[Any], doc: Doc) -> Iterator[str]:
    """The attributes and methods of a class."""
    fields = list(attributes(cls))
    if hasattr(cls, "__tracer_section__"):  # of which the strings are for readers of events, too
        told = field_docs(cls)
        fields = [Attribute(f.name, f.type, f.default, told[f.name]) for f in fields]
    if issubclass(cls, TracerError):
        base = "" if cls is TracerError else "A `TracerError`; "
        yield f"\n{base}{'ends' if base else 'Ends'} the run with exit code {cls.exit_code.value}.\n"
        yield _list("Arguments", doc.entries.get("Args", {}))
        fields = []
    if fields:
        yield _table(cls, fields)
    for name, method in methods(cls):
        plain = method.fget if isinstance(method, property) else getattr(method, "__func__", method)
        found = _noted(f"{cls.__name__}.{name}", parsed(plain.__doc__))
        prefix = f"{cls.__name__}." if isinstance(method, classmethod | staticmethod) else "."
        yield "\n" + _function(prefix + signature(method, name), found)


def _table(cls: type[Any], fields: list[Attribute]) -> str:
    members = any(not field.type for field in fields)
    head = "| member | value | meaning |" if members else "| attribute | type | default | meaning |"
    rows = ""
    for field in fields:
        if not field.doc:
            _missing.append(f"{cls.__name__}.{field.name}")
        default = f"`{_cell(field.default)}`" if field.default else "" if members else "must be given"
        middle = default if members else f"`{_cell(field.type)}` | {default}"
        rows += f"| `{field.name}` | {middle} | {_cell(field.doc)} |\n"
    return f"\n{head}\n|{' --- |' * (head.count('|') - 1)}\n{rows}"


def _function(text: str, doc: Doc) -> str:
    parts = [f"```python\n{text}\n```\n\n{doc.text}\n"]
    parts.append(_list("Arguments", doc.entries.get("Args", {})))
    if doc.returns:
        parts.append(f"\nReturns: {doc.returns}\n")
    parts.append(_list("Raises", doc.entries.get("Raises", {})))
    return "".join(parts)


def _list(title: str, entries: dict[str, str]) -> str:
    if not entries:
        return ""
    return f"\n{title}:\n\n" + "".join(f"- `{name}`: {text}\n" for name, text in entries.items())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
