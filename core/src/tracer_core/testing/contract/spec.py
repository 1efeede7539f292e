"""What a collector says of itself, and of kernels on which it cannot run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracer_core.events.form import form_of
from tracer_core.files.json.events import RESERVED
from tracer_core.options import option_specs
from tracer_core.plugins.declare import check as ask

if TYPE_CHECKING:
    from tracer_core.kernel.view import Kernel
    from tracer_core.plugins.host import Collector


def check(collector: Collector) -> None:
    """That what is not checked whenever a collector is loaded holds, too.

    Raises:
        AssertionError: it does not.
        PluginError: a section has a field that files cannot hold.
    """
    spec = collector.spec
    if not spec.summary.strip() or "\n" in spec.summary:
        raise AssertionError(f"the summary must be a line of text, not {spec.summary!r}")
    for option in option_specs(spec.options):
        if not option.help:
            raise AssertionError(f"option {option.name} has no help: declare it with option(default, help=...)")
    for form in map(form_of, spec.sections):
        if form.name in RESERVED:
            raise AssertionError(f"a section cannot be called {form.name}: files have something else of that name")
    spec.options()


def unavailable(collector: Collector, kernel: Kernel, options: Any) -> str:  # noqa: ANN401 - of any class
    """Why the collector cannot run on a kernel; nothing if it can.

    Raises:
        AssertionError: it says so without a reason, or without what the user can do.
    """
    answer = ask(collector, kernel, options)
    if answer is None:
        return ""
    if not answer.reason.strip() or not answer.hint.strip():
        raise AssertionError(f"on {kernel.release} it is unavailable without a reason or a hint: {answer!r}")
    return answer.reason
