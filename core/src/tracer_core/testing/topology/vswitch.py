"""Open vSwitch of a namespace's own: the kernel's datapath, the daemons, bridges, and what they are told to do.

The kernel keeps datapaths per namespace, and the daemons run in it, too: the machine's own Open vSwitch is left alone.
Programs are taken from ``PATH``, where another build than the distribution's may come first.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracer_core.testing.command import end_with_parent
from tracer_core.testing.patience import patience
from tracer_core.testing.topology.site import MissingError, Topology, wait

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracer_core.testing.namespace import Namespace
    from tracer_core.testing.topology.site import Site

DAEMON = "ovs-vswitchd"
_PROGRAMS = (DAEMON, "ovsdb-server", "ovsdb-tool", "ovs-vsctl", "ovs-appctl", "ovs-dpctl", "ovs-ofctl")
_SCHEMA = "vswitch.ovsschema"
_WHAT = "openvswitch"
_PROTOCOL = "--protocols=OpenFlow14"  # the oldest, which is the default, does not replace flows with tables
_ANSWERS_WITHIN = 30.0  # seconds
# flows stay: the daemon drops idle ones after 10 s, and on a slow machine also those with few packets
_KEEP_FLOWS = ["--", "set", "Open_vSwitch", ".", "other_config:max-idle=600000", "other_config:min-revalidate-pps=0"]
_COUNTS_CPUS_AT = 10.0  # seconds of CLOCK_MONOTONIC


@dataclass(frozen=True, slots=True)
class VSwitch:
    """The daemons, and one datapath for all of their bridges.

    Attributes:
        namespace: Where they run, and the devices of bridges are.
        program: The executable of ``ovs-vswitchd``.
        pid: Its process.
        folder: Sockets, database and logs.
    """

    namespace: Namespace
    program: Path
    pid: int
    folder: Path

    def control(self, *argv: str, stdin: str | None = None) -> str:
        """Run one of the programs of Open vSwitch and say what it prints.

        Args:
            argv: It and its arguments.
            stdin: What it reads; nothing if not given.

        Raises:
            subprocess.CalledProcessError: it failed; a note says why.
        """
        return _control(self.namespace, self.folder, *argv, stdin=stdin)

    def add_bridge(self, bridge: Namespace) -> None:
        """Add a bridge that learns and forwards, with a device of the same name."""
        self.control("ovs-vsctl", *_deadline(), "add-br", bridge.device)

    def add_port(self, bridge: Namespace, port: Namespace) -> None:
        """Make a device a port of a bridge."""
        self.control("ovs-vsctl", *_deadline(), "add-port", bridge.device, port.device)


class Switched(Topology):
    """What topologies with an Open vSwitch have in common."""

    __slots__ = ()

    vswitch: VSwitch

    @property
    def program(self) -> Path:
        """The executable of ``ovs-vswitchd``."""
        return self.vswitch.program

    @property
    def pid(self) -> int:
        """The process of ``ovs-vswitchd``."""
        return self.vswitch.pid

    @property
    def folder(self) -> Path:
        """Sockets, database and logs of the daemons."""
        return self.vswitch.folder

    def control(self, *argv: str) -> str:
        """Run one of the programs of Open vSwitch and say what it prints, as in ``control("ovs-dpctl", "dump-flows")``.

        Raises:
            subprocess.CalledProcessError: it failed; a note says why.
        """
        return self.vswitch.control(*argv)

    def ports(self) -> Mapping[str, int]:
        """The datapath's ports: their numbers, as its flows and events have them, by the names of their devices."""
        shown = self.control("ovs-dpctl", "show")
        return {name: int(number) for number, name in re.findall(r"^  port (\d+): (\S+)", shown, re.MULTILINE)}

    def forget_flows(self) -> None:
        """Empty the kernel's table: the next packet of each flow goes up to the daemon again."""
        # not dpctl del-flows: the daemon would take its own record of a flow for the flow, and not put it again
        self.control("ovs-appctl", "revalidator/purge")

    def set_flows(self, bridge: Namespace, *flows: str) -> None:
        """Have a bridge do what these OpenFlow flows say and nothing else; the kernel's are forgotten.

        Args:
            bridge: Which.
            flows: In the language of ``ovs-ofctl``. Constants of ``openflow`` are some; ``NORMAL`` is the beginning.

        Raises:
            subprocess.CalledProcessError: they are refused; a note says why.
        """
        self.vswitch.control("ovs-ofctl", _PROTOCOL, "replace-flows", bridge.device, "-", stdin="\n".join(flows))
        self.forget_flows()


def start(building: Site, namespace: Namespace) -> VSwitch:
    """Start the daemons in a namespace of the site; they end with it, and with this process.

    Raises:
        MissingError: Open vSwitch is not installed, or the kernel has no datapath for it.
    """
    program, schema = need()
    folder = building.folder()
    _need_datapath(namespace, folder)
    database, socket = folder / "conf.db", folder / "db.sock"
    _control(namespace, folder, "ovsdb-tool", "create", str(database), str(schema))
    _daemon(building, namespace, folder, "ovsdb-server", str(database), f"--remote=punix:{socket}")
    _control(namespace, folder, "ovs-vsctl", *_deadline(), "--retry", "--no-wait", "init", *_KEEP_FLOWS)
    # before, releases such as 3.1 find no CPU, have no thread for packets that come up, and lose them all
    wait(lambda: time.monotonic() > _COUNTS_CPUS_AT, "the clock stands", 2 * _COUNTS_CPUS_AT)
    daemon = _daemon(building, namespace, folder, DAEMON, f"unix:{socket}")
    return VSwitch(namespace, program, daemon.pid, folder)


def need() -> tuple[Path, Path]:
    """Be sure that Open vSwitch is installed.

    Returns:
        The daemon, and the schema of its database: beside it, or where the distribution has it.

    Raises:
        MissingError: one of the programs, or the schema, is not there.
    """
    if absent := [program for program in _PROGRAMS if shutil.which(program) is None]:
        raise MissingError(_WHAT, f"needs Open vSwitch: no {', '.join(absent)}")
    program = Path(shutil.which(DAEMON) or "").resolve()
    schemas = [folder / _SCHEMA for folder in (program.parent, Path("/usr/share/openvswitch"))]
    schema = next((path for path in schemas if path.exists()), None)
    if schema is None:
        raise MissingError(_WHAT, f"Open vSwitch has no {_SCHEMA}")
    return program, schema


def _need_datapath(namespace: Namespace, folder: Path) -> None:
    # to ask is to have the module loaded
    try:
        _control(namespace, folder, "ovs-dpctl", "dump-dps")
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().splitlines()[-1:] or [f"ovs-dpctl ended with {error.returncode}"]
        raise MissingError(_WHAT, f"this kernel has no datapath of Open vSwitch: {reason[0]}") from None


def _daemon(building: Site, namespace: Namespace, folder: Path, *argv: str) -> subprocess.Popen[Any]:
    with (folder / f"{argv[0]}.log").open("wb") as log:
        process = namespace.popen(
            [*argv, "--pidfile"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(folder),
            preexec_fn=end_with_parent,
        )
    building.undo.callback(_end, process)
    return process


def _end(process: subprocess.Popen[Any]) -> None:
    process.terminate()
    try:
        process.wait(patience(_ANSWERS_WITHIN))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _deadline() -> tuple[str, str]:
    return "--db=unix:db.sock", f"--timeout={patience(_ANSWERS_WITHIN):.0f}"


def _control(namespace: Namespace, folder: Path, *argv: str, stdin: str | None = None) -> str:
    seconds = 2 * patience(_ANSWERS_WITHIN)
    return namespace.run(argv, timeout=seconds, stdin=stdin, env=_environment(folder), cwd=folder).stdout


def _environment(folder: Path) -> dict[str, str]:
    """That has the programs find each other's files in the folder."""
    return {**os.environ, **{f"OVS_{name}DIR": str(folder) for name in ("RUN", "LOG", "DB", "SYSCONF")}}
