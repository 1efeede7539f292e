"""What the running kernel lets a run do, each found by trying when it first matters."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tracer_core.backend import features
from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracer_core.kernel.btf import Btf


class LiveAbilities:
    """See :class:`~tracer_core.plan.request.Abilities`.

    Args:
        btf: Gives the BTF of vmlinux, as the kernel view has it.
        typed: What the user decided about programs on tracepoints; nothing to try.
    """

    def __init__(self, btf: Callable[[], Btf], *, typed: bool | None = None) -> None:
        self._btf = btf
        self._typed = typed

    @cached_property
    def typed(self) -> bool:
        """Programs on tracepoints may load members plainly."""
        return features.typed_tracepoints(self._btf()) if self._typed is None else self._typed

    @cached_property
    def entries(self) -> tuple[ProbeKind, ...]:
        """Ways in which entries of functions can be probed, the cheapest first."""
        return features.working((ProbeKind.FENTRY, ProbeKind.KPROBE), self._btf)

    @cached_property
    def returns(self) -> tuple[ProbeKind, ...]:
        """The same for returns of functions."""
        return features.working((ProbeKind.FEXIT, ProbeKind.KRETPROBE), self._btf)

    @cached_property
    def cookies(self) -> bool:
        """A program can be told by which of its kprobes it was called."""
        return features.attach_cookies()

    @cached_property
    def multi(self) -> bool:
        """Many kprobes can be attached at once."""
        return features.kprobe_multi()

    @cached_property
    def casts(self) -> bool:
        """Programs can call ``bpf_rdonly_cast``."""
        return features.casts(self._btf())
