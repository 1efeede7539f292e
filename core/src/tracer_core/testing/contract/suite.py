"""The class whose tests a collector's own suite inherits. What they check is in the modules beside this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tracer_core.plugins.host import Host
from tracer_core.testing.contract import imports, profiles, purity, roundtrip, shown, spec
from tracer_core.testing.contract.values import records_of
from tracer_core.testing.kernels import recorded_kernel, recorded_names
from tracer_core.testing.runs import PlannedRun, planned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hypothesis.strategies import SearchStrategy

    from tracer_core.plugins.host import Collector
    from tracer_core.testing.records import Record

_EXAMPLES = 20
"""Lists of records, for each kernel and set of options."""

# explaining takes minutes where records are large
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)


class CollectorContract:
    """Inherit from this, in a class whose name begins with ``Test``, and say which collector it is.

    Most tests run for each recorded kernel, with default options and with each of ``options``. Where the collector
    says that it is unavailable, there must be a reason and a hint, and nothing else is asked.
    """

    collector: ClassVar[str]
    """Its name. It must be installed, if only with ``pip install -e``."""

    options: ClassVar[tuple[Any, ...]] = ()
    """Instances of its options class, to test with beside the defaults."""

    probes: ClassVar[tuple[str, ...]] = ("tp:net:netif_receive_skb", "tp:net:net_dev_start_xmit", "tp:skb:kfree_skb")
    """Where it is planned beside its own probes, as for ``-p``. Its code must run at one of all these at least."""

    values: ClassVar[Mapping[str, SearchStrategy[Any]]] = {}
    """What C fills fields with, where that is not just any value: ``{"parcel.state": integers(0, 7)}``. By section and
    field, with groups between them: ``parcel.stamp.price``; those of the record, where it has a class of its own."""

    always: ClassVar[tuple[str, ...]] = ()
    """Groups without which C does not leave a section: ``("parcel.stamp",)``."""

    def written(self, sections: dict[str, Any]) -> dict[str, Any]:
        """Make of any sections of a record such as C writes: override it where some fields depend on others.

        Args:
            sections: By public name, as of :class:`~tracer_core.testing.records.Record`.
        """
        return sections

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Have tests run for kernels and options."""
        if "kernel" in metafunc.fixturenames:
            metafunc.parametrize("kernel", recorded_names())
        if "chosen" in metafunc.fixturenames:
            ids = ["defaults", *map(repr, self.options)]
            metafunc.parametrize("chosen", [None, *self.options], ids=ids)

    def test_it_says_who_it_is(self) -> None:
        """It can be loaded, its name, options and sections can be used, and each option has a help text."""
        spec.check(self._loaded())

    def test_it_imports_nothing_of_the_core_but_the_api(self) -> None:
        """Only ``tracer_core.api`` is stable, and ``tracer_core.testing`` in tests."""
        imports.check_sources(self.collector)

    def test_help_waits_for_no_large_package(self) -> None:
        """``tracer collect -c NAME --help`` imports neither numpy nor pyarrow."""
        imports.check_help(self.collector)

    def test_its_profiles_can_be_used(self) -> None:
        """``tracer profile check`` finds nothing in them that keeps them from being used."""
        profiles.check(self._loaded())

    def test_its_hooks_are_pure(self, kernel: str, chosen: object) -> None:
        """Hooks give equal results when called again, and touch nothing but files of the collector's own package."""
        collector = self._loaded()
        purity.check(collector, recorded_kernel(kernel), collector.spec.options() if chosen is None else chosen)

    def test_it_is_planned_or_says_why_not(self, kernel: str, chosen: object) -> None:
        """A program is composed, with plain loads and with probe reads, the same each time."""
        for typed in (True, False):
            run = self._planned(kernel, chosen, typed=typed)
            if run.composed() != self._planned(kernel, chosen, typed=typed).composed():
                raise AssertionError("composing a program again gives another one")

    @pytest.mark.bpf
    def test_its_program_compiles(self, kernel: str, chosen: object) -> None:
        """BCC takes it, with plain loads and with probe reads."""
        for typed in (True, False):
            self._planned(kernel, chosen, typed=typed).compile()

    def test_decoders_give_what_sections_declare(self, kernel: str, chosen: object) -> None:
        """Columns are those of the section, equally long, and their values of the declared types."""
        run = self._planned(kernel, chosen)
        self._for_all(run, lambda records: roundtrip.check_values(run.decoded(records)))

    def test_texts_can_be_put_together(self, kernel: str, chosen: object) -> None:
        """Formatters give text without spaces around it and without empty lines, on one line where that is wanted."""
        run = self._planned(kernel, chosen)
        self._for_all(run, lambda records: shown.check(run, run.decoded(records)))

    def test_events_survive_json_and_arrow(self, kernel: str, chosen: object, tmp_path: Path) -> None:
        """What is written to files is read back as it was."""
        run = self._planned(kernel, chosen)
        self._for_all(run, lambda records: roundtrip.check_files(run, run.decoded(records), tmp_path))

    def _loaded(self) -> Collector:
        return Host().collector(self.collector)

    def _planned(self, kernel: str, chosen: object, *, typed: bool = True) -> PlannedRun:
        collector = self._loaded()
        options = collector.spec.options() if chosen is None else chosen
        if reason := spec.unavailable(collector, recorded_kernel(kernel), options):
            pytest.skip(f"{self.collector} is unavailable on {kernel}: {reason}")
        return planned(
            self.collector, probes=self.probes, kernel=kernel, options={self.collector: options}, typed=typed
        )

    def _for_all(self, run: PlannedRun, check: Callable[[list[Record]], None]) -> None:
        """Check some lists of records."""
        any_machine = settings(
            max_examples=_EXAMPLES,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=_PHASES,
            report_multiple_bugs=False,
        )
        any_machine(given(records_of(run.plan, self.values, self.always, self.written))(check))()
