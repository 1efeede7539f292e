"""From loaded collectors to declarations: every pure hook, called once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracer_core.errors import PluginError, TracerError
from tracer_core.plugins.declaration import BUG, Declaration
from tracer_core.types import Change, Decoder, Formatter, Fragment, Getter, Probe, ProfileSource, Unavailable, Upgrade

if TYPE_CHECKING:
    from tracer_core.kernel.view import Kernel
    from tracer_core.plugins.host import Collector


def check(collector: Collector, kernel: Kernel, options: Any) -> Unavailable | None:  # noqa: ANN401
    """Ask a collector whether it can run.

    Raises:
        PluginError: it answered something else.
    """
    answer = collector.call("tracer_check", kernel=kernel, options=options)
    if answer is not None and not isinstance(answer, Unavailable):
        message = f"{collector.owner}: tracer_check returned {answer!r}, not Unavailable or None"
        raise PluginError(message, hint=BUG)
    return answer


def declare(collector: Collector, kernel: Kernel, options: Any) -> Declaration:  # noqa: ANN401
    """Collect what a collector declares for a kernel and its options.

    Raises:
        PluginError: a hook raised, or returned values of another type.
    """
    view = {"kernel": kernel, "options": options}
    probes = _collect(collector, "tracer_probes", (Probe,), **view)
    code = _collect(collector, "tracer_fragments", (Fragment, Getter), **view)
    return Declaration(
        owner=collector.owner,
        spec=collector.spec,
        options=options,
        probes=probes,
        fragments=tuple(item for item in code if isinstance(item, Fragment)),
        getters=tuple(item for item in code if isinstance(item, Getter)),
        decoders=_collect(collector, "tracer_decoders", (Decoder,), **view),
        formatters=formatters(collector),
    )


def changes(collector: Collector, kernel: Kernel, options: Any, run: str) -> tuple[Change, ...]:  # noqa: ANN401
    """What a collector has changed on the machine.

    Raises:
        PluginError: the hook raised, or returned values of another type.
    """
    return _collect(collector, "tracer_changes", (Change,), kernel=kernel, options=options, run=run)


def formatters(collector: Collector) -> tuple[Formatter, ...]:
    """The formatters of a collector, which need no kernel.

    Raises:
        PluginError: the hook raised, or returned values of another type.
    """
    return _collect(collector, "tracer_formatters", (Formatter,))


def upgrades(collector: Collector) -> tuple[Upgrade, ...]:
    """How sections of a collector differ in older files.

    Raises:
        PluginError: the hook raised, or returned values of another type.
    """
    return _collect(collector, "tracer_upgrades", (Upgrade,))


def profiles(collector: Collector) -> tuple[ProfileSource, ...]:
    """The profiles that a collector ships.

    Raises:
        PluginError: the hook raised, or returned values of another type.
    """
    return _collect(collector, "tracer_profiles", (ProfileSource,))


def _collect(collector: Collector, hook: str, types: tuple[type[Any], ...], **arguments: Any) -> tuple[Any, ...]:  # noqa: ANN401
    items = collector.call(hook, **arguments)
    try:
        found = tuple(items or ())
    except TracerError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"{collector.owner}: {hook} failed: {type(error).__name__}: {error}", hint=BUG) from error
    for item in found:
        if not isinstance(item, types):
            names = " or ".join(cls.__name__ for cls in types)
            raise PluginError(f"{collector.owner}: {hook} returned {item!r}, not {names}", hint=BUG)
    return found
