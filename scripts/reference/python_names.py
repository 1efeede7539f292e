"""What the source says of a public name: its docstring, its attributes with types and defaults, its methods."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import sys
import textwrap
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")
_HEAD = re.compile(r"^(Args|Attributes|Raises|Returns|Example):{1,2}$", re.MULTILINE)
_ENTRY = re.compile(r"^(\w[\w.]*): ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Doc:
    """A docstring in its parts.

    Attributes:
        summary: Its first sentence.
        text: All of it before the first part, Markdown.
        entries: Of each part, texts by name: ``Attributes``, ``Args``, ``Raises``.
        returns: What is returned, if it says so.
        example: Code.
    """

    summary: str
    text: str
    entries: dict[str, dict[str, str]]
    returns: str = ""
    example: str = ""


def parsed(docstring: str | None) -> Doc:
    """The parts of a docstring in Google's style."""
    text = inspect.cleandoc(docstring or "")
    before, *rest = _HEAD.split(text)
    parts = dict(zip(rest[::2], rest[1::2], strict=True))
    entries = {name: _entries(parts[name]) for name in ("Args", "Attributes", "Raises") if name in parts}
    summary = re.split(r"(?<=\.)\s", flat(before), maxsplit=1)[0]
    example = textwrap.dedent(parts.get("Example", "")).strip()
    return Doc(summary, markdown(before), entries, flat(parts.get("Returns", "")), example)


def _entries(part: str) -> dict[str, str]:
    _, *found = _ENTRY.split(textwrap.dedent(part).strip())
    return {name: flat(text) for name, text in zip(found[::2], found[1::2], strict=True)}


def markdown(text: str) -> str:
    """A docstring's text as Markdown: references and C in backquotes, literal blocks as code."""
    found = _ROLE.sub(r"`\1`", text.strip()).replace("``", "`")
    return re.sub(r"::\n\n((?: {4}.*\n?|\n)+)", _code, found).replace("\n\n\n", "\n\n").strip()


def _code(match: re.Match[str]) -> str:
    return f":\n\n```python\n{textwrap.dedent(match[1]).strip()}\n```\n\n"


def flat(text: str) -> str:
    """The same on one line, for cells of tables."""
    return re.sub(r"\s+", " ", _ROLE.sub(r"`\1`", text).replace("``", "`")).strip()


def strings_after(tree: ast.Module | ast.ClassDef) -> dict[str, str]:
    """The strings that stand after assignments, by name."""
    found = {}
    for one, text in pairwise(tree.body):
        match one, text:
            case (
                ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(doc))),
            ):
                found[name] = flat(doc)
    return found


def class_tree(cls: type[Any]) -> ast.ClassDef:
    """The source of a class."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    return next(node for node in tree.body if isinstance(node, ast.ClassDef))


def said_of(name: str) -> str:
    """The string after a name that some module of the core assigns; nothing if there is none."""
    for module in [module for path, module in sorted(sys.modules.items()) if path.startswith("tracer_core.")]:
        if name in vars(module) and (found := strings_after(ast.parse(inspect.getsource(module))).get(name)):
            return found
    return ""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A field of a class.

    Attributes:
        name: Its name.
        type: As in the source.
        default: As in source; empty if it must be given.
        doc: What it is.
    """

    name: str
    type: str
    default: str
    doc: str


def attributes(cls: type[Any]) -> Iterator[Attribute]:
    """The fields of a dataclass or named tuple, the members of an enumeration, and what other classes annotate."""
    told = {**parsed(cls.__doc__).entries.get("Attributes", {}), **strings_after(class_tree(cls))}
    if issubclass(cls, Enum):
        for member in cls:
            yield Attribute(member.name, "", repr(member.value), told.get(member.name, ""))
        return
    defaults = _defaults(cls)
    for name, annotation in inspect.get_annotations(cls).items():
        if not name.startswith("_"):
            yield Attribute(name, _type(annotation), defaults.get(name, ""), told.get(name, ""))


def _type(annotation: Any) -> str:  # noqa: ANN401 - text, or what named tuples make of it
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__forward_arg__", str(annotation))
    return re.sub(r"^ClassVar\[(.*)\]$", r"\1", text)


def _defaults(cls: type[Any]) -> dict[str, str]:
    if dataclasses.is_dataclass(cls):
        fields = dataclasses.fields(cls)
        return {field.name: shown(field.default) for field in fields if field.default is not dataclasses.MISSING}
    if issubclass(cls, tuple):
        return {name: shown(value) for name, value in getattr(cls, "_field_defaults", {}).items()}
    return {name: shown(vars(cls)[name]) for name in inspect.get_annotations(cls) if name in vars(cls)}


def shown(value: Any) -> str:  # noqa: ANN401 - of any type
    """A default as one would write it."""
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and value == type(value)():
        return f"{type(value).__name__}()"
    return value.__name__ if isinstance(value, type) else repr(value)


def signature(function: Any, name: str) -> str:  # noqa: ANN401 - a function, or what stands for one in a class
    """How a function is called, as its source has it; a property has a type only."""
    if isinstance(function, property):
        return f"{name}: {_returns(function.fget)}"
    inner = getattr(function, "__func__", function)
    tree = ast.parse(textwrap.dedent(inspect.getsource(inner)))
    node = next(node for node in tree.body if isinstance(node, ast.FunctionDef))
    arguments = [argument for argument in (*node.args.posonlyargs, *node.args.args) if argument.arg in ("self", "cls")]
    text = ast.unparse(node.args)
    for argument in arguments:
        text = re.sub(rf"^{argument.arg}(, |$)", "", text)
    return f"{name}({text}) -> {ast.unparse(node.returns) if node.returns else 'None'}"


def _returns(function: Any) -> str:  # noqa: ANN401 - ditto
    return str(function.__annotations__.get("return", "Any"))


def methods(cls: type[Any]) -> Iterator[tuple[str, Any]]:
    """Public methods and properties that the class itself defines, in order."""
    for name, value in vars(cls).items():
        is_one = isinstance(value, property | classmethod | staticmethod) or inspect.isfunction(value)
        if is_one and not name.startswith(("_", "pytest_")):
            yield name, value
