"""What the user says with options, as values with types: each parameter of the command is one, and has its type."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import get_type_hints

import click
import pytest

from tracer_core.cli.commands.collect import collect
from tracer_core.cli.options.collect import CollectOptions

RECORDED = Path("recorded")


@pytest.fixture
def defaults() -> CollectOptions:
    """Of a command line without any options."""
    ctx = click.Command("collect", params=collect.params).make_context("collect", [])
    return CollectOptions(**ctx.params)


def test_values_have_the_types_that_are_promised(defaults: CollectOptions) -> None:
    hints = get_type_hints(CollectOptions, localns={"Path": Path})
    for field in fields(CollectOptions):
        value = getattr(defaults, field.name)
        kind = getattr(hints[field.name], "__origin__", hints[field.name])
        assert isinstance(value, kind), field.name


def test_options_are_not_changed_afterwards(defaults: CollectOptions) -> None:
    with pytest.raises(AttributeError):
        defaults.recorded = RECORDED  # type: ignore[misc]
    assert replace(defaults, recorded=RECORDED).recorded == RECORDED
