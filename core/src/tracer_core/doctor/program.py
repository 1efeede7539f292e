"""Checks of what is installed: Python, ourselves, libraries, tools that collectors talk to."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING

import tracer_core
from tracer_core.doctor.check import Check, Finding, missing, ok
from tracer_core.errors import MachineError

if TYPE_CHECKING:
    from tracer_core.doctor.system import System

TOOLS = {
    "ip": ("network namespaces and devices", "iproute2"),
    "tcpdump": ("reading pcap files that we write", "tcpdump"),
}
"""Tool: what it is good for next to us, and the Debian package that has it."""


def python(_system: System) -> Finding:
    """The Python that runs us; an older one would not have come this far."""
    return ok(f"{platform.python_version()} ({sys.executable})")


def core(_system: System) -> Finding:
    """The check of the installed core: its version, and where it is."""
    return ok(f"{tracer_core.__version__} ({tracer_core.__path__[0]})")


def bcc(system: System) -> Finding:
    """The real BCC, found and imported."""
    try:
        location = system.bcc()
    except MachineError as error:
        return missing(error.message, error.hint)
    detail = f"{location.version} ({location.path})"
    if location.impostors:
        names = ", ".join(str(path) for path in location.impostors)
        detail += f"; passed over {names}, an unrelated package"
    return ok(detail)


def libbpf(system: System) -> Finding:
    """The library that reads BTF and loads typed programs."""
    try:
        return ok(system.libbpf())
    except MachineError as error:
        return missing(error.message, error.hint)


def libpcap(system: System) -> Finding:
    """The library that knows the language of packet filters; loaded for them alone."""
    try:
        return ok(f"{system.libpcap()}: packet filters, -f")
    except MachineError as error:
        return missing(error.message, error.hint)


def _tool(name: str) -> Check:
    purpose, package = TOOLS[name]

    def run(system: System) -> Finding:
        path = system.tool(name)
        if path is None:
            return missing(f"not on PATH: {purpose}", f"apt install {package}, if you need it")
        return ok(path)

    return Check(name, run)


CHECKS = (
    Check("Python", python, required=True),
    Check("tracer-core", core, required=True),
    Check("BCC", bcc, required=True),
    Check("libbpf", libbpf, required=True),
)

OPTIONAL_CHECKS = (Check("libpcap", libpcap), *(_tool(name) for name in TOOLS))
