"""Which USDT probes a program has, as ``readelf`` reads its notes: what our own reader is tested against."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import tools

if TYPE_CHECKING:
    from pathlib import Path

_NOTE = re.compile(
    r"Provider: (?P<provider>\S+)\n +Name: (?P<name>\S+)\n"
    r" +Location: (?P<address>0x[0-9a-f]+), .*\n +Arguments:(?P<arguments>.*)$",
    re.MULTILINE,
)
_LOADED = re.compile(r"^ +LOAD +(0x[0-9a-f]+) (0x[0-9a-f]+) 0x[0-9a-f]+ (0x[0-9a-f]+)", re.MULTILINE)


@dataclass(frozen=True)
class Probe:
    """One place of a probe.

    Attributes:
        provider: What comes before the colon.
        name: What comes after it.
        offset: Where in the file.
        arguments: Size and place of each, as in ``8@%rdx``.
    """

    provider: str
    name: str
    offset: int
    arguments: tuple[str, ...]


def probes(program: Path) -> list[Probe]:
    """The probes of a program; none if it has no notes.

    Raises:
        UnavailableError: there is no ``readelf``.
    """
    command = [tools.find("readelf"), "--wide", "--notes", "--segments", str(program)]
    return parse(subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout)


def parse(text: str) -> list[Probe]:
    """The same, from what ``readelf`` prints."""
    loaded = [tuple(int(number, 16) for number in match) for match in _LOADED.findall(text)]
    found = []
    for note in _NOTE.finditer(text):
        address = int(note["address"], 16)
        offset = next(at + address - start for at, start, size in loaded if start <= address < start + size)
        found.append(Probe(note["provider"], note["name"], offset, tuple(note["arguments"].split())))
    return found
