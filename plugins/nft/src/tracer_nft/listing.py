"""The rules of a network namespace as ``nft`` lists them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

from tracer_core.api import find_namespace

Rules = dict[tuple[int, int], str]
"""The text of rules by the handle of the table and their own."""

_LIST: Final = ("nft", "--stateless", "--handle", "list", "ruleset")
_PATIENCE: Final = 5.0  # seconds for nft
_OPENED = re.compile(r"\s*(?P<kind>\w+).*\{(?: # handle (?P<handle>\d+))?")
_RULE = re.compile(r"\s*(?P<text>.+) # handle (?P<handle>\d+)")


def list_rules(inode: int) -> Rules | None:
    """Read the rules of a network namespace.

    Args:
        inode: Its number; 0 for our own.

    Returns:
        Nothing if it has no name and no process any more, or ``nft`` does not tell.
    """
    command: tuple[str, ...] = _LIST
    if inode and inode != Path("/proc/self/ns/net").stat().st_ino:
        path = find_namespace("net", inode)
        if path is None:
            return None
        command = ("nsenter", f"--net={path}", *_LIST)
    try:
        listing = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_PATIENCE,
            start_new_session=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return parse(listing.stdout.decode(errors="replace"))


def parse(listing: str) -> Rules:
    """The rules in what ``nft --stateless --handle list ruleset`` prints: a line each, within chains within tables."""
    rules: Rules = {}
    table = 0
    blocks: list[str] = []
    for line in listing.splitlines():
        if line.strip() == "}":
            del blocks[-1:]
        elif opened := _OPENED.fullmatch(line):
            blocks.append(opened["kind"])
            if opened["kind"] == "table":
                table = int(opened["handle"] or 0)
        elif blocks == ["table", "chain"] and (rule := _RULE.fullmatch(line)):
            rules[table, int(rule["handle"])] = rule["text"]
    return rules
