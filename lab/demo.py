"""Show the journey of a packet where there is neither Open vSwitch nor nftables: ``make lab-demo``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lab import boot, bytecode, cache, compiling, ovs, qemu, tools
from lab.prepare import fetch

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.qemu import Machine

KERNEL = "6.12"
PATIENCE = 900.0  # seconds; one or two minutes as a rule
_ROOT = Path(__file__).resolve().parent.parent

_T = TypeVar("_T")


def run(machine: Machine, *, timeout: float = PATIENCE) -> int:
    """Prepare what it takes, boot one guest, and follow a ping in it.

    Args:
        machine: What the guest has.
        timeout: Seconds after which it is killed.

    Returns:
        The exit code: that of ``lab.journey``, or one of ``boot``.

    Raises:
        UnavailableError: the kernel, Open vSwitch or a program cannot be had here.
    """
    tools.need(qemu.PROGRAM, "ip", "ping", "nft")
    kernel = _have(f"Linux {KERNEL}", "10 to 40 s", cache.find(KERNEL), lambda: fetch(KERNEL))
    built = _have("Open vSwitch with USDT probes", "1 to 3 minutes", ovs.find(), ovs.fetch)
    bytecode.of_modules(_ROOT)
    say(f"booting {kernel.release} in QEMU, with {built.package}; no file of this machine changes")
    say("it is slow in there: about a minute")
    if why_not := compiling.can_compile():
        say(f"another minute, since the guest must compile what it runs; this machine cannot: {why_not}")
    began = time.monotonic()
    outcome = boot.run(
        kernel,
        [sys.executable, "-m", "lab.journey"],
        out=sys.stdout.buffer,
        err=sys.stderr.buffer,
        timeout=timeout,
        folder=_ROOT,
        machine=machine,
        compile_here=not why_not,
    )
    if outcome.trouble:
        print(f"lab: {outcome.trouble}", file=sys.stderr)
    say(f"the guest is gone, after {time.monotonic() - began:.0f} s")
    return outcome.status


def say(text: str) -> None:
    """Print a line of our own, before what the guest prints next."""
    print(f"# {text}", flush=True)


def _have(what: str, duration: str, found: _T | None, make: Callable[[], _T]) -> _T:
    """What is in the cache, or what is made now; which of both is said."""
    if found is not None:
        say(f"{what}: here already")
        return found
    say(f"{what}: not here yet. It is fetched and made, once; that takes {duration}")
    began = time.monotonic()
    made = make()
    say(f"{what}: made in {time.monotonic() - began:.0f} s")
    return made
