"""Loading of collectors and calls of their hooks, one collector at a time, so that a failure belongs to somebody."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pluggy

from tracer_core import hookspecs
from tracer_core.errors import PluginError, TracerError
from tracer_core.plugins.declaration import Owner
from tracer_core.plugins.metadata import Candidate, candidates
from tracer_core.types import API_VERSION, CollectorSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Status(StrEnum):
    """State of an announced collector."""

    OK = "ok"
    BROKEN = "broken"
    DUPLICATE = "duplicate"
    INCOMPATIBLE = "incompatible"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of ``tracer plugins``.

    Attributes:
        candidate: What was announced.
        status: What became of it.
        reason: Why it is not ok.
        spec: What it declared, if it got that far.
    """

    candidate: Candidate
    status: Status
    reason: str = ""
    spec: CollectorSpec | None = None


class Collector:
    """A loaded collector: calls go through :meth:`call`, which makes every failure name it."""

    def __init__(self, owner: Owner, plugin: object, manager: pluggy.PluginManager) -> None:
        self.owner = owner
        self._plugin = plugin
        self._manager = manager
        self.spec: CollectorSpec = self.call("tracer_collector")

    def call(self, hook: str, **arguments: Any) -> Any:  # noqa: ANN401 - each hook has a type of its own
        """Call one hook of this collector only; nothing if it does not implement it.

        Raises:
            PluginError: the collector raised something it should not.
            TracerError: the collector raised that.
        """
        others = [plugin for plugin in self._manager.get_plugins() if plugin is not self._plugin]
        caller = self._manager.subset_hook_caller(hook, others)
        try:
            results = caller(**arguments)
        except TracerError:
            raise
        except Exception as error:
            raise PluginError(
                f"{self.owner}: {hook} failed: {type(error).__name__}: {error}",
                hint="this is a bug of the collector; leave it out of -c",
            ) from error
        return results[0] if results else None


class Host:
    """The installed collectors. Only those asked for are imported."""

    def __init__(self, announced: Callable[[], list[Candidate]] = candidates) -> None:
        self._announced = announced()
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._loaded: dict[str, Collector] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all announced collectors, each once."""
        return tuple(dict.fromkeys(candidate.name for candidate in self._announced))

    def collector(self, name: str) -> Collector:
        """Load a collector by name.

        Raises:
            PluginError: it is not installed, or cannot be used.
        """
        known = self._loaded.get(name)
        if known is None:
            known = self._loaded[name] = self._load(name)
        return known

    def usable(self) -> Iterable[Collector]:
        """All collectors that load, sorted by name; the others are passed over."""
        for name in self.names:
            try:
                yield self.collector(name)
            except TracerError:
                continue

    def rows(self) -> list[Row]:
        """Every announced collector with what became of it, for listing."""
        return [self._row(candidate) for candidate in self._announced]

    def _row(self, candidate: Candidate) -> Row:
        try:
            collector = self.collector(candidate.name)
        except TracerError as error:
            status = getattr(error, "status", Status.BROKEN)
            return Row(candidate, status, error.message)
        return Row(candidate, Status.OK, spec=collector.spec)

    def _load(self, name: str) -> Collector:
        found = [candidate for candidate in self._announced if candidate.name == name]
        if not found:
            raise PluginError(
                f"no collector named {name} is installed (installed: {', '.join(self.names) or 'none'})",
                hint=f"if it is one of ours: pip install tracer-{name.replace('_', '-')}",
            )
        if len(found) > 1:
            raise _Unusable(
                Status.DUPLICATE,
                f"collector {name} is announced by several distributions: {', '.join(c.origin for c in found)}",
                hint=f"uninstall all but one: pip uninstall {found[-1].distribution}",
            )
        candidate = found[0]
        owner = Owner(name, candidate.distribution, candidate.version)
        try:
            plugin = candidate.load()
        except Exception as error:
            raise _Unusable(
                Status.BROKEN,
                f"{owner} cannot be imported: {type(error).__name__}: {error}",
                hint=_import_hint(error, candidate),
            ) from error
        try:
            self._manager.register(plugin, name=name)
            self._manager.check_pending()
            collector = Collector(owner, plugin, self._manager)
        except (pluggy.PluginValidationError, ValueError, TracerError) as error:
            self._forget(plugin)
            raise _Unusable(Status.BROKEN, f"{owner} is not a collector: {error}") from error
        problem = _problem(collector)
        if problem is not None:
            self._forget(plugin)
            raise problem
        return collector

    def _forget(self, plugin: object) -> None:
        if self._manager.is_registered(plugin):
            self._manager.unregister(plugin)


class _Unusable(PluginError):
    """A collector that is installed and cannot be used."""

    def __init__(self, status: Status, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


def _import_hint(error: Exception, candidate: Candidate) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"its installation is incomplete: pip install --force-reinstall {candidate.distribution}"
    return f"update or remove it: pip uninstall {candidate.distribution}"


def _problem(collector: Collector) -> _Unusable | None:
    owner, spec = collector.owner, collector.spec
    if not isinstance(spec, CollectorSpec):
        return _Unusable(Status.BROKEN, f"{owner}: tracer_collector returned {spec!r}, not a CollectorSpec")
    if spec.name != owner.name:
        return _Unusable(Status.BROKEN, f"{owner}: its entry point is {owner.name}, but it calls itself {spec.name}")
    if spec.api[0] != API_VERSION[0] or spec.api[1] > API_VERSION[1]:
        theirs, ours = ".".join(map(str, spec.api)), ".".join(map(str, API_VERSION))
        return _Unusable(
            Status.INCOMPATIBLE,
            f"{owner} is written for plugin API {theirs}, this core has {ours}",
            hint=f"pip install --upgrade tracer-core {owner.distribution}",
        )
    return None
