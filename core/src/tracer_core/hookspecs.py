"""What a collector may implement. Only :func:`tracer_collector` is mandatory.

Rules for all hooks:

1. The core calls a hook for one collector at a time, by keyword. Take only the arguments you use: more may come.
2. All but ``tracer_session`` are pure: equal arguments give equal results, no file, process or network is touched,
   *kernel* answers all questions. Files of the collector's own package may be read. So they run on recorded kernels,
   without privileges.
3. ``None`` means "nothing to say".
4. ``tryfirst``, ``trylast`` and wrappers have no effect. Order is declared in the values that are returned.
5. Raise :class:`~tracer_core.errors.TracerError` for expected trouble. Anything else is reported as a bug.

Which is called at which stage is in ``docs/reference/hooks.md``. Among those of planning no order is promised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from tracer_core.kernel.view import Kernel
    from tracer_core.plugins.session import Session
    from tracer_core.types import (
        Change,
        CollectorSpec,
        Decoder,
        Formatter,
        Fragment,
        Getter,
        Probe,
        ProfileSource,
        Unavailable,
        Upgrade,
    )

PROJECT = "tracer"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a collector's module as a hook; the function has the hook's name."""


@hookspec
def tracer_collector() -> CollectorSpec:  # type: ignore[empty-body]
    """Say who the collector is: its name, options and sections.

    Called once, when the collector is selected or listed.

    Example::

        @hookimpl
        def tracer_collector() -> CollectorSpec:
            return CollectorSpec("hello", "Length and mark of a packet", options=HelloOptions, sections=(Hello,))
    """


@hookspec
def tracer_profiles() -> Iterable[ProfileSource]:  # type: ignore[empty-body]
    """Ship profiles: named sets of options, for what users want to know with the collector.

    They are found by name after those of users, and not at all where the collector is not installed. Other collectors
    that they name may be missing.

    Example::

        @hookimpl
        def tracer_profiles() -> Iterable[ProfileSource]:
            return [ProfileSource.resource("tracer_hello", "profiles/hello.yaml")]
    """


@hookspec
def tracer_check(kernel: Kernel, options: Any) -> Unavailable | None:  # noqa: ANN401 - each collector's own type
    """Say why the collector cannot run on this kernel, or nothing if it can.

    A collector that the user named and that cannot run ends the run; one that ``auto`` took in is left out.

    Args:
        kernel: View of the traced kernel.
        options: Instance of the collector's options class.

    Example::

        @hookimpl
        def tracer_check(kernel: Kernel) -> Unavailable | None:
            if kernel.member("sk_buff", "mark") is None:
                return Unavailable("this kernel's packets have no mark", "use a kernel with CONFIG_NET")
            return None
    """


@hookspec
def tracer_probes(kernel: Kernel, options: Any) -> Iterable[Probe]:  # type: ignore[empty-body]  # noqa: ANN401
    """Name the places that the collector needs by itself.

    One that reports on whatever is probed by others returns nothing here, and a fragment without ``probes`` from
    ``tracer_fragments``. The same place asked for by several is probed once.

    Only collectors can name places in processes: USDT probes and functions. No packet is at hand there, so of all
    fragments only those run that name the place in ``probes``, and ``--netns`` leaves out none of the events. What
    arguments point at is memory of the process: TRACER_USER_COPY in C.

    Args:
        kernel: View of the traced kernel.
        options: Instance of the collector's options class.

    Example::

        @hookimpl
        def tracer_probes() -> Iterable[Probe]:
            return [Probe.tracepoint("skb:kfree_skb")]
    """


@hookspec
def tracer_fragments(kernel: Kernel, options: Any) -> Iterable[Fragment | Getter]:  # type: ignore[empty-body]  # noqa: ANN401
    """Hand over the C that takes the place of the core's stubs.

    A fragment that needs ``struct tracer_tracked *`` has the core follow packets: ``ctx->tracer_tracked`` then says
    which one the probe's is, wherever there is a ``struct sk_buff *``. It does not run where the core does not know.

    Args:
        kernel: View of the traced kernel: differences between kernels become ``defines``.
        options: Instance of the collector's options class; options become ``defines``, too.

    Example::

        @hookimpl
        def tracer_fragments(options: HelloOptions) -> Iterable[Fragment]:
            source = BpfSource.resource("tracer_hello", "hello.bpf.c", HELLO_MIN_LEN=options.min_len)
            return [Fragment("hello_collect", source, needs=("struct sk_buff *",), emits=(Hello,))]
    """


@hookspec
def tracer_decoders(kernel: Kernel, options: Any) -> Iterable[Decoder]:  # type: ignore[empty-body]  # noqa: ANN401
    """Turn raw columns into those that users see. Only for sections that are not that already.

    Decoding is done where the packets were traced, so that files can be read anywhere.

    Args:
        kernel: View of the traced kernel, for names of numbers.
        options: Instance of the collector's options class.

    Example::

        @hookimpl
        def tracer_decoders() -> Iterable[Decoder]:
            return [Decoder(Hello, lambda columns: {**columns, "mark": np.asarray(columns["mark"]) & 0xFFFF})]
    """


@hookspec
def tracer_formatters() -> Iterable[Formatter]:  # type: ignore[empty-body]
    """Give the text of sections. Sections without a formatter are shown field by field.

    Example::

        @hookimpl
        def tracer_formatters() -> Iterable[Formatter]:
            return [Formatter(Hello, lambda hello, _: f"hello len {hello.length}", after=("packet",))]
    """


@hookspec
def tracer_upgrades() -> Iterable[Upgrade]:  # type: ignore[empty-body]
    """Say how the collector's sections were in files that older versions of Retis wrote, so that those can be read.

    Example::

        @hookimpl
        def tracer_upgrades() -> Iterable[Upgrade]:
            return [Upgrade((1, 6), moves=(("skb.mark", "hello.mark"),), adds=(("hello.length", 0),))]
    """


@hookspec
def tracer_changes(kernel: Kernel, options: Any, run: str) -> Iterable[Change]:  # type: ignore[empty-body]  # noqa: ANN401
    """Name what must be changed on the machine for the time of the run. Only asked if the user allows such changes.

    The core makes them before it enters ``tracer_session``, and undoes them after it left it, whatever ended the run;
    those of a run that was killed are undone by the next one. A collector whose programs are not installed cannot run.

    Args:
        kernel: View of the traced kernel.
        options: Instance of the collector's options class.
        run: Word that no other run on this machine has, for names.

    Example::

        @hookimpl
        def tracer_changes(run: str) -> Iterable[Change]:
            link = f"hello{run}"
            undo = ("sh", "-c", f"if [ -e /sys/class/net/{link} ]; then exec ip link del {link}; fi")
            return [Change(f"device {link}", ("ip", "link", "add", link, "type", "dummy"), undo)]
    """


@hookspec
def tracer_session(session: Session) -> AbstractContextManager[None] | None:
    """Do what must be done around a run, and undo it: the only hook with side effects.

    Entered after the programs are loaded and before they are attached; left after they are detached, in reverse order,
    whatever ended the run. It may watch what its programs record, and report events of its own (ADR 0028).

    Args:
        session: The run, with *kernel*, *options*, a logger and what else it says of itself.

    Example::

        @hookimpl
        @contextmanager
        def tracer_session(session: Session) -> Iterator[None]:
            session.log.info("hello")
            yield
            session.log.info("goodbye")
    """
