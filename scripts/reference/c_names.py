"""What fragments may use in C, from the comments of the headers that stand before them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).resolve().parents[2] / "core/src/tracer_core/compose/bpf"
HEADER = "tracer.bpf.h"
"""All of this is for fragments but what is listed below; of other headers, what says so."""

INTERNAL = frozenset(
    {
        "TRACER_BLOB_STEP",
        "TRACER_BLOB_ROOM",
        "TRACER_BIT_FIELD",
        "TRACER_WALKED",
        "TRACER_IS_POINTER",
        "TRACER_POINTER_CLASS",
        "TRACER_SPAN_FIRST",
        "TRACER_SPAN_SIZE",
        "tracer_fill_offsets",
        "tracer_get",
        "tracer_spanned",
        "struct tracer_event",
        "tracer_end",
        "tracer_reserve",
        "tracer_reserve_blob",
    }
)
"""What the header needs for itself, and nobody else may use. All else in it is for fragments, and under a comment."""

_OURS = "For fragments: "

_ITEM = re.compile(
    r"""^/\*(?P<comment>.*?)\*/$
    |^(?P<define>\#define\ (?P<macro>\w+)(?P<takes>\([^)]*\))?)(?P<value>[^\n]*)
    |^(?P<struct>struct\ (?P<tag>\w+)\ \{\n.*?^\};)$
    |^static\ __always_inline\ (?P<function>[^\n{]*?(?P<name>\w+)\([^)]*\))$""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
_WORD = re.compile(r"(?<![\w`])((?:TRACER_|(?:struct )?tracer_)\w+(?:\([^)]*\)| \*)?|ctx->\w+)")
_LISTED = re.compile(r"(?:TRACER|tracer)_\w+: ")  # what each line is about


@dataclass
class Topic:
    """A comment with what it is about.

    Attributes:
        comment: As in the source.
        items: How each is used, by its name.
    """

    comment: str
    items: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Names of all, or of the first of many."""
        first, *others = self.items
        return ", ".join(self.items) if len(others) < 3 else f"{first} and what goes with it"

    @property
    def anchor(self) -> str:
        """Of the heading."""
        return self.title.lower().replace(",", "").replace(" ", "-")


def c_page() -> str:
    """All names, each with its comment; those that one comment is about, together."""
    others = sorted(path for path in FOLDER.glob("*.bpf.h") if path.name != HEADER)
    found = [topic for topic in topics((FOLDER / HEADER).read_text()) if topic.items]
    found += [topic for path in others for topic in _for_fragments(path.read_text())]
    rows = "".join(f"| `{name}` | [{_first(topic)}](#{topic.anchor}) |\n" for topic in found for name in topic.items)
    index = f"\n| name | about |\n| --- | --- |\n{rows}"
    return index + "".join(map(_told, found))


def _for_fragments(text: str) -> Iterator[Topic]:
    """The topics of a header of the core's own whose comment says that fragments may use them."""
    for match, following in pairwise(_ITEM.finditer(text)):
        said = " ".join(_text(match["comment"] or ""))
        if said.startswith(_OURS):
            text = said.removeprefix(_OURS)
            yield Topic(text[0].upper() + text[1:], {_name(following): _use(following)})


def topics(text: str) -> Iterator[Topic]:
    """The comments of a header, each with what follows it.

    Raises:
        SystemExit: something for fragments has no comment.
    """
    matches = [match for match in _ITEM.finditer(text) if "SPDX" not in (match["comment"] or "")]
    topic = Topic("")
    for match, following in zip(matches, [*matches[1:], None], strict=True):
        if match["comment"] is not None:
            # one on what is internal is so, too
            if following is None or _name(following) not in INTERNAL:
                yield topic
                topic = Topic(match["comment"])
        elif (name := _name(match)) not in INTERNAL:
            if not topic.comment:
                raise SystemExit(f"{name} has no comment above it")
            topic.items[name] = _use(match)
    yield topic


def _name(match: re.Match[str]) -> str:
    return match["macro"] or match["name"] or (f"struct {match['tag']}" if match["tag"] else "")


def _use(match: re.Match[str]) -> str:
    """How a macro, a structure or a function is used."""
    if match["struct"] or match["function"]:
        return match["struct"] or match["function"]
    # of what takes no arguments the value matters
    return f"{match['macro']}{match['takes']}" if match["takes"] else f"{match['define']}{match['value']}"


def _told(topic: Topic) -> str:
    uses = "\n".join(topic.items.values())
    return f"\n## {topic.title}\n\n```c\n{uses}\n```\n\n{_markdown(topic.comment)}\n"


def _first(topic: Topic) -> str:
    """The first sentence of a comment, or what leads up to a list of its own."""
    return re.split(r"(?<=[.:])\s", _text(topic.comment)[0].strip(), maxsplit=1)[0].rstrip(":")


def _text(comment: str) -> list[str]:
    """The paragraphs of a comment. Lines that are indented further stay lines."""
    lines = [line.strip().removeprefix("*").removeprefix(" ") for line in comment.strip().splitlines()]
    return [paragraph for paragraph in "\n".join(lines).strip("\n").split("\n\n") if paragraph.strip()]


def _markdown(comment: str) -> str:
    found = []
    for paragraph in _text(comment):
        if paragraph.startswith("  "):
            found.append("\n".join(f"    {line.strip().expandtabs(8)}" for line in paragraph.splitlines()))
        elif _LISTED.match(paragraph):
            found.append("\n".join(f"- {_quoted(line)}" for line in paragraph.splitlines()))
        else:
            found.append(_quoted(" ".join(paragraph.split())))
    return "\n\n".join(found)


def _quoted(text: str) -> str:
    return _WORD.sub(r"`\1`", text)
