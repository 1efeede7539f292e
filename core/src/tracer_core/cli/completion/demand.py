"""What declares options needs to know of completion: nothing is imported before a shell asks."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import click
    from click.shell_completion import CompletionItem

    Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]

VARIABLE = "_TRACER_COMPLETE"
"""Environment variable in which a script of ours names its shell: ``bash_complete``. With ``bash_source``, as in other
programs that are made with click, the script itself is printed."""


def on_demand(module: str, function: str) -> Completer:
    """What click takes as ``shell_complete``.

    Args:
        module: Of this package, in which it is.
        function: Its name there.
    """

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        found: Completer = getattr(import_module(f"{__package__}.{module}"), function)
        return found(ctx, param, incomplete)

    return complete


def listed(names: Callable[[], Iterable[str]]) -> Completer:
    """For comma-separated lists: the last item is completed, by a name that is not in the list yet.

    Args:
        names: Gives those that there are.
    """

    def complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only shells ask

        before, comma, last = incomplete.rpartition(",")
        taken = {_plain(name) for name in before.split(",")}
        found = [name for name in names() if name.startswith(last) and _plain(name) not in taken]
        return [CompletionItem(f"{before}{comma}{name}") for name in found]

    return complete


def _plain(name: str) -> str:
    return name.strip().replace("-", "_")
