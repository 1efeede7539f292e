"""Probes that profiles require, and this kernel does not have."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tracer_core.cli.profiles.profiled import profiled_of
from tracer_core.errors import MachineError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click

    from tracer_core.cli.profiles.profiled import Profiled
    from tracer_core.kernel.view import TypedKernel
    from tracer_core.plan.request import Abilities
    from tracer_core.profiles.choose import Chosen
    from tracer_core.profiles.profile import Value


@contextmanager
def blaming_profiles(ctx: click.Context, abilities: Abilities, kernel: TypedKernel) -> Iterator[None]:
    """Have errors of planning say which profile requires a probe that cannot be had, and where; others are as they are.

    Args:
        ctx: Of the command.
        abilities: What there is to attach with.
        kernel: What is probed.
    """
    try:
        yield
    except (UsageError, MachineError):
        _look_for_required(profiled_of(ctx), abilities, kernel)
        raise


def _look_for_required(profiled: Profiled, abilities: Abilities, kernel: TypedKernel) -> None:
    from tracer_core.plan.places import locate  # noqa: PLC0415 - not for --help
    from tracer_core.plan.request import parse_probe  # noqa: PLC0415 - ditto

    for chosen, value in _required(profiled):
        try:
            list(locate(parse_probe(value.text), abilities, kernel))
        except (UsageError, MachineError) as error:
            message = f"{chosen.profile.at(value.line)}: {error.message}, and profile {chosen.profile.name} requires it"
            hint = f"take it out of 'required' if the rest is of use without it; {error.hint}"
            raise type(error)(message, hint=hint) from error


def _required(profiled: Profiled) -> Iterator[tuple[Chosen, Value]]:
    """Probes that profiles cannot do without, but for those that the user types as well."""
    own = profiled.own.get("probes", ())
    for chosen, argument in profiled.arguments:
        for value in (argument.values or ()) if argument.is_probes else ():
            if value.text in chosen.entry.required and value.text not in own:
                yield chosen, value
