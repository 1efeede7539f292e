"""The text of what a file says of its run, as Retis shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.display.head import utc
from tracer_core.display.printable import printable

if TYPE_CHECKING:
    from tracer_core.events.about import About
    from tracer_core.types import TextOptions


def startup_text(about: About, options: TextOptions, *, dates: bool) -> str:
    """What a file says of its run, with the line ends that separate it from the first event.

    Args:
        about: The run.
        options: How the user wants text.
        dates: Times are shown as dates, in UTC.
    """
    time = utc(about.started + about.clock_offset) if dates else str(about.started)
    parts = [time, *startup_parts(about)]
    return "\n  ".join(parts) + "\n\n" if options.multi_line else " ".join(parts) + "\n"


def startup_parts(about: About) -> list[str]:
    """What a file says of its run, part by part, but for when it began."""
    parts = (
        f"collected with {about.writer}",
        f"on machine {about.kernel_release} {about.kernel_version} {about.hardware}",
        *([f"file id {about.split.number}"] if about.split else []),
        f"cmdline {about.command}",
    )
    return list(map(printable, parts))
