"""Documents of YAML as trees of nodes that know their lines. Nothing is constructed of them: a scalar is its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_SIZE = 1 << 18
"""Bytes that a file of profiles may have: the parser takes seconds for a MB."""

_NULL = "tag:yaml.org,2002:null"

Node = yaml.Node
Scalar = yaml.ScalarNode
Sequence = yaml.SequenceNode
Mapping = yaml.MappingNode


class YamlError(Exception):
    """A file is no YAML.

    Args:
        line: On which.
        what: One line.
    """

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line
        self.what = what


def documents(data: bytes) -> Iterator[tuple[Node, str]]:
    """The documents of a file that are not empty, each with its text.

    Raises:
        YamlError: it is no YAML.
    """
    if len(data) > MAX_SIZE:
        raise YamlError(1, f"larger than {MAX_SIZE >> 10} KiB, which no profile is")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise YamlError(data.count(b"\n", 0, error.start) + 1, "not text in UTF-8") from error
    try:
        # kept from one document to the next: the parser reads on where it ended
        for node in yaml.compose_all(text, Loader=yaml.SafeLoader):
            if not is_null(node):
                yield node, text[node.start_mark.index : node.end_mark.index]
    except yaml.reader.ReaderError as error:
        raise YamlError(_line(text, error.position), f"U+{error.character:04X} is no character of YAML") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(mark.line + 1 if mark else 1, _words(error)) from error
    except RecursionError as error:
        raise YamlError(1, "nested too deeply") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # such as "\UFFFFFFFF", which is no character
        raise YamlError(1, f"not YAML: {' '.join(str(error).split())}") from error


def line_of(node: Node) -> int:
    """The line on which it begins, from 1."""
    return int(node.start_mark.line) + 1


def is_null(node: Node) -> bool:
    """Whether it is ``~``, ``null``, or nothing at all."""
    return isinstance(node, Scalar) and node.tag == _NULL


def kind_of(node: Node) -> str:
    """What it is, in messages."""
    if is_null(node):
        return "nothing"
    return {Scalar: "text", Sequence: "a list", Mapping: "a mapping"}.get(type(node), "something else")


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _words(error: yaml.MarkedYAMLError) -> str:
    return " ".join(f"{error.context or ''} {error.problem or ''}".split()) or "not YAML"
