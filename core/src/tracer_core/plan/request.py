"""What the user asks of a run, as far as planning is concerned, and what there is to do it with."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tracer_core.errors import UsageError
from tracer_core.types import Probe, ProbeKind

if TYPE_CHECKING:
    from tracer_core.filters.metadata.wanted import MetadataFilter
    from tracer_core.filters.packet import PacketFilter
    from tracer_core.levels import LogLevel
    from tracer_core.userspace.live import UserPlace

DEFAULT_PROBES = ("tp:net:netif_receive_skb", "tp:net:net_dev_start_xmit")
"""Attached to if the user leaves both probes and collectors to us."""
DEFAULT_STACK_PROBES = ("tp:skb:consume_skb", "tp:skb:kfree_skb")
"""The same where packets end, to find in stacks how they got there."""

_PREFIXES = {
    "tp": ProbeKind.RAW_TRACEPOINT,
    "raw_tracepoint": ProbeKind.RAW_TRACEPOINT,
    "k": ProbeKind.KPROBE,
    "kprobe": ProbeKind.KPROBE,
    "kr": ProbeKind.KRETPROBE,
    "kretprobe": ProbeKind.KRETPROBE,
    "fentry": ProbeKind.FENTRY,
    "fexit": ProbeKind.FEXIT,
}
_IN_PROCESSES = ("usdt", "uprobe", "u")
_FORMS = "give FUNCTION, tp:GROUP:NAME, or kprobe:, kretprobe:, fentry: or fexit: and a FUNCTION"
_OPTIONS = ("stack", "ftrace")
_FUNCTION = re.compile(r"[A-Za-z_*][\w*]*", re.ASCII)
# a group may begin with a digit (9p); "*" may stand for the colon, too
_EVENT = re.compile(r"[\w*]+:[\w*]+|\w*\*[\w*]*", re.ASCII)


class Abilities(Protocol):
    """What a kernel lets us do. Answers may cost a trial each, so only what matters is asked."""

    @property
    def typed(self) -> bool:
        """Programs on tracepoints may load members plainly."""

    @property
    def entries(self) -> tuple[ProbeKind, ...]:
        """Ways in which entries of functions can be probed, the cheapest first."""

    @property
    def returns(self) -> tuple[ProbeKind, ...]:
        """The same for returns of functions."""

    @property
    def cookies(self) -> bool:
        """A program can be told by which of its kprobes or uprobes it was called (5.15)."""

    @property
    def multi(self) -> bool:
        """Many kprobes can be attached at once (5.18)."""

    @property
    def casts(self) -> bool:
        """Programs can call ``bpf_rdonly_cast`` (6.2, where the kernel compiles programs)."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Abilities that are known; those of a recent kernel unless said otherwise."""

    typed: bool = True
    entries: tuple[ProbeKind, ...] = (ProbeKind.FENTRY, ProbeKind.KPROBE)
    returns: tuple[ProbeKind, ...] = (ProbeKind.FEXIT, ProbeKind.KRETPROBE)
    cookies: bool = True
    multi: bool = True
    casts: bool = True


class Userspace(Protocol):
    """The processes of the machine. Looking into them takes time, so only those that are probed are asked for."""

    def places(self, probe: Probe) -> tuple[UserPlace, ...]:
        """Where a probe in a process is; one that was compiled in several times is at several places.

        Raises:
            MachineError: there is no such process, or no such probe in it, or it cannot be used.
        """


@dataclass(frozen=True, slots=True)
class Request:
    """The user's part of a plan.

    Attributes:
        probes: Given with ``-p``.
        netns: Inode numbers; empty for all.
        abilities: Of the kernel.
        userspace: The processes beside the kernel; nothing if it is a recorded one.
        filter: What packets must look like where they are first met; nothing for all.
        metadata: What else must hold there; nothing if nothing must.
        sort: Who takes the events is told when a packet's data is freed.
        follow_stack: What runs on a stack after a packet was met there is taken to run for it.
        all_skb: Every function that takes a packet is probed.
        stack: Events tell by which calls the kernel got there.
        probe_stack: Functions that take a packet are probed when a stack shows them.
        log_level: The least important messages that programs write; nothing if they write none.
        doubted: Targets among the probes that may be misspelled, where they are optional and absent.
    """

    probes: tuple[Probe, ...] = ()
    netns: tuple[int, ...] = ()
    abilities: Abilities = Fixed()
    userspace: Userspace | None = None
    filter: PacketFilter | None = None
    metadata: MetadataFilter | None = None
    sort: bool = False
    follow_stack: bool = False
    all_skb: bool = False
    stack: bool = False
    probe_stack: bool = False
    log_level: LogLevel | None = None
    doubted: frozenset[str] = frozenset()


def parse_probe(text: str) -> Probe:
    """Parse ``[TYPE:]TARGET[/OPTION...]``, in the forms of ``_FORMS`` and some shorter ones.

    Raises:
        UsageError: it is not a probe.
    """
    if "," in text:
        raise _list(text)
    place, slash, options = text.partition("/")
    prefix, colon, target = place.partition(":")
    if colon and prefix in _IN_PROCESSES:
        raise UsageError(f"probe {text!r}: probes in processes are placed by collectors only", hint=_FORMS)
    if not colon:
        kind, target = ProbeKind.FUNCTION, place
    elif prefix in _PREFIXES:
        kind = _PREFIXES[prefix]
    elif ":" in target:
        raise UsageError(f"probe {text!r}: invalid type {prefix!r}", hint=_FORMS)
    else:
        kind, target = ProbeKind.RAW_TRACEPOINT, place
    what, form = ("tracepoint", _EVENT) if kind is ProbeKind.RAW_TRACEPOINT else ("function", _FUNCTION)
    if not form.fullmatch(target):
        raise UsageError(f"probe {text!r}: not a {what}", hint=_FORMS)
    wanted = _options(text, options.split("/")) if slash else ()
    if kind is ProbeKind.RAW_TRACEPOINT and "ftrace" in wanted:
        hint = "give a function that runs meanwhile"
        raise UsageError(f"probe {text!r}: /ftrace is for functions, a tracepoint has no return", hint=hint)
    return Probe(kind, target, stack="stack" in wanted, ftrace="ftrace" in wanted)


def _list(text: str) -> UsageError:
    """The error for what looks like a list: collectors and profiles are given in one."""
    each = [shlex.quote(part) for part in map(str.strip, text.split(",")) if part]
    hint = f"give each by itself: {' '.join(f'-p {part}' for part in each)}" if len(each) > 1 else _FORMS
    return UsageError(f"probe {text!r}: a probe has no comma", hint=hint)


def _options(text: str, options: list[str]) -> list[str]:
    for option in options:
        if not option:
            raise UsageError(f"probe {text!r}: an option is empty", hint="leave out the '/' at the end")
        if option not in _OPTIONS:
            hint = f"there are {' and '.join(f'/{known}' for known in _OPTIONS)}"
            raise UsageError(f"probe {text!r}: {option!r} is not an option of probes", hint=hint)
        if options.count(option) > 1:
            raise UsageError(f"probe {text!r}: /{option} is given twice", hint="once is enough")
    return options
