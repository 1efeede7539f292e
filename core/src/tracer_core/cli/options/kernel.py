"""Which kernel a command looks at: options that several commands have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

kconf_option: Callable[[F], F] = click.option(
    "--kconf", type=click.Path(path_type=Path), help="File with the kernel's configuration, instead of the one found."
)
"""Gives a command the option."""


def kernel_option(purpose: str = "") -> Callable[[F], F]:
    """Gives a command the option for a recorded kernel.

    Args:
        purpose: With what it can be used, if not always: ``, with --dry-run``.
    """
    return click.option(
        "--kernel",
        "recorded",
        type=click.Path(path_type=Path),
        help=f"Use a recorded kernel instead of the running one{purpose}.",
    )


@dataclass(frozen=True, kw_only=True)
class KernelChoice:
    """What the user says with those options. Each field is the parameter of its name."""

    recorded: Path | None = None
    kconf: Path | None = None
