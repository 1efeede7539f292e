"""Where profiles are: in files, in folders, and in the packages of the core and of collectors."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tracer_core.errors import PluginError, UsageError, near
from tracer_core.paths import exists, is_file, is_folder
from tracer_core.plugins.declare import profiles as profiles_of
from tracer_core.profiles.read import read, read_file
from tracer_core.types import ProfileSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tracer_core.plugins.host import Host
    from tracer_core.profiles.profile import Problem, Profile, Reading

log = logging.getLogger(__name__)

BUILT_IN = ("generic", "ifdump")
"""Profiles of the core: those that name no collector."""

_HOMES = (".config/tracer/profiles", ".config/retis/profiles")
_SYSTEM = ("/usr/share/tracer/profiles", "/usr/share/retis/profiles", "/etc/tracer/profiles", "/etc/retis/profiles")
_SUFFIXES = (".yaml", ".yml")
_LIST = "list them with: tracer profile list"


@dataclass(frozen=True, slots=True)
class Shelf:
    """A place with profiles.

    Attributes:
        name: A folder, or whose package it is.
        readings: What was read there, file by file, sorted by name.
    """

    name: str
    readings: tuple[Reading, ...]

    @property
    def profiles(self) -> Iterator[Profile]:
        """Those that can be used."""
        for reading in self.readings:
            yield from reading.profiles


def shelves(extra: Path | None, host: Callable[[], Host]) -> Iterator[Shelf]:
    """All places, in the order in which a name is looked up.

    Args:
        extra: A folder that comes first.
        host: Gives the installed collectors. They are asked last, since they are imported for it.
    """
    for folder in folders(extra):
        yield Shelf(str(folder), tuple(map(read_file, _files(folder))))
    ours = (ProfileSource.resource("tracer_core", f"profiles/builtin/{name}.yaml") for name in BUILT_IN)
    yield Shelf("built-in", tuple(map(_shipped, ours)))
    for collector in host().usable(lambda error: log.debug("no profiles are taken from it: %s", error)):
        try:
            theirs = profiles_of(collector)
        except PluginError as error:
            log.warning("no profiles are taken from it: %s", error.message)
            continue
        if readings := tuple(map(_shipped, theirs)):
            yield Shelf(str(collector.owner), readings)


def folders(extra: Path | None) -> Iterator[Path]:
    """The folders that exist."""
    home = os.environ.get("HOME")
    known = [*((Path(home, part) for part in _HOMES) if home else ()), *map(Path, _SYSTEM)]
    yield from (folder for folder in ([extra] if extra else []) + known if is_folder(folder))


def find(name: str, extra: Path | None, host: Callable[[], Host]) -> Profile:
    """The profile that a user means.

    Args:
        name: The path of a file with one profile, or a profile's name, or another one's.
        extra: A folder to look in first.
        host: See :func:`shelves`.

    Raises:
        UsageError: there is none, or it is not clear which, or it is bad.
    """
    path = Path(name)
    if _is_file(path) and os.access(path, os.R_OK):
        return _of_file(path)
    shelf, passed = _search(name, extra, host)
    if shelf is not None:
        return _told(_on(shelf, name), shelf.readings)
    for problem in _bad_on(passed):
        log.debug("Skipping invalid file %s", problem)
    if _is_file(path):
        return _of_file(path)  # which says why it cannot be read
    raise _not_found(name, extra, passed)


def find_readings(name: str, extra: Path | None, host: Callable[[], Host]) -> tuple[Reading, ...]:
    """All that was read in what a user means, good or bad: see :func:`find`. A folder stands for its files, too.

    Raises:
        UsageError: there is none.
    """
    path = Path(name)
    if _is_file(path) and os.access(path, os.R_OK):
        return (read_file(path),)
    shelf, passed = _search(name, extra, host)
    if shelf is not None:
        return tuple(reading for reading in shelf.readings if _has(reading, name))
    if _is_file(path):
        return (read_file(path),)
    if not name or not is_folder(path):
        raise _not_found(name, extra, passed)
    if found := tuple(map(read_file, _files(path))):
        return found
    raise UsageError(f"{name}: no file in it is called *{' or *'.join(_SUFFIXES)}")


def _search(name: str, extra: Path | None, host: Callable[[], Host]) -> tuple[Shelf | None, list[Shelf]]:
    """The first shelf that has something of that name, good or bad, and those before it."""
    passed: list[Shelf] = []
    for shelf in shelves(extra, host):
        if any(_has(reading, name) for reading in shelf.readings):
            return shelf, passed
        passed.append(shelf)
    return None, passed


def _is_file(path: Path) -> bool:
    """Whether it is one, or something like ``<(…)`` of a shell."""
    return is_file(path) or (path.is_absolute() and exists(path) and not is_folder(path))


def _of_file(path: Path) -> Profile:
    reading = read_file(path)
    return _told(_only(reading), [reading])


def _told(profile: Profile, readings: Iterable[Reading]) -> Profile:
    """The profile, with what is odd about it said."""
    for reading in readings:
        for problem in reading.problems:
            if (problem.origin, problem.profile) == (profile.origin, profile.name):
                log.warning("%s:%d: %s", problem.origin, problem.line, problem.what)
    return profile


def _on(shelf: Shelf, name: str) -> Profile:
    """The profile of that name on a shelf that has it. If it is bad, others of its name are not taken instead."""
    found = [profile for profile in shelf.profiles if profile.name == name]
    if len(found) > 1:
        places = " and ".join(profile.at(profile.line) for profile in found)
        raise UsageError(f"Found two profiles with name '{name}' in {shelf.name}: {places}", hint="rename one of them")
    if not found:
        raise _bad(next(reading for reading in shelf.readings if _has(reading, name)))
    return found[0]


def _has(reading: Reading, name: str) -> bool:
    """Whether there is a profile of that name in a file, or would be, if it were good."""
    bad = (problem.profile or Path(reading.origin).stem for problem in reading.fatal)
    return name in (*(profile.name for profile in reading.profiles), *bad)


def _only(reading: Reading) -> Profile:
    """The one profile of a file."""
    if reading.fatal:
        raise _bad(reading)
    if len(reading.profiles) > 1:
        names = ", ".join(profile.name for profile in reading.profiles)
        folder = Path(reading.origin).parent
        raise UsageError(f"{reading.origin} has several profiles: {names}", hint=f"name one: -P {folder} -p NAME")
    return reading.profiles[0]


def _bad(reading: Reading) -> UsageError:
    more = f", and {len(reading.fatal) - 1} more" if len(reading.fatal) > 1 else ""
    return UsageError(f"{reading.fatal[0]}{more}", hint=f"see: tracer profile check {reading.origin}")


def _bad_on(shelves: Iterable[Shelf]) -> list[Problem]:
    return [problem for shelf in shelves for reading in shelf.readings for problem in reading.fatal]


def _not_found(name: str, extra: Path | None, passed: Iterable[Shelf]) -> UsageError:
    """The error for a name that is on none of the shelves."""
    origins = {problem.origin for problem in _bad_on(passed)}
    places = ", ".join([*map(str, folders(extra)), "the core or a collector"])
    others = f" ({len(origins)} file(s) cannot be read)" if origins else ""
    known = [profile.name for shelf in passed for profile in shelf.profiles]
    what = f"Profile with name {name} not found{others}: there is no such file, and no such name in {places}"
    return UsageError(what, hint=near(name, known) or _LIST)


def _files(folder: Path) -> Iterator[Path]:
    try:
        names = sorted(folder.iterdir())
    except OSError as error:
        log.debug("Skipping %s: %s", folder, error)
        return
    yield from (path for path in names if path.suffix in _SUFFIXES and is_file(path))


def _shipped(source: ProfileSource) -> Reading:
    reading = read(source.text.encode(), source.origin)
    return replace(reading, profiles=tuple(replace(profile, is_shipped=True) for profile in reading.profiles))
