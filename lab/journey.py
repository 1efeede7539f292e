"""Follow a ping through two bridges of Open vSwitch and a translation of addresses, and leave nothing behind.

    python -m lab.journey

``python -m lab demo`` runs it in a guest; any machine will do that has Open vSwitch with USDT probes, and nftables.
Needs root. Exit codes are ``tracer``'s: 4 if this machine cannot.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tracer_core.errors import ExitCode
from tracer_core.testing.command import end_with_parent, executable, interrupt
from tracer_core.testing.patience import patience
from tracer_core.testing.topology.ovs_nat import TABLE, OvsNat, ovs_nat_namespaces
from tracer_core.testing.topology.site import MissingError, remove_leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

OPTIONS = """
-c skb,nft,ct,skb-tracking,ovs --ovs-track --allow-system-changes -o
-f "icmp and ip src 192.168.10.10"
-p tp:net:netif_receive_skb
-p tp:net:net_dev_start_xmit
-p kprobe:skb_scrub_packet
"""
"""Of ``tracer collect``, as typed."""

PREFIX = "tracer-journey"
READY = "probe(s) loaded"  # events can come when it says so
_ENDED_WITHIN = 30.0  # seconds, times the patience

_began = time.monotonic()


def main() -> int:
    """Make the network, trace a ping in it, show its journey.

    Returns:
        0 if it was shown; otherwise the reason was printed.
    """
    signal.signal(signal.SIGTERM, _terminate)
    if reason := _cannot_start():
        return _explain(reason)
    remove_leftovers(PREFIX)
    try:
        with ovs_nat_namespaces(PREFIX) as net, tempfile.TemporaryDirectory(prefix=f"{PREFIX}-") as folder:
            _introduce(net)
            code = _follow(net, Path(folder))
    except MissingError as error:
        return _explain(error.reason)
    except subprocess.CalledProcessError as error:
        return _explain(f"{error} {(error.stderr or error.stdout or '').strip()}", ExitCode.RUNTIME)
    except (OSError, subprocess.TimeoutExpired) as error:
        return _explain(str(error), ExitCode.RUNTIME)
    except KeyboardInterrupt:
        say("interrupted; everything was removed")
        return 128 + signal.SIGINT
    say("everything was removed")
    return code


def say(text: str) -> None:
    """Print a line of our own, with the seconds since the beginning."""
    print(f"# {time.monotonic() - _began:3.0f} s  {text}", flush=True)


def _cannot_start() -> str:
    if not executable().exists():
        return "tracer is not installed: run make setup"
    if os.geteuid() != 0:
        return "not root, and only root may trace and make network namespaces"
    missing = [tool for tool in ("ip", "ping") if shutil.which(tool) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


def _explain(reason: str, code: int = ExitCode.ENVIRONMENT) -> int:
    say(f"nothing was traced: {reason}")
    return code


def _introduce(net: OvsNat) -> None:
    say("made a network of namespaces, and two bridges of an Open vSwitch of its own:")
    inside, outside = net.bridge_int, net.bridge_ext
    way = (net.client, net.port_int, inside, outside, net.port_ext, net.server)
    print(f"#        {' -> '.join(end.device for end in way)}")
    print(f"#        {net.client.ipv4}, its gateway {inside.ipv4} | table {TABLE} | {outside.ipv4}, {net.server.ipv4}")


def _follow(net: OvsNat, folder: Path) -> int:
    ping = ["ping", "-n", "-c", "1", "-W", f"{patience(2):.0f}", net.server.ipv4]
    # so that neighbours are found already, and the first packet of its flow is the ping and nothing else
    net.client.run(ping)
    net.forget_flows()
    tracer = str(executable())
    argv = [tracer, "collect", *shlex.split(OPTIONS)]
    typed = " \\\n              ".join(OPTIONS.strip().splitlines())
    say(f"$ tracer collect {typed}")
    with _collecting(argv, folder) as process:
        if process.poll() is not None:
            return _explain(f"tracer ended with exit code {process.returncode}", process.returncode)
        say(f"$ {' '.join(ping)}        (in the namespace of {net.client.device})")
        net.client.run(ping)
        say("^C")
        code = interrupt(process, patience(_ENDED_WITHIN))
    if code:
        return _explain(f"tracer ended with exit code {code}", code)
    say("$ tracer sort")
    shown = subprocess.run([tracer, "sort"], check=True, capture_output=True, text=True, cwd=folder).stdout
    print(f"\n{shown.strip()}\n")
    if net.client.ipv4 not in shown.partition("\n\n")[2]:
        return _explain("no event came, though a ping was answered", ExitCode.RUNTIME)
    return ExitCode.OK


@contextmanager
def _collecting(argv: list[str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The tracer, when it is ready, or has ended; what it says is printed as it comes."""
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        start_new_session=True,  # ^C reaches us, and we end it in order
        preexec_fn=end_with_parent,  # noqa: PLW1509 - no thread was started yet
    )
    said = process.stderr
    try:
        if said is not None and not _copy(said, until=READY):
            process.wait()
        yield process
    finally:
        try:
            interrupt(process, patience(_ENDED_WITHIN))
        finally:
            if said is not None:
                _copy(said)


def _copy(source: IO[str], until: str = "") -> bool:
    """Print lines, to the end or to one with these words; whether there was one."""
    for line in source:
        print(line, end="", flush=True)
        if until and until in line:
            return True
    return False


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
