"""C that collectors hand over, and when it runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracer_core.types.probe import Probe


class Gate(StrEnum):
    """When a fragment runs. Network namespaces (``--netns``) come before all of them."""

    MATCHED = "matched"
    """The packet and metadata filters both passed, or the packet is tracked."""
    PACKET = "packet"
    """The packet filter passed, or the packet is tracked."""
    ALWAYS = "always"
    """Whatever the filters say."""


@dataclass(frozen=True, slots=True)
class BpfSource:
    """C text with its origin, which compile errors and ``#line`` name.

    Attributes:
        text: C: ``static __always_inline`` functions, and maps that they share (``BPF_TABLE`` of BCC). Names of both
            begin with the collector's.
        origin: For example ``tracer_skb/bpf/skb.bpf.c``.
        defines: (name, value) of ``#define``s that the text sees: options and kernel features as constants.
        after: Texts that stand before it: what several share. Each is there once.
    """

    text: str
    origin: str
    defines: tuple[tuple[str, int], ...] = ()
    after: tuple[BpfSource, ...] = ()

    @classmethod
    def resource(cls, package: str, path: str, *after: BpfSource, **defines: int) -> BpfSource:
        """Read a file that a package ships, for example ``resource("tracer_skb", "bpf/skb.bpf.c", SKB_FLAG=1)``."""
        from importlib.resources import files  # noqa: PLC0415 - costs 5 ms, only runs need it

        text = files(package).joinpath(path).read_text("utf-8")
        return cls(text, f"{package}/{path}", tuple(sorted(defines.items())), after)

    @property
    def all(self) -> Iterator[BpfSource]:
        """What stands before it, and it."""
        for source in self.after:
            yield from source.all
        yield self


@dataclass(frozen=True, slots=True)
class Fragment:
    """C that takes the place of a stub in every probe that has what it needs.

    Attributes:
        function: C function ``int <collector>_<verb>(struct tracer_ctx *, struct tracer_event *)``.
        source: Where it is defined. Fragments and getters may share a source.
        needs: C types of arguments, all of which it needs, for example ``("struct sk_buff *",)``. What a getter gives
            counts. Pointers among them are never NULL when it is called.
        any_of: C types of arguments, at least one of which must be there. Which of them is NULL is the fragment's to
            ask.
        emits: Section classes it may add, in the order in which it adds them.
        probes: Only run at these, or everywhere.
        gate: When it runs.
    """

    function: str
    source: BpfSource
    needs: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    emits: tuple[type[Any], ...] = ()
    probes: tuple[Probe, ...] = ()
    gate: Gate = Gate.MATCHED


@dataclass(frozen=True, slots=True)
class Getter:
    """C that finds a value of a known type behind another argument, before filters run.

    Attributes:
        function: C function ``<gives> <collector>_<verb>(struct tracer_ctx *)``; may return NULL.
        source: Where it is defined.
        gives: C type it finds, for example ``struct sk_buff *``.
        needs: C types of arguments, all of which it needs; none if what it gives is remembered from another place.
            Pointers among them are never NULL when it is called.
        probes: Only called at these, or wherever there is what it needs.
        trusted: Typed programs may load from what it gives: it came from arguments by ``TRACER_GET``, not out of a map.
    """

    function: str
    source: BpfSource
    gives: str
    needs: tuple[str, ...] = ()
    probes: tuple[Probe, ...] = ()
    trusted: bool = True
