"""The public API for collectors. What stands in ``__all__`` is stable within a major API version; nothing else is."""

from tracer_core.errors import MachineError, PluginError, RunError, TracerError, UsageError
from tracer_core.hookspecs import hookimpl
from tracer_core.kernel.view import Kernel, Member, Param, Prototype
from tracer_core.options import option
from tracer_core.plugins.session import Session
from tracer_core.sections import Packet
from tracer_core.types import (
    API_VERSION,
    BpfSource,
    CollectorSpec,
    Columns,
    Decoder,
    Formatter,
    Fragment,
    Gate,
    Getter,
    NoOptions,
    Place,
    Probe,
    ProbeKind,
    TextOptions,
    Unavailable,
    Upgrade,
)
from tracer_core.wire import BOOL, S32, S64, U8, U16, U32, U64, Blob, Chars, section

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
    "Chars",
    "CollectorSpec",
    "Columns",
    "Decoder",
    "Formatter",
    "Fragment",
    "Gate",
    "Getter",
    "Kernel",
    "MachineError",
    "Member",
    "NoOptions",
    "Packet",
    "Param",
    "Place",
    "PluginError",
    "Probe",
    "ProbeKind",
    "Prototype",
    "RunError",
    "Session",
    "TextOptions",
    "TracerError",
    "Unavailable",
    "Upgrade",
    "UsageError",
    "hookimpl",
    "option",
    "section",
]
