"""Whether what a collector says of itself can be used, found out before anything relies on it."""

from __future__ import annotations

import dataclasses
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from tracer_core.errors import PluginError
from tracer_core.options import option_specs
from tracer_core.plugins.joins import refuse_bad_joins
from tracer_core.plugins.lookups import refuse_bad_lookups
from tracer_core.plugins.tallies import refuse_bad_tallies
from tracer_core.types import API_VERSION, CollectorSpec
from tracer_core.wire import layout_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracer_core.plugins.declaration import Owner

NAME_RULE = "names are lower-case letters, digits and _, beginning with a letter, and not 'auto'"
"""What a collector may be called."""

_NAME = re.compile(r"(?!auto$)[a-z][a-z0-9_]*")
_REFUSALS: dict[str, Callable[[CollectorSpec], None]] = {
    "joins": refuse_bad_joins,
    "lookups": refuse_bad_lookups,
    "tallies": refuse_bad_tallies,
}


class Status(StrEnum):
    """State of an announced collector."""

    OK = "ok"
    BROKEN = "broken"
    DUPLICATE = "duplicate"
    INCOMPATIBLE = "incompatible"


class UnusableError(PluginError):
    """A collector that is installed and cannot be used.

    Args:
        status: What ``tracer plugins`` shows.
        message: What is wrong, and whose it is.
        hint: What to do.
    """

    def __init__(self, status: Status, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


def is_name(name: str) -> bool:
    """Whether a collector can have this name."""
    return _NAME.fullmatch(name) is not None


def refuse_bad(owner: Owner, spec: Any) -> None:  # noqa: ANN401 - whatever the collector returned
    """Check what ``tracer_collector`` returned.

    Raises:
        UnusableError: it is not a :class:`~tracer_core.types.CollectorSpec`, or one that cannot be used with this core.
    """
    if spec is None:
        raise _broken(owner, "does not implement tracer_collector")
    if not isinstance(spec, CollectorSpec):
        raise _broken(owner, f"tracer_collector returned {spec!r}, not a CollectorSpec")
    # first: nothing else of another version's need be as we expect it
    _refuse_version(owner, spec.api)
    if spec.name != owner.name:
        raise _broken(owner, f"its entry point is {owner.name}, but it calls itself {spec.name}")
    try:
        for cls in spec.sections:
            layout_of(cls)
    except Exception as error:
        raise _broken(owner, f"its sections cannot be used: {error}") from error
    for what, refuse in _REFUSALS.items():
        try:
            refuse(spec)
        except PluginError as error:
            raise _broken(owner, f"its {what} cannot be used: {error.message}") from error
    _refuse_options(owner, spec.options)


def _refuse_version(owner: Owner, api: Any) -> None:  # noqa: ANN401 - ditto
    if not (isinstance(api, tuple) and len(api) == 2 and all(isinstance(number, int) for number in api)):
        raise _broken(owner, f"its plugin API is {api!r}, not (major, minor)")
    if api[0] != API_VERSION[0] or api[1] > API_VERSION[1]:
        theirs, ours = ".".join(map(str, api)), ".".join(map(str, API_VERSION))
        raise UnusableError(
            Status.INCOMPATIBLE,
            f"{owner} is written for plugin API {theirs}, this core has {ours}",
            hint=f"pip install --upgrade tracer-core {owner.distribution}".strip(),
        )


def _refuse_options(owner: Owner, cls: Any) -> None:  # noqa: ANN401 - ditto
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise _broken(owner, f"its options are {cls!r}, not a dataclass")
    for spec in option_specs(cls):
        if spec.default is dataclasses.MISSING:
            raise _broken(owner, f"its option {spec.name} has no default")
        strings = isinstance(spec.default, tuple) and all(isinstance(item, str) for item in spec.default)
        if not (strings or isinstance(spec.default, bool | int | str)):
            kind = type(spec.default).__name__
            raise _broken(owner, f"its option {spec.name} is a {kind}, not bool, int, str or a tuple of str")
        if spec.default is True:
            raise _broken(owner, f"its option {spec.name} is on by default, and a flag can only turn it on")


def _broken(owner: Owner, problem: str) -> UnusableError:
    hint = f"update or remove it: pip uninstall {owner.distribution}" if owner.distribution else ""
    return UnusableError(Status.BROKEN, f"{owner}: {problem}", hint=hint)
