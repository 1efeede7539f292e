"""Runs of installed collectors as they would be on a recorded kernel: what is planned, composed, decoded and shown."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tracer_core.backend.compiler import Compiler
from tracer_core.backend.replay import beginning, block
from tracer_core.compose.compose import compose
from tracer_core.compose.composition import Machine
from tracer_core.decode.columns import ColumnDecoder
from tracer_core.events.objects import events_of
from tracer_core.options import option_specs
from tracer_core.plan.request import Fixed, Request, parse_probe
from tracer_core.plugins.host import Host
from tracer_core.run.prepare import prepare
from tracer_core.run.selection import Selection
from tracer_core.testing.kernels import recorded_folder, recorded_kernel
from tracer_core.testing.processes import MadeUpProcesses
from tracer_core.testing.records import batch_of_records
from tracer_core.testing.tried import Tried

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tracer_core.compose.composition import Composition
    from tracer_core.events.batch import EventBatch
    from tracer_core.kernel.view import TypedKernel
    from tracer_core.plan.plan import Plan
    from tracer_core.plugins.declaration import Declaration
    from tracer_core.run.prepare import Prepared
    from tracer_core.sections import Event
    from tracer_core.testing.command import Tracer
    from tracer_core.testing.records import Record


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run, planned and not begun.

    Attributes:
        prepared: The plan, and what the collectors declared.
        kernel: What it is for.
        arguments: Of ``tracer``, for the same run.
    """

    prepared: Prepared
    kernel: TypedKernel
    arguments: tuple[str, ...]

    @property
    def plan(self) -> Plan:
        """What is attached where, and which fragments run there; ``describe()`` gives the lines of ``--dry-run``."""
        return self.prepared.plan

    @property
    def declarations(self) -> tuple[Declaration, ...]:
        """What the collectors declared, in the order in which they were named."""
        return self.prepared.declarations

    def composed(self, machine: Machine | None = None) -> Composition:
        """The program; ``text`` of it is the C of ``--print-bpf``.

        Args:
            machine: What it is for; two processors of x86-64 if not given.
        """
        return compose(self.plan, self.kernel, machine or Machine(2))

    def compile(self) -> dict[str, bytes]:
        """Have BCC compile the program; nothing is loaded. Needs what marker ``bpf`` asks for: BCC makes the maps.

        Returns:
            Instructions by C function.

        Raises:
            CompileError: it does not compile; the message has the compiler's first error, with origin and line.
        """
        composition = self.composed()
        with Compiler() as compiler:
            compiled = compiler.compile(composition.text, [n for spec in composition.programs for n in spec.functions])
        for fd in compiled.maps.values():
            os.close(fd)
        return compiled.code

    def tried(self, *, extra: str = "", functions: Sequence[str] = ()) -> Tried:
        """Load the program for calls on made-up memory, as a context; needs what marker ``bpf`` asks for.

        Args:
            extra: More C, for :class:`Tried`.
            functions: Ditto.
        """
        return Tried(self, extra=extra, functions=functions)

    def decoded(self, records: Iterable[Record]) -> EventBatch:
        """What the collectors' decoders make of records.

        Raises:
            ValueError: a record does not fit the plan.
            PluginError: a decoder failed.
        """
        return ColumnDecoder(self.plan, self.prepared.readers).decode(batch_of_records(self.plan, records))

    def events(self, records: Iterable[Record]) -> list[Event]:
        """The same as objects: ``event.get(Hello)`` is the section of that class."""
        return events_of(self.decoded(records))

    def recording(self, path: Path, records: Iterable[Record]) -> None:
        """Write a file for ``--replay-raw``: what ``--record-raw`` would have written if programs had made these."""
        path.write_bytes(beginning(self.plan) + block(batch_of_records(self.plan, records)))

    def replayed(self, tracer: Tracer, records: Iterable[Record], *arguments: str) -> str:
        """Let the command show, or write, what it would if programs in the kernel had made these records.

        Args:
            tracer: The fixture.
            records: In order.
            arguments: More of them: ``-o events.json``, ``--format single-line``.

        Returns:
            What it printed.

        Raises:
            AssertionError: it failed.
        """
        path = tracer.folder / "records.raw"
        self.recording(path, records)
        result = tracer.run(*self.arguments, "--replay-raw", str(path), *arguments)
        if result.returncode:
            raise AssertionError(f"tracer {' '.join(self.arguments)}: {result.returncode}\n{result.stderr}")
        return result.stdout


def planned(
    *collectors: str,
    probes: Iterable[str] = (),
    kernel: str | TypedKernel = "6.12",
    options: Mapping[str, Any] | None = None,
    typed: bool = True,
) -> PlannedRun:
    """Plan a run, as ``tracer collect`` would.

    Args:
        collectors: Names of installed ones.
        probes: As for ``-p``.
        kernel: Name of a recorded one, or any other; the command cannot replay runs of those.
        options: Instances of options classes, by collector; defaults for all others.
        typed: Programs may read by plain loads where the kernel allows it.

    Raises:
        PluginError: a collector is not installed, is broken, or cannot run on this kernel.
        UsageError: there is no such recorded kernel or no such probe, or nothing to learn there.
    """
    host = Host()
    found = tuple(map(host.collector, collectors))
    chosen = {c.owner.name: (options or {}).get(c.owner.name) or c.spec.options() for c in found}
    abilities = Fixed(typed=typed)
    request = Request(tuple(map(parse_probe, probes)), abilities=abilities, userspace=MadeUpProcesses())
    view = recorded_kernel(kernel) if isinstance(kernel, str) else kernel
    prepared = prepare(Selection(found, (), chosen), request, view)
    arguments = ["collect", "-c", ",".join(collectors)]
    arguments += [argument for probe in probes for argument in ("-p", probe)]
    arguments += [argument for name, values in chosen.items() for argument in flags(name, values)]
    if isinstance(kernel, str):
        arguments += ["--kernel", str(recorded_folder(kernel)), "--reads", "load" if typed else "probe"]
    return PlannedRun(prepared, view, tuple(arguments))


def flags(collector: str, options: Any) -> Iterator[str]:  # noqa: ANN401 - of any class
    """What options are on the command line, as far as they are not the defaults."""
    for spec in option_specs(type(options)):
        value = getattr(options, spec.name)
        if value != spec.default:
            yield spec.flag(collector)
            if not isinstance(value, bool):
                yield ",".join(value) if isinstance(value, tuple) else str(value)
