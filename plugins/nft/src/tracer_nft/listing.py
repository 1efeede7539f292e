"""The rules of a network namespace as ``nft`` lists them."""

from __future__ import annotations

import re
import subprocess
import threading
from pathlib import Path
from typing import Final

from tracer_core.api import find_namespace

RuleKey = tuple[int, int]
"""A rule in its namespace: the handle of its table and its own."""

Rules = dict[RuleKey, str]
"""The texts of rules."""

_LIST: Final = ("nft", "--stateless", "--handle", "list", "ruleset")
_PATIENCE: Final = 5.0  # seconds for nft
_OPENED = re.compile(r"\s*(?P<kind>\w+).*\{(?: # handle (?P<handle>\d+))?")
_RULE = re.compile(r"\s*(?P<text>.+) # handle (?P<handle>\d+)")


class ListingError(Exception):
    """The rules could not be read; the message says why."""


class RuleLister:
    """Runs ``nft``, one at a time, until it is stopped, which any thread may do."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_stopped = False

    def rules(self, inode: int) -> Rules | None:
        """Read the rules of a network namespace.

        Args:
            inode: Its number; 0 for our own.

        Returns:
            Nothing if it has no name and no process any more.

        Raises:
            ListingError: ``nft`` does not tell.
        """
        command = _command(inode)
        if command is None:
            return None
        try:
            with self._started(command) as process:
                try:
                    listing, complaint = process.communicate(timeout=_PATIENCE)
                except BaseException:
                    process.kill()
                    raise
        except subprocess.TimeoutExpired:
            raise ListingError(f"nft does not answer within {_PATIENCE:g} s") from None
        except OSError as error:
            raise ListingError(f"{command[0]}: {error.strerror}") from error
        if process.returncode:
            lines = complaint.decode(errors="replace").split("\n")
            raise ListingError(f"nft: {lines[0].strip() or f'exit status {process.returncode}'}")
        return parse(listing.decode(errors="replace"))

    def stop(self) -> None:
        """Kill what runs; nothing runs from now on."""
        with self._lock:
            self._is_stopped = True
            if self._process is not None:
                self._process.kill()

    def _started(self, command: tuple[str, ...]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._is_stopped:
                raise ListingError("nft was stopped")
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            return self._process


def _command(inode: int) -> tuple[str, ...] | None:
    if not inode or inode == own_namespace():
        return _LIST
    path = find_namespace("net", inode)
    # nsenter becomes nft, so who kills it kills nft
    return None if path is None else ("nsenter", f"--net={path}", *_LIST)


def own_namespace() -> int:
    """The inode number of the network namespace that we are in."""
    return Path("/proc/self/ns/net").stat().st_ino


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
