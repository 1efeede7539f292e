"""What can stand for values of options and arguments. Each function is one that click takes as ``shell_complete``."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from tracer_core.cli.completion.demand import listed

if TYPE_CHECKING:
    import click

_EVENTS = re.compile(r"(\.(arrows?|jsonl?|parquet)|retis\.data)(\.[0-9]+)?$")
_NETNS = "/run/netns"  # where ip-netns(8) keeps names


def collectors(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Lists of collectors and ``auto``. Names have a ``-``, as in options, or a ``_`` if that was typed."""
    from tracer_core.plugins.metadata import candidates  # noqa: PLC0415 - for those who ask

    before, after = "-_" if "_" in incomplete else "_-"
    names = sorted({candidate.name.replace(before, after) for candidate in candidates()})
    return listed(lambda: ["auto", *names])(ctx, param, incomplete)


def profiles(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Lists of profiles by name, or files."""
    from tracer_core.plugins.host import Host  # noqa: PLC0415 - for those who ask
    from tracer_core.profiles.find import shelves  # noqa: PLC0415 - ditto

    found = {profile.name for shelf in shelves(None, Host) for profile in shelf.profiles}
    names = listed(lambda: sorted(found))(ctx, param, incomplete)
    return names or [CompletionItem(incomplete, type="file")]


def netns(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Names of network namespaces, or files."""
    try:
        with os.scandir(_NETNS) as entries:
            names = sorted(entry.name for entry in entries if entry.name.startswith(incomplete))
    except OSError:
        names = []
    return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="file")]


def event_files(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Event files, by their names, and folders; if there are none, any files."""
    folder, slash, start = incomplete.rpartition("/")
    try:
        with os.scandir(os.path.expanduser(folder + slash) or ".") as entries:  # noqa: PTH111 - pathlib takes its time
            found = sorted((entry.name, entry.is_dir()) for entry in entries if entry.name.startswith(start))
    except OSError:
        found = []
    shown = [(name, is_dir) for name, is_dir in found if start or not name.startswith(".")]
    files = [name for name, is_dir in shown if is_dir or _EVENTS.search(name)]
    return [CompletionItem(f"{folder}{slash}{name}", type="path") for name in files] or [
        CompletionItem(incomplete, type="file")
    ]
