"""Which entry of a profile counts on a kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.profiles.profile import UNNAMED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracer_core.kernel.view import TypedKernel
    from tracer_core.profiles.profile import Entry, Profile


@dataclass(frozen=True, slots=True)
class Chosen:
    """An entry that is applied, and the profile that it is of."""

    profile: Profile
    entry: Entry

    def __str__(self) -> str:
        name = self.entry.name
        return self.profile.name if name == UNNAMED else f"{self.profile.name}: {name}"


def choose(profile: Profile, command: str, kernel: Callable[[], TypedKernel]) -> Chosen | None:
    """The first entry for a command whose conditions hold.

    Args:
        profile: The profile.
        command: The key.
        kernel: Gives the traced kernel; only asked if there are conditions.
    """
    for entry in profile.entries.get(command, ()):
        if all(condition.holds(kernel()) for condition in entry.conditions):
            return Chosen(profile, entry)
    return None
