"""Loading of collectors and calls of their hooks, one collector at a time, so that a failure belongs to somebody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pluggy

from tracer_core import hookspecs
from tracer_core.errors import PluginError, TracerError, near
from tracer_core.plugins.declaration import BUG, Owner, shown
from tracer_core.plugins.metadata import Candidate, candidates
from tracer_core.plugins.validate import NAME_RULE, Status, UnusableError, is_name, refuse_bad

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tracer_core.types import CollectorSpec


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
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"{self.owner}: {hook} failed: {type(error).__name__}: {error}",
                hint=BUG,
            ) from error
        return results[0] if results else None


class Host:
    """The installed collectors. Only those asked for are imported."""

    def __init__(self, announced: Callable[[], list[Candidate]] = candidates) -> None:
        self._announced = announced()
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._loaded: dict[str, Collector] = {}
        self._failed: dict[str, PluginError] = {}

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
            if name in self._failed:
                raise self._failed[name]
            try:
                known = self._loaded[name] = self._load(name)
            except PluginError as error:
                self._failed[name] = error
                raise
        return known

    def usable(self, left_out: Callable[[PluginError], None] = lambda _: None) -> Iterable[Collector]:
        """All collectors that load, sorted by name.

        Args:
            left_out: Told of each of the others why it is passed over.
        """
        for name in self.names:
            try:
                yield self.collector(name)
            except PluginError as error:
                left_out(error)

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
            raise _not_installed(name, self.names)
        if len(found) > 1:
            raise UnusableError(
                Status.DUPLICATE,
                f"collector {shown(name)} is announced by several distributions: {', '.join(c.origin for c in found)}",
                hint=f"uninstall all but one: pip uninstall {found[-1].distribution}",
            )
        candidate = found[0]
        owner = Owner(name, candidate.distribution, candidate.version)
        if not is_name(name):
            message = f"{owner}: its entry point has a name that cannot be selected"
            raise UnusableError(Status.BROKEN, message, hint=NAME_RULE)
        try:
            plugin = candidate.load()
        except (Exception, SystemExit) as error:
            raise UnusableError(
                Status.BROKEN,
                f"{owner} cannot be imported: {type(error).__name__}: {error}",
                hint=_import_hint(error, candidate),
            ) from error
        try:
            return self._register(owner, plugin)
        except TracerError as error:
            self._forget(plugin)
            if isinstance(error, UnusableError):
                raise
            raise UnusableError(Status.BROKEN, error.message, hint=error.hint) from error
        except (pluggy.PluginValidationError, ValueError) as error:
            self._forget(plugin)
            hint = _update_hint(candidate)
            raise UnusableError(
                Status.BROKEN, f"{owner} is not a collector: {_without_names(error)}", hint=hint
            ) from error

    def _register(self, owner: Owner, plugin: object) -> Collector:
        self._manager.register(plugin, name=owner.name)
        self._manager.check_pending()
        collector = Collector(owner, plugin, self._manager)
        refuse_bad(owner, collector.spec)
        return collector

    def _forget(self, plugin: object) -> None:
        if self._manager.is_registered(plugin):
            self._manager.unregister(plugin)


def _not_installed(name: str, names: Iterable[str]) -> PluginError:
    installed, missing = sorted(map(shown, names)), shown(name)
    hint = near(missing, installed) or f"if there is such a package: pip install tracer-{missing}"
    return PluginError(
        f"no collector named {missing} is installed (installed: {', '.join(installed) or 'none'})", hint=hint
    )


def _import_hint(error: BaseException, candidate: Candidate) -> str:
    if isinstance(error, ModuleNotFoundError) and candidate.distribution:
        return f"its installation is incomplete: pip install --force-reinstall {candidate.distribution}"
    return _update_hint(candidate)


def _update_hint(candidate: Candidate) -> str:
    if not candidate.distribution:
        return f"its installation is damaged: reinstall what {candidate.value} belongs to"
    return f"update or remove it: pip uninstall {candidate.distribution}"


def _without_names(error: Exception) -> str:
    """What pluggy says, on one line and without the plugin's representation, which names an address in memory."""
    return re.sub(r" in plugin <.*>$", "", " ".join(str(error).split()))
