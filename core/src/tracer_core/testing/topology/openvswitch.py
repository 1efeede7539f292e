"""Two namespaces on a bridge of Open vSwitch, with the kernel's datapath, in a third.

The kernel keeps datapaths per namespace, and the daemons run in the third one, too: the machine's own Open vSwitch is
left alone. Programs are taken from ``PATH``, where another build than the distribution's may come first.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracer_core.testing.command import end_with_parent
from tracer_core.testing.namespace import Namespace
from tracer_core.testing.patience import patience
from tracer_core.testing.topology.site import MissingError, Topology, site, wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracer_core.testing.topology.site import Site

DAEMON = "ovs-vswitchd"
_PROGRAMS = (DAEMON, "ovsdb-server", "ovsdb-tool", "ovs-vsctl", "ovs-appctl", "ovs-dpctl")
_SCHEMA = "vswitch.ovsschema"
_WHAT = "openvswitch"
_ANSWERS_WITHIN = 30.0  # seconds
# flows stay: the daemon drops idle ones after 10 s, and on a slow machine also those with few packets
_KEEP_FLOWS = ["--", "set", "Open_vSwitch", ".", "other_config:max-idle=600000", "other_config:min-revalidate-pps=0"]
_COUNTS_CPUS_AT = 10.0  # seconds of CLOCK_MONOTONIC


@dataclass(frozen=True, slots=True)
class OpenVSwitch(Topology):
    """Neighbours ``a`` and ``b``, each joined by a veth pair to a port of a bridge that learns and forwards.

    The first packets of a flow go up to the daemon; it then puts a flow into the kernel, for those that follow.

    Attributes:
        a: Has 192.0.2.1 and 2001:db8::1.
        b: Has 192.0.2.2 and 2001:db8::2.
        switch: The bridge's own device, without addresses.
        port_a: The bridge's end of the pair to ``a``.
        port_b: The bridge's end of the pair to ``b``.
        program: The daemon's executable.
        pid: The daemon's process.
        folder: Its sockets, its database and its log.
    """

    a: Namespace
    b: Namespace
    switch: Namespace
    port_a: Namespace
    port_b: Namespace
    program: Path
    pid: int
    folder: Path

    @property
    def namespaces(self) -> tuple[Namespace, Namespace, Namespace]:
        """The neighbours, then the bridge's."""
        return self.a, self.b, self.switch

    def control(self, *argv: str) -> str:
        """Run one of the programs of Open vSwitch and say what it prints, as in ``control("ovs-dpctl", "dump-flows")``.

        Raises:
            subprocess.CalledProcessError: it failed; a note says why.
        """
        return _control(self.switch, self.folder, *argv)


@contextmanager
def openvswitch_namespaces(prefix: str) -> Iterator[OpenVSwitch]:
    """Make it, and remove it whatever happens.

    Args:
        prefix: What names begin with.

    Raises:
        MissingError: Open vSwitch is not installed, or the kernel has no datapath for it.
    """
    program, schema = _installed()
    with site(prefix) as building:
        a = Namespace(building.namespace("a"), "veth-a", "192.0.2.1", "2001:db8::1")
        b = Namespace(building.namespace("b"), "veth-b", "192.0.2.2", "2001:db8::2")
        switch = Namespace(building.namespace("switch"), "switch")
        port_a, port_b = Namespace(switch.name, "port-a"), Namespace(switch.name, "port-b")
        folder = building.folder()
        _need_datapath(switch, folder)
        daemon = _start(building, switch, folder, schema)
        _control(switch, folder, "ovs-vsctl", *_deadline(), "add-br", switch.device)
        for end, port in ((a, port_a), (b, port_b)):
            building.veth(end, port)
            _control(switch, folder, "ovs-vsctl", *_deadline(), "add-port", switch.device, port.device)
        building.settle(a, b)
        yield OpenVSwitch(a, b, switch, port_a, port_b, program, daemon.pid, folder)


def _installed() -> tuple[Path, Path]:
    """The daemon, and the schema of its database: beside it, or where the distribution has it."""
    if absent := [program for program in _PROGRAMS if shutil.which(program) is None]:
        raise MissingError(_WHAT, f"needs Open vSwitch: no {', '.join(absent)}")
    program = Path(shutil.which(DAEMON) or "").resolve()
    schemas = [folder / _SCHEMA for folder in (program.parent, Path("/usr/share/openvswitch"))]
    schema = next((path for path in schemas if path.exists()), None)
    if schema is None:
        raise MissingError(_WHAT, f"Open vSwitch has no {_SCHEMA}")
    return program, schema


def _need_datapath(switch: Namespace, folder: Path) -> None:
    # to ask is to have the module loaded
    try:
        _control(switch, folder, "ovs-dpctl", "dump-dps")
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().splitlines()[-1:] or [f"ovs-dpctl ended with {error.returncode}"]
        raise MissingError(_WHAT, f"this kernel has no datapath of Open vSwitch: {reason[0]}") from None


def _start(building: Site, switch: Namespace, folder: Path, schema: Path) -> subprocess.Popen[Any]:
    """Start the database, then the daemon; both end with the topology, and with this process."""
    database, socket = folder / "conf.db", folder / "db.sock"
    _control(switch, folder, "ovsdb-tool", "create", str(database), str(schema))
    _daemon(building, switch, folder, "ovsdb-server", str(database), f"--remote=punix:{socket}")
    _control(switch, folder, "ovs-vsctl", *_deadline(), "--retry", "--no-wait", "init", *_KEEP_FLOWS)
    # before, releases such as 3.1 find no CPU, have no thread for packets that come up, and lose them all
    wait(lambda: time.monotonic() > _COUNTS_CPUS_AT, "the clock stands", 2 * _COUNTS_CPUS_AT)
    return _daemon(building, switch, folder, DAEMON, f"unix:{socket}")


def _daemon(building: Site, switch: Namespace, folder: Path, *argv: str) -> subprocess.Popen[Any]:
    with (folder / f"{argv[0]}.log").open("wb") as log:
        process = switch.popen(
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


def _control(switch: Namespace, folder: Path, *argv: str) -> str:
    seconds = 2 * patience(_ANSWERS_WITHIN)
    return switch.run(argv, timeout=seconds, env=_environment(folder), cwd=folder).stdout


def _environment(folder: Path) -> dict[str, str]:
    """That has the programs find each other's files in the folder."""
    return {**os.environ, **{f"OVS_{name}DIR": str(folder) for name in ("RUN", "LOG", "DB", "SYSCONF")}}
