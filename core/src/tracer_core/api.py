"""The public API for collectors. What stands in ``__all__`` is stable within a major API version; nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracer_core.changes.process import namespace as find_namespace
from tracer_core.errors import MachineError, PluginError, RunError, TracerError, UsageError
from tracer_core.hookspecs import hookimpl
from tracer_core.kernel.namespaces import namespaces as find_namespaces
from tracer_core.kernel.view import Kernel, Member, Param, Prototype, Result, ResultForm
from tracer_core.options import option
from tracer_core.plugins.exchange import Watch
from tracer_core.plugins.session import Session
from tracer_core.sections import Packet
from tracer_core.types import (
    API_VERSION,
    BpfSource,
    Change,
    CollectorSpec,
    Columns,
    Decoder,
    Formatter,
    Fragment,
    Gate,
    Getter,
    Group,
    Join,
    JoinRole,
    Lookup,
    NoOptions,
    Place,
    Probe,
    ProbeKind,
    ProfileSource,
    Style,
    Tally,
    TextOptions,
    Unavailable,
    Upgrade,
)
from tracer_core.wire import BOOL, S32, S64, U8, U16, U32, U64, Blob, Chars, recorded, section

if TYPE_CHECKING:
    from tracer_core.events.batch import Labels

__all__ = [
    "API_VERSION",
    "BOOL",
    "S32",
    "S64",
    "U8",
    "U16",
    "U32",
    "U64",
    "Blob",
    "BpfSource",
    "Change",
    "Chars",
    "CollectorSpec",
    "Columns",
    "Decoder",
    "Formatter",
    "Fragment",
    "Gate",
    "Getter",
    "Group",
    "Join",
    "JoinRole",
    "Kernel",
    "Labels",
    "Lookup",
    "MachineError",
    "Member",
    "NoOptions",
    "Packet",
    "Param",
    "Place",
    "PluginError",
    "Probe",
    "ProbeKind",
    "ProfileSource",
    "Prototype",
    "Result",
    "ResultForm",
    "RunError",
    "Session",
    "Style",
    "Tally",
    "TextOptions",
    "TracerError",
    "Unavailable",
    "Upgrade",
    "UsageError",
    "Watch",
    "find_namespace",
    "find_namespaces",
    "hookimpl",
    "option",
    "recorded",
    "section",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever it is
    """What only decoders need, which need numpy: ``--help`` does not wait for it."""
    if name == "Labels":
        from tracer_core.events.batch import Labels  # noqa: PLC0415 - see above

        return Labels
    raise AttributeError(name)
