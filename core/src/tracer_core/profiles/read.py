"""From files to profiles, or to what is wrong with them, line by line."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from tracer_core.profiles.conditions import SymbolCondition, VersionCondition, is_symbol
from tracer_core.profiles.nodes import Mapping, Node, Scalar, Sequence, YamlError, documents, is_null, kind_of, line_of
from tracer_core.profiles.profile import COMMANDS, UNNAMED, Argument, Entry, Problem, Profile, Reading, Value
from tracer_core.profiles.versions import parse_comparisons

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tracer_core.profiles.conditions import Condition

_VERSION = (1, 0)
"""Version of the format that we know. Those of one major version are read, as far as we know what is in them."""

_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
"""As YAML 1.2 has them in its core schema."""

_UNPRINTABLE = ("Cc", "Cs")
"""Categories of Unicode: control characters, and halves of a surrogate pair, which an escape of YAML can be."""

_OPTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*", re.ASCII)


class _BadError(Exception):
    """Something that makes a profile useless."""

    def __init__(self, node: Node, what: str) -> None:
        super().__init__(what)
        self.line = line_of(node)


def read_file(path: Path) -> Reading:
    """Read a file of profiles; one that cannot be read has that problem."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return Reading(str(path), problems=(Problem(str(path), 0, error.strerror or str(error)),))
    return read(data, str(path))


def read(data: bytes, origin: str) -> Reading:
    """Read the content of a file.

    Args:
        data: YAML: a profile for each document.
        origin: The file, for messages.
    """
    profiles: list[Profile] = []
    problems: list[Problem] = []
    try:
        for node, text in documents(data):
            document = _Document(origin, text)
            if (profile := document.profile(node)) is not None:
                profiles.append(profile)
            problems += document.problems
        if not profiles and not problems:
            problems.append(Problem(origin, 1, "there is no profile in it"))
    except YamlError as error:
        problems.append(Problem(origin, error.line, error.what))
    return Reading(origin, tuple(profiles), tuple(sorted(problems, key=lambda problem: problem.line)))


class _Document:
    """Reads one document. Goes on after problems, to find them all.

    Args:
        origin: The file.
        text: Of the document.
    """

    def __init__(self, origin: str, text: str) -> None:
        self.problems: list[Problem] = []
        self._origin = origin
        self._text = text
        self._name = ""

    def profile(self, node: Node) -> Profile | None:
        """The profile, if it can be used."""
        try:
            keys = self._mapping(node, "a profile", ("version", "name", "about", *COMMANDS))
        except _BadError as error:
            self._fatal(error)
            return None
        self._name = self._text_of(keys, "name", node) or ""
        self._refuse_version(keys, node)
        about = self._text_of(keys, "about")
        entries = {command: self._entries(keys[command], command) for command in COMMANDS if command in keys}
        if any(problem.is_fatal for problem in self.problems):
            return None
        return Profile(self._name, self._origin, line_of(node), about or "", entries, self._text)

    def _refuse_version(self, keys: dict[str, Node], node: Node) -> None:
        version = self._text_of(keys, "version", node)  # of 1.10, the text: as a number it were 1.1
        if version is None:
            return
        match = re.fullmatch(r"(\d{1,9})\.(\d{1,9})", version, re.ASCII)
        ours = ".".join(map(str, _VERSION))
        if match is None:
            self._note(keys["version"], f"version {version!r}: not MAJOR.MINOR, such as {ours}")
        elif int(match[1]) != _VERSION[0]:
            self._note(keys["version"], f"version {version}: not supported, versions {_VERSION[0]}.x are")
        elif int(match[2]) > _VERSION[1]:
            what = f"version {version}: partially supported, as far as it is like {ours}"
            self._note(keys["version"], what, is_fatal=False)

    def _entries(self, node: Node, command: str) -> tuple[Entry, ...]:
        if is_null(node):
            return ()
        if not isinstance(node, Sequence):
            self._note(node, f"{command}: must be a list of entries, not {kind_of(node)}")
            return ()
        found = []
        for item in node.value:
            try:
                found.append(self._entry(item, command))
            except _BadError as error:
                self._fatal(error)
        return tuple(found)

    def _entry(self, node: Node, command: str) -> Entry:
        keys = self._mapping(node, f"an entry of {command}", ("name", "when", "args", "required"))
        name = self._text_of(keys, "name") or UNNAMED
        conditions = self._conditions(keys["when"]) if "when" in keys else ()
        if "args" not in keys:
            raise _BadError(node, f"an entry of {command} without args")
        arguments = self._arguments(keys["args"])
        required = self._required(keys["required"], arguments) if "required" in keys else ()
        return Entry(name, line_of(node), conditions, arguments, frozenset(required))

    def _conditions(self, node: Node) -> tuple[Condition, ...]:
        if is_null(node):
            return ()
        if not isinstance(node, Sequence):
            self._note(node, f"when: must be a list of conditions, not {kind_of(node)}")
            return ()
        found: list[Condition] = []
        for item in node.value:
            try:
                found.append(self._condition(item))
            except _BadError as error:
                self._fatal(error)
        return tuple(found)

    def _condition(self, node: Node) -> Condition:
        keys = self._mapping(node, "a condition", ("type", "version", "name", "exists"))
        kind = self._must(keys, "type", node)
        if kind == "version":
            text = self._must(keys, "version", node)
            try:
                return VersionCondition(text, parse_comparisons(text))
            except ValueError as error:
                raise _BadError(keys["version"], str(error)) from error
        if kind == "symbol":
            name = self._must(keys, "name", node)
            if not is_symbol(name):
                raise _BadError(keys["name"], f"name {name!r}: neither a function nor GROUP:NAME of a tracepoint")
            return SymbolCondition(name, exists=self._bool(keys["exists"], "exists") if "exists" in keys else True)
        raise _BadError(keys["type"], f"type {kind!r}: there are conditions of type version and symbol")

    def _arguments(self, node: Node) -> tuple[Argument, ...]:
        found: dict[str, Argument] = {}
        for written, key, value in self._pairs(node, "args"):
            name = written.replace("_", "-")
            try:
                if not _OPTION.fullmatch(name):
                    raise _BadError(key, f"{written!r} is not the name of an option")
                if name in found:  # "_" is "-", too
                    raise _BadError(key, f"{written} is there twice")
                found[name] = Argument(name, line_of(key), self._values(value, written))
            except _BadError as error:
                self._fatal(error)
        return tuple(found[name] for name in sorted(found))

    def _values(self, node: Node, key: str) -> tuple[Value, ...] | None:
        if is_null(node):
            return None
        if isinstance(node, Sequence):
            return tuple(Value(self._scalar(item, key), line_of(item)) for item in node.value)
        return (Value(self._scalar(node, key), line_of(node)),)

    def _required(self, node: Node, arguments: Iterable[Argument]) -> Iterable[str]:
        known = set(names_of(arguments))
        if not isinstance(node, Sequence):
            return known if self._bool(node, "required") else ()
        found = []
        for item in node.value:
            name = self._scalar(item, "required")
            if name not in known:
                self._note(item, f"required: {name} is neither a probe nor a collector of this entry")
            found.append(name)
        return found

    def _mapping(self, node: Node, what: str, known: tuple[str, ...]) -> dict[str, Node]:
        """The keys of a mapping and what they stand for. Warns of those that are not known."""
        found: dict[str, Node] = {}
        for name, key, value in self._pairs(node, what):
            if name not in known:
                self._note(key, f"{what} has no key {name}, but {', '.join(known)}", is_fatal=False)
            if name in found:
                self._note(key, f"{name} is there twice")
            found[name] = value
        return found

    def _pairs(self, node: Node, what: str) -> Iterator[tuple[str, Node, Node]]:
        if not isinstance(node, Mapping):
            raise _BadError(node, f"{what} must be a mapping, KEY: VALUE, not {kind_of(node)}")
        for key, value in node.value:
            yield self._scalar(key, f"a key of {what}"), key, value

    def _must(self, keys: dict[str, Node], key: str, node: Node) -> str:
        """The text of a key without which nothing goes on."""
        if key not in keys:
            raise _BadError(node, f"{key} is missing")
        return self._scalar(keys[key], key)

    def _text_of(self, keys: dict[str, Node], key: str, node: Node | None = None) -> str | None:
        """The text of a key; notes what is wrong with it, and that it is missing, if *node* must have it."""
        if key not in keys and node is None:
            return None
        try:
            text = self._must(keys, key, node or keys[key])
            if node is not None and not text.strip():
                raise _BadError(keys[key], f"{key} is empty")
        except _BadError as error:
            self._fatal(error)
            return None
        return " ".join(text.split())

    def _scalar(self, node: Node, what: str) -> str:
        if not isinstance(node, Scalar) or is_null(node):
            raise _BadError(node, f"{what}: must be text, not {kind_of(node)}")
        text = str(node.value)
        if any(unicodedata.category(character) in _UNPRINTABLE for character in text if character not in "\n\t"):
            raise _BadError(node, f"{what}: {text!a} has characters that cannot be printed")
        return text

    def _bool(self, node: Node, key: str) -> bool:
        text = self._scalar(node, key)
        if (value := _BOOLEANS.get(text)) is None:
            raise _BadError(node, f"{key}: must be true or false, not {text}")
        return value

    def _note(self, node: Node, what: str, *, is_fatal: bool = True) -> None:
        self.problems.append(Problem(self._origin, line_of(node), what, self._name, is_fatal))

    def _fatal(self, error: _BadError) -> None:
        self.problems.append(Problem(self._origin, error.line, str(error), self._name))


def names_of(arguments: Iterable[Argument]) -> Iterable[str]:
    """The probes and collectors among the values of options."""
    for argument in arguments:
        for value in argument.values or ():
            if argument.is_probes:
                yield value.text
            elif argument.is_collectors:
                yield from (part.strip() for part in value.text.split(",") if part.strip())
