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
    """Lists of profiles by name, those of ``-P`` among them, or files."""
    from pathlib import Path  # noqa: PLC0415 - for those who ask

    from tracer_core.plugins.host import Host  # noqa: PLC0415 - ditto
    from tracer_core.profiles.find import shelves  # noqa: PLC0415 - ditto

    extra = ctx.find_root().params.get("profile_folder")
    found = {profile.name for shelf in shelves(Path(extra) if extra else None, Host) for profile in shelf.profiles}
    names = listed(lambda: sorted(found))(ctx, param, incomplete)
    return names or [CompletionItem(incomplete, type="file")]


def netns(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Names of network namespaces, or files."""
    names = sorted(name for name in _listed(_NETNS) if name.startswith(incomplete))
    return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="file")]


def scripts(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Python scripts by name, or files."""
    from tracer_core.python.script import folders  # noqa: PLC0415 - for those who ask

    names = {name.removesuffix(".py") for folder in folders() for name in _listed(str(folder)) if name.endswith(".py")}
    found = [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


def files(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Complete names of files of any kind."""
    return [CompletionItem(incomplete, type="file")]


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - pathlib takes its time
    except OSError:
        return []


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
