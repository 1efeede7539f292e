"""What tests of collectors need, first- and third-party, and those of the core.

A test suite asks for the fixtures, in its settings or in its top ``conftest.py``::

    addopts = "-p tracer_core.testing.pytest_plugin"
    pytest_plugins = ["tracer_core.testing.pytest_plugin"]

Nothing is registered by itself, so that installing the core changes nobody's test runs. What stands in ``__all__`` is
as stable as ``tracer_core.api``. Names are imported when they are asked for: the contract needs pytest and hypothesis,
the rest serves scripts too.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracer_core.testing.command import Collecting, NotReadyError, Tracer
    from tracer_core.testing.contract import CollectorContract
    from tracer_core.testing.kernels import recorded_folder, recorded_kernel, recorded_names
    from tracer_core.testing.namespace import Namespace
    from tracer_core.testing.netns import TwoNamespaces
    from tracer_core.testing.records import Record
    from tracer_core.testing.runs import PlannedRun, planned
    from tracer_core.testing.session import SessionTrial
    from tracer_core.testing.tried import Tried

__all__ = [
    "Collecting",
    "CollectorContract",
    "Namespace",
    "NotReadyError",
    "PlannedRun",
    "Record",
    "SessionTrial",
    "Tracer",
    "Tried",
    "TwoNamespaces",
    "planned",
    "recorded_folder",
    "recorded_kernel",
    "recorded_names",
]

_MODULES = {
    "Collecting": "command",
    "CollectorContract": "contract",
    "Namespace": "namespace",
    "NotReadyError": "command",
    "PlannedRun": "runs",
    "Record": "records",
    "SessionTrial": "session",
    "Tracer": "command",
    "Tried": "tried",
    "TwoNamespaces": "netns",
    "planned": "runs",
    "recorded_folder": "kernels",
    "recorded_kernel": "kernels",
    "recorded_names": "kernels",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever it is
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
