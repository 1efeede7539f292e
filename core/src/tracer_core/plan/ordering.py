"""One total order for things that say what comes before them: never the file system's, never registration's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def ordered(after: Mapping[str, Iterable[str]]) -> list[str]:
    """Order names so that each comes after those it names, and alphabetically where that leaves a choice.

    Args:
        after: For each name, the names that come before it. Names that are not keys are ignored.

    Raises:
        PluginError: names come after each other in a circle.
    """
    waiting = {name: {other for other in before if other in after} for name, before in after.items()}
    result: list[str] = []
    while waiting:
        ready = sorted(name for name, before in waiting.items() if before.issubset(result))
        if not ready:
            raise PluginError(f"these come after each other in a circle: {', '.join(sorted(waiting))}")
        result.append(ready[0])
        del waiting[ready[0]]
    return result
