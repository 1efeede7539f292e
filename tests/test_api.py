"""What versions of the plugin API promised, it has: the names of their lists, each with its parameters (ADR 0030)."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scripts.reference.python_names import attributes, methods, signature
from tests.pages import REFERENCE
from tests.test_docs import SPECIFIED

from tracer_core import api, testing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROMISED = sorted(Path(__file__).parent.glob("api-*.txt"))
CURRENT = Path(__file__).parent / f"api-{api.API_VERSION[0]}.{api.API_VERSION[1]}.txt"
# what only the core makes of these, and hands over
_MADE_BY_US = {"Kernel", "PlannedRun", "Prototype", "Session", "Watch"}
_INTERNAL = {"Session.link", "Watch.offer"}
Names = dict[str, tuple[str, ...]]
"""A name, and what it is given by position, in that order. What is given by name is a name of its own: ``name x=``."""


def present() -> Names:
    """What there is."""
    found: Names = {}
    for module in (api, testing):
        for name in module.__all__:
            found.update(described(name, getattr(module, name)))
    for name, hook in SPECIFIED.items():
        found |= {name: ()} | {f"{name} {argument.arg}=": () for argument in hook.args.args}
    return found | dict.fromkeys(re.findall(r"^\| `([\w ]+)` \|", (REFERENCE / "c.md").read_text(), re.MULTILINE), ())


def described(name: str, value: Any) -> Iterator[tuple[str, tuple[str, ...]]]:  # noqa: ANN401 - whatever is public
    """A name and all that belongs to it."""
    if not isinstance(value, type):
        yield from called(name, value) if hasattr(value, "__code__") else ((name, ()),)
        return
    fields = [field.name for field in attributes(value)]
    is_built = hasattr(value, "__match_args__") and name not in _MADE_BY_US  # a dataclass or a named tuple
    yield name, tuple(fields) if is_built else ()
    yield from ((f"{name}.{field}", ()) for field in fields if f"{name}.{field}" not in _INTERNAL)
    for method, function in methods(value):
        if not method.startswith("test_") and f"{name}.{method}" not in _INTERNAL:
            yield from called(f"{name}.{method}", function)


def called(name: str, function: Any) -> Iterator[tuple[str, tuple[str, ...]]]:  # noqa: ANN401 - ditto
    """A function, method or property with its parameters."""
    if isinstance(function, property):
        yield name, ()
        return
    node = ast.parse(f"def {signature(function, 'it')}: ...").body[0]
    assert isinstance(node, ast.FunctionDef)
    yield name, tuple(each.arg for each in (*node.args.posonlyargs, *node.args.args))
    yield from ((f"{name} {each.arg}=", ()) for each in node.args.kwonlyargs)


def broken(promised: Names, there: Names) -> list[str]:
    """What is not as it was promised."""
    return [name for name, given in promised.items() if name not in there or there[name][: len(given)] != given]


def lines(names: Names) -> str:
    """As in the file."""
    return "".join(f"{name}({', '.join(given)})\n" if given else f"{name}\n" for name, given in sorted(names.items()))


def read(text: str) -> Names:
    """Back from it."""
    found = (re.fullmatch(r"([^(]+)(?:\((.+)\))?", line) for line in text.splitlines())
    return {match[1]: tuple(match[2].split(", ")) if match[2] else () for match in found if match}


@pytest.mark.parametrize("version", PROMISED, ids=lambda path: path.stem)
def test_what_a_version_promised_is_there(version: Path) -> None:
    assert broken(read(version.read_text()), present()) == []


def test_the_current_version_has_nothing_that_is_not_promised() -> None:
    assert lines(present()) == CURRENT.read_text()


@pytest.mark.parametrize(
    ("there", "missed"),
    [
        ({"a": ("x", "y"), "a.b": ()}, []),
        ({"a": ("x", "y", "z"), "a.b": (), "c": ()}, []),
        ({"a": ("x", "z", "y"), "a.b": ()}, ["a"]),
        ({"a": ("x",), "a.b": ()}, ["a"]),
        ({"a": ("x", "y")}, ["a.b"]),
    ],
)
def test_more_is_welcome_and_less_or_another_order_is_found(there: Names, missed: Iterable[str]) -> None:
    assert broken({"a": ("x", "y"), "a.b": ()}, there) == missed
    assert read(lines(there)) == there
