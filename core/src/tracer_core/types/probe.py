"""Places to attach to."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class ProbeKind(Enum):
    """Ways to attach. Values are as in files."""

    RAW_TRACEPOINT = "raw_tracepoint"
    """At a tracepoint, with the arguments that it has in the kernel."""
    FENTRY = "fentry"
    """At the entry of a function, through a trampoline (5.5)."""
    FEXIT = "fexit"
    """At the return of a function, through a trampoline (5.5)."""
    KPROBE = "kprobe"
    """At the entry of a function, through a breakpoint or ftrace."""
    KRETPROBE = "kretprobe"
    """At the return of a function, through its return address."""
    FUNCTION = "function"
    """At the entry of a function, in the cheapest way that the kernel has. The plan decides which."""
    RETURN = "return"
    """At the return of a function, in the cheapest way that the kernel has. The plan decides which."""
    USDT = "usdt"
    """At a place in a process that its authors marked: ``sys/sdt.h``."""
    UPROBE = "uprobe"
    """At the entry of a function of a process."""

    @property
    def label(self) -> str:
        """Short form, in text."""
        return _LABELS.get(self, self.value)

    @property
    def returns(self) -> bool:
        """Whether it is at the end of what is probed, with what it began with and its result at hand."""
        return self in {ProbeKind.FEXIT, ProbeKind.KRETPROBE, ProbeKind.RETURN}

    @property
    def breaks(self) -> bool:
        """Whether it is a kprobe of either kind: arguments are in ``struct pt_regs``, and many share a program."""
        return self in {ProbeKind.KPROBE, ProbeKind.KRETPROBE}

    @property
    def in_process(self) -> bool:
        """Whether it is in a process, not in the kernel: arguments point at the process's memory, none at a packet."""
        return self in {ProbeKind.USDT, ProbeKind.UPROBE}


_LABELS = {
    ProbeKind.RAW_TRACEPOINT: "tp",
    ProbeKind.KPROBE: "k",
    ProbeKind.KRETPROBE: "kr",
    ProbeKind.USDT: "u",
    ProbeKind.UPROBE: "u",
}


@dataclass(frozen=True, slots=True)
class Probe:
    """A place to attach to.

    Attributes:
        kind: How.
        target: ``group:name`` of a tracepoint, or a function; ``*`` in it stands for any characters. In processes
            ``provider:name`` of a USDT probe, or a function, of which nothing stands for others.
        generic: Everybody's fragments run there, not only those that name it.
        optional: A kernel without it is no error.
        stack: Events tell by which calls the kernel got there.
        ftrace: While the function runs for a packet, so does what it calls.
        process: Name or PID of the process that it is in, if it is in one.
    """

    kind: ProbeKind
    target: str
    generic: bool = True
    optional: bool = field(default=False, compare=False)
    stack: bool = field(default=False, compare=False)
    ftrace: bool = field(default=False, compare=False)
    process: str | int = ""

    @classmethod
    def tracepoint(cls, target: str, *, generic: bool = True, optional: bool = False) -> Probe:
        """A raw tracepoint, ``group:name``."""
        return cls(ProbeKind.RAW_TRACEPOINT, target, generic=generic, optional=optional)

    @classmethod
    def function(cls, target: str, *, generic: bool = True, optional: bool = False, returns: bool = False) -> Probe:
        """The entry of a kernel function, by name, or its return."""
        return cls(ProbeKind.RETURN if returns else ProbeKind.FUNCTION, target, generic=generic, optional=optional)

    @classmethod
    def usdt(cls, process: str | int, target: str, *, generic: bool = False, optional: bool = False) -> Probe:
        """A probe that a process, or a library of it, was built with: ``provider:name``, wherever it was compiled in.

        Args:
            process: Its name or PID. Several of one name are an error.
            target: ``provider:name``.
            generic: Fragments without ``probes`` and ``needs`` run there, too.
            optional: No process or no such probe is no error; a message says that it is missing.
        """
        return cls(ProbeKind.USDT, target, generic=generic, optional=optional, process=process)

    @classmethod
    def uprobe(cls, process: str | int, symbol: str, *, generic: bool = False, optional: bool = False) -> Probe:
        """The entry of a function of the program that a process runs; the arguments are as for :meth:`usdt`."""
        return cls(ProbeKind.UPROBE, symbol, generic=generic, optional=optional, process=process)

    @property
    def key(self) -> tuple[ProbeKind, str, str | int]:
        """Probes with one key are one probe."""
        return self.kind, self.target, self.process

    @property
    def is_pattern(self) -> bool:
        """Whether it stands for any number of places that its name matches."""
        return "*" in self.target and not self.kind.in_process

    def __str__(self) -> str:
        prefix = {ProbeKind.FUNCTION: "", ProbeKind.RAW_TRACEPOINT: "tp:"}.get(self.kind, f"{self.kind.value}:")
        return prefix + (f"{self.process}:{self.target}" if self.kind.in_process else self.target)
