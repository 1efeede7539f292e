#!/usr/bin/env python3
"""Trace packets of our own between two network namespaces, and leave nothing behind.

    make demo

Makes two namespaces joined by a veth pair, runs ``tracer collect`` on them, sends pings, a UDP exchange and a TCP
exchange through, and prints the events as they come. Exit codes are ``tracer``'s: 4 if this machine cannot.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tracer_core.errors import ExitCode
from tracer_core.testing.command import NotReadyError, end_with_parent, executable, interrupt, wait_ready
from tracer_core.testing.netns import TwoNamespaces, remove_leftovers, two_namespaces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

PREFIX = "tracer-demo"
PORT = 4711
PROBES = ("tp:net:netif_receive_skb", "tp:net:net_dev_start_xmit")
READY_WITHIN = 60.0  # seconds; a second or so on most machines
ENDED_WITHIN = 10.0


def main() -> int:
    """Run the demo.

    Returns:
        0 if packets were traced; otherwise the reason was printed.
    """
    signal.signal(signal.SIGTERM, _terminate)
    if reason := _cannot_start():
        return _explain(reason)
    for name in remove_leftovers(PREFIX):
        say(f"removed {name}, left behind by a demo that was killed")
    try:
        with ExitStack() as resources:
            try:
                both = resources.enter_context(two_namespaces(PREFIX))
            except (OSError, subprocess.CalledProcessError) as error:
                return _explain(f"cannot make network namespaces: {getattr(error, 'stderr', '') or error}".strip())
            say(f"made {both.a.name} ({both.a.ipv4}) and {both.b.name} ({both.b.ipv4}), joined by a veth pair")
            folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix=f"{PREFIX}-")))
            return _trace(both, folder / "ready")
    except KeyboardInterrupt:
        say("interrupted; everything was removed")
        return 128 + signal.SIGINT


def say(text: str) -> None:
    """Print a line of our own, among those of the tracer."""
    print(f"# {text}", flush=True)


def _cannot_start() -> str:
    if not executable().exists():
        return "tracer is not installed: run make setup"
    if os.geteuid() != 0:
        return "not root, and only root may trace and make network namespaces: run sudo make demo"
    missing = [tool for tool in ("ip", "ping") if shutil.which(tool) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (on Debian: apt-get install iproute2 iputils-ping)"
    return ""


def _explain(reason: str, code: int = ExitCode.ENVIRONMENT) -> int:
    """Say what could not be done and why; what the machine lacks is for ``tracer doctor`` to say.

    Returns:
        The exit code given.
    """
    say(f"nothing was traced: {reason}")
    if executable().exists():
        say("$ tracer doctor")
        subprocess.run([executable(), "doctor"], check=False)
    return code


def _trace(both: TwoNamespaces, ready: Path) -> int:
    probes = [argument for probe in PROBES for argument in ("-p", probe)]
    netns = [argument for name in both.names for argument in ("--netns", name)]
    command = ["collect", "-c", "skb", *probes, *netns, "--ready-file", str(ready)]
    say(f"$ {shlex.join(['tracer', *command])}")
    with _collecting([str(executable()), *command]) as (process, seen):
        try:
            wait_ready(process, ready, READY_WITHIN)
        except NotReadyError as error:
            return _explain(str(error), process.returncode or ExitCode.RUNTIME)
        failures = _traffic(both)
        # ends with ^C, as a user would end it; what was recorded until then is still printed
        code = interrupt(process, ENDED_WITHIN)
    if code != 0:
        return _explain(f"tracer ended with exit code {code}", code)
    for failure in failures:
        say(f"traffic failed: {failure}")
    if not seen:
        return _explain("no event came, though packets were sent", ExitCode.RUNTIME)
    say(f"done: {len(seen)} events; both namespaces are removed")
    return ExitCode.RUNTIME if failures else ExitCode.OK


@contextmanager
def _collecting(argv: list[str]) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The tracer, its output printed as it comes; also the first lines of events, which are not indented."""
    seen: list[str] = []
    # a group of its own: ^C reaches us, and we end it in order
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=end_with_parent,  # noqa: PLW1509 - no thread was started yet
    )

    def show() -> None:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            if line.strip() and not line[0].isspace():
                seen.append(line)

    reader = threading.Thread(target=show)
    reader.start()
    try:
        yield process, seen
    finally:
        try:
            interrupt(process, ENDED_WITHIN)
        finally:
            reader.join()


def _traffic(both: TwoNamespaces) -> list[str]:
    """Send one of each through, from *a* to *b*.

    Returns:
        What failed.
    """
    failures = []
    steps: dict[str, Callable[[], object]] = {
        "ping": lambda: both.run(both.a, ["ping", "-n", "-c", "1", "-W", "2", both.b.ipv4]),
        "ping over IPv6": lambda: both.run(both.a, ["ping", "-6", "-n", "-c", "1", "-W", "2", both.b.ipv6]),
        "UDP": lambda: _udp(both),
        "TCP": lambda: _tcp(both),
    }
    for name, step in steps.items():
        say(name)
        try:
            step()
        except subprocess.CalledProcessError as error:
            failures.append(f"{name}: {(error.stderr or error.stdout).strip() or error}")
        except (OSError, subprocess.TimeoutExpired) as error:
            failures.append(f"{name}: {error}")
    return failures


def _udp(both: TwoNamespaces) -> None:
    with both.b.entered():
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with both.a.entered():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with server, client:
        server.settimeout(2)
        client.settimeout(2)
        server.bind((both.b.ipv4, PORT))
        client.sendto(b"question", (both.b.ipv4, PORT))
        _, peer = server.recvfrom(64)
        server.sendto(b"answer", peer)
        client.recv(64)


def _tcp(both: TwoNamespaces) -> None:
    with both.b.entered():
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with both.a.entered():
        client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with listener, client:
        listener.settimeout(2)
        client.settimeout(2)
        listener.bind((both.b.ipv4, PORT))
        listener.listen()
        client.connect((both.b.ipv4, PORT))
        server, _ = listener.accept()
        with server:
            server.settimeout(2)
            client.sendall(b"question")
            server.recv(64)
            server.sendall(b"answer")
            client.recv(64)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
