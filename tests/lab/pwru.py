"""pwru, another tracer of packets, as an oracle: what it prints, and where we may differ from it.

``docs/reference/compared-with-pwru.md`` says the same in words.
"""

from __future__ import annotations

import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from lab import chroot
from tracer_core.kernel.btf_types import Kind
from tracer_core.testing.command import end_with_parent, interrupt
from tracer_core.testing.patience import patience
from tracer_core.testing.topology.site import wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tracer_core.kernel.btf import Btf

_EVENT = re.compile(r"\S+\s+0x(?P<skb>[0-9a-f]+)\s+\d+\s+\[.*?\]\s+(?P<function>\S+)\s+(?P<time>\d+)")

UNSET = {
    "__copy_skb_header": "fills in a buffer that was just allocated: pwru reads what a packet before left in it",
    "kfree_skbmem": "comes when the data is freed: with a filter, what is left of the bytes decides whether we show it",
    "skb_headers_offset_update": "is called when data has moved, and we hear of it when pskb_expand_head returns",
}
"""Functions that pwru may report where we do not, and why."""

_MESSAGES = ("unix_", "netlink_")
"""What functions begin with that messages to processes go through, from others or from the kernel."""


@dataclass(frozen=True)
class Met:
    """A function that met a packet.

    Attributes:
        function: It.
        skb: Address of the ``sk_buff``, in hexadecimal; empty if that is not told.
    """

    function: str
    skb: str


@dataclass(frozen=True)
class Pwru:
    """One that runs, or ran.

    Attributes:
        process: It.
        folder: Where it prints to: ``pwru.out`` and ``pwru.err``.
    """

    process: subprocess.Popen[bytes]
    folder: Path

    def met(self) -> list[Met]:
        """What it reported so far, in order of time."""
        lines = (self.folder / "pwru.out").read_text(errors="replace").splitlines()
        found = [match for line in lines if (match := _EVENT.match(line))]
        found.sort(key=lambda match: int(match["time"]))
        return [Met(match["function"], match["skb"]) for match in found]

    def _listens(self) -> bool:
        said = (self.folder / "pwru.err").read_text(errors="replace")
        assert self.process.poll() is None, said
        return "Listening" in said


@contextmanager
def pwru(root: Path, folder: Path, options: Sequence[str]) -> Iterator[Pwru]:
    """Run it around a block, on all functions of vmlinux; events can come when it begins.

    Args:
        root: A root file system that has it.
        folder: Where it prints to.
        options: How it attaches, and which packets are met first.
    """
    with (folder / "pwru.out").open("wb") as out, (folder / "pwru.err").open("wb") as err:
        process = subprocess.Popen(
            chroot.command(root, ["pwru", "--timestamp", "absolute", *options]),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, no lock
        )
    made = Pwru(process, folder)
    try:
        wait(made._listens, "pwru does not listen", 60)
        yield made
    finally:
        interrupt(process, patience(30))


def unexplained(theirs: Sequence[Met], ours: Sequence[Met], vmlinux: Btf) -> list[str]:
    """The differences that have no reason that we know of.

    Args:
        theirs: What pwru saw.
        ours: What tracer saw of the same packets.
        vmlinux: Types of the kernel.
    """
    matcher = SequenceMatcher(None, [met.function for met in theirs], [met.function for met in ours], autojunk=False)
    found = []
    for kind, start, end, our_start, our_end in matcher.get_opcodes():
        left, right = theirs[start:end], ours[our_start:our_end]
        if kind == "equal":
            pairs = zip(left, right, strict=True)
            found += [f"other packet: {one} {other}" for one, other in pairs if other.skb not in ("", one.skb)]
        else:
            found += [f"not seen: {met}" for met in left if met.function not in UNSET and not _is_message(met, left)]
            found += [f"pwru has no: {met}" for met in right if _pwru_takes(met.function, vmlinux)]
    return found


def _is_message(met: Met, among: Sequence[Met]) -> bool:
    """Whether this is of a message to a process: pwru reads what a packet before left in its buffer."""
    return any(one.function.startswith(_MESSAGES) for one in among if one.skb == met.skb)


def _pwru_takes(function: str, vmlinux: Btf) -> bool:
    """Whether pwru attaches there: not in modules by kprobe-multi, nor to what takes a ``const struct sk_buff *``."""
    found = vmlinux.find(function, Kind.FUNC)
    if found is None:
        return False
    types = [vmlinux.type(type_id) for _, type_id in vmlinux.type(found.ref).params if type_id]
    targets = [vmlinux.type(one.ref) for one in types if one.kind is Kind.PTR]
    return any(target.kind is Kind.STRUCT and target.name == "sk_buff" for target in targets)
