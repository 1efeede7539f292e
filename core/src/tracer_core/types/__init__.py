"""What collectors hand over: immutable values, free of any kernel access.

All of this is public through :mod:`tracer_core.api`.
"""

from tracer_core.types.code import BpfSource, Fragment, Gate, Getter
from tracer_core.types.collector import (
    API_VERSION,
    Change,
    CollectorSpec,
    Join,
    JoinRole,
    Lookup,
    NoOptions,
    ProfileSource,
    Tally,
    Unavailable,
    Upgrade,
)
from tracer_core.types.probe import Probe, ProbeKind
from tracer_core.types.shown import Columns, Decoder, Formatter, Group, Place, Style, TextOptions

__all__ = [
    "API_VERSION",
    "BpfSource",
    "Change",
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
    "Lookup",
    "NoOptions",
    "Place",
    "Probe",
    "ProbeKind",
    "ProfileSource",
    "Style",
    "Tally",
    "TextOptions",
    "Unavailable",
    "Upgrade",
]
