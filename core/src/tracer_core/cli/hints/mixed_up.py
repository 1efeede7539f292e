"""``-p`` names profiles before the command, and probes behind it: what to tell who takes one for the other."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tracer_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@contextmanager
def hinting_at_profiles(command: str, probes: Iterable[str], folder: Path | None) -> Iterator[None]:
    """Have the error for a probe tell of the profile that has its name, if there is one.

    Args:
        command: Of the probes.
        probes: As they were given.
        folder: Where profiles are looked for first.
    """
    try:
        yield
    except UsageError as error:
        wrong = next((text for text in probes if error.message.startswith((f"probe {text}:", f"probe {text!r}:"))), "")
        if not wrong or not _is_profile(wrong, folder):
            raise
        hint = f"if the profile of that name is meant: tracer -p {wrong} {command}"
        raise UsageError(error.message, hint=hint) from error


@contextmanager
def hinting_at_probes(command: str, profile: str) -> Iterator[None]:
    """Have the error for a profile that there is not tell where probes stand, if the command has any.

    Args:
        command: Of the profile.
        profile: Its name, as it was given.
    """
    try:
        yield
    except UsageError as error:
        has_better = error.hint.endswith("?")
        if command != "collect" or has_better or not _is_probe(profile):
            raise
        hint = f"{error.hint}; if it is a probe: tracer collect -p {profile}"
        raise UsageError(error.message, hint=hint) from error


def _is_profile(text: str, folder: Path | None) -> bool:
    """Whether it is the name of a profile, or a list of such."""
    from tracer_core.plugins.host import Host  # noqa: PLC0415 - only when something is wrong
    from tracer_core.profiles.find import shelves  # noqa: PLC0415 - ditto

    missing = {part.strip() for part in text.split(",")}
    for shelf in shelves(folder, Host):  # which are not all looked through where the first will do
        missing.difference_update(profile.name for profile in shelf.profiles)
        if not missing:
            return True
    return False


def _is_probe(text: str) -> bool:
    from tracer_core.plan.request import parse_probe  # noqa: PLC0415 - only when something is wrong

    try:
        parse_probe(text)
    except UsageError:
        return False
    return True
