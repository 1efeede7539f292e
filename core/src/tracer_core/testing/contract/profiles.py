"""The profiles that a collector ships."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.cli.commands.profile_check import problems_of
from tracer_core.cli.main import cli
from tracer_core.plugins.declare import profiles
from tracer_core.profiles.read import read

if TYPE_CHECKING:
    from tracer_core.plugins.host import Collector


def check(collector: Collector) -> None:
    """Check all of them.

    Raises:
        AssertionError: one is bad.
    """
    readings = [read(source.text.encode(), source.origin) for source in profiles(collector)]
    problems = [problem for reading in readings for problem in problems_of(cli, reading) if problem.is_fatal]
    if problems:
        raise AssertionError("; ".join(map(str, problems)))
