"""Whether what a command printed is what a page shows: all but what no two runs have in common."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OMITTED = "…"
"""A line of a page that stands for any number of lines."""

_HEX = "[0-9a-f]"
# what differs from run to run, and what stands for it, in this order
_VARIES = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+|\b\d\d:\d\d:\d\d\.\d+", "WHEN"),
        (r"^( *(?:↳ )?)\d{8,}(?= |$)", r"\1TIME"),
        (r"TIME \(\d+\) \[.*?\] [\d/]+ (?=\[)", "TIME TASK "),
        (r"\(skb [0-9a-f]+\)", "(skb)"),
        (rf"\bns 0x{_HEX}+/\d+", "ns"),
        (r"(?<=\()([\w-]+)/\d+(?=\))", r"\1/PID"),
        (r"(?<= )id \d+(?=[\], ])", "id"),
        (r"\b(seq|ack|win|val|ecr) \d+(:\d+)?", r"\1 N"),
        (r"(?<=\.)(?:3[2-9]|[4-6]\d)\d{3}\b(?!\.)", "PORT"),
        (r"\btime[= ][\d.]+ ?ms|^rtt .*", "DURATION"),
        (r"\bafter \d+ns|\blatency [\d.]+[mu]?s", "DURATION"),
        (rf"(?:{_HEX}{{2}}:){{5}}{_HEX}{{2}}", "MAC"),
        (rf"\b(?:0x)?ffff{_HEX}{{12}}\b", "ADDRESS"),
        (r"\b(q|hash) (?:0x)?[0-9a-f]+", r"\1 N"),
        (rf"{_HEX}{{8}}-(?:{_HEX}{{4}}-){{3}}{_HEX}{{12}}", "UFID"),
        (r"\b(port|ts) \d{6,}", r"\1 N"),
        (r"\b(mask|cache) \d+", r"\1 N"),
        (rf"\bbpf_prog_{_HEX}+_tracer\b|(?<=\w)\+0x{_HEX}+$", ""),
        (r"^\d+ probe\(s\) loaded", "N probe(s) loaded"),
        (r"^seen in [\d.]+ s:", "seen in DURATION:"),
        (r"^  on machine .*", "  on machine"),
    )
]
_IDENTITY = re.compile(rf"#{_HEX}{{12,}}\b")
# what machines differ in: told if they have it, and no part of what a page is about
_OF_MACHINES = re.compile(r"^WARN  (functions cannot be probed here|tracefs cannot be read|lost \d+ event)")


def of_machine(line: str) -> bool:
    """Whether a line says what this machine cannot do, which is not for the page."""
    return bool(_OF_MACHINES.match(line))


def normal(lines: Iterable[str]) -> list[str]:
    """Lines with what varies replaced; identities of packets by their number, so that one packet stays one."""
    identities: dict[str, str] = {}
    found = []
    for line in lines:
        if of_machine(line):
            continue
        text = line.rstrip()
        for pattern, replacement in _VARIES:
            text = pattern.sub(replacement, text)
        found.append(_IDENTITY.sub(lambda match: identities.setdefault(match[0], f"#{len(identities)}"), text))
    return found


def is_among(line: str, printed: Iterable[str]) -> bool:
    """Whether a line was printed, with whatever numbers; ``…`` in it stands for anything."""
    (text,) = normal([line])
    pattern = re.compile(re.sub(r"\d+", r"\\d+", re.escape(text)).replace(OMITTED, ".*"))
    return any(pattern.fullmatch(one) for one in normal(printed))


def alike(shown: Sequence[str], out: Sequence[str], err: Sequence[str]) -> bool:
    """Whether the lines shown are those of both streams, in the order of each, whichever came first of two streams.

    Args:
        shown: On the page.
        out: What was printed on stdout.
        err: What was printed on stderr.
    """
    wanted, first, second = normal(shown), normal(out), normal(err)
    reached = {(0, 0)}  # so much of each stream may be what the lines so far show
    for line in wanted:
        if line.strip() == OMITTED:
            reached = {(i, j) for a, b in reached for i in range(a, len(first) + 1) for j in range(b, len(second) + 1)}
            continue
        reached = {(i + 1, j) for i, j in reached if i < len(first) and first[i] == line} | {
            (i, j + 1) for i, j in reached if j < len(second) and second[j] == line
        }
    # a page need not show the empty lines at the end
    return any(not any(first[i:]) and not any(second[j:]) for i, j in reached)
