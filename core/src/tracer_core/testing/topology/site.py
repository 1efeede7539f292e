"""Where topologies are built: namespaces with names that tell whose they are, and that are removed whatever happens.

Names hold the id of the process that made them: what a killed process left behind can be told from what is in use, and
:func:`remove_leftovers` removes only the former.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tracer_core.testing.namespace import FOLDER, Namespace, checked
from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_UP_WITHIN = 10.0  # seconds; milliseconds as a rule
_POLL = 0.01  # seconds
_numbers = itertools.count(1)


class MissingError(Exception):
    """This machine cannot have such a network.

    Attributes:
        what: A name for what is missing, which ``TRACER_REQUIRE`` may list.
        reason: One sentence.
    """

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(reason)
        self.what = what
        self.reason = reason


class Topology:
    """What all have in common."""

    __slots__ = ()

    @property
    def namespaces(self) -> tuple[Namespace, ...]:
        """All of it, each once."""
        raise NotImplementedError

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all."""
        return tuple(namespace.name for namespace in self.namespaces)

    @property
    def inodes(self) -> tuple[int, ...]:
        """The numbers of all."""
        return tuple(namespace.inode for namespace in self.namespaces)


class Site:
    """A topology while it is built, and the list of what to undo. Needs root and ``ip`` of iproute2.

    Its methods raise ``subprocess.CalledProcessError`` if the kernel or ``ip`` refuses, with a note that says why.

    Args:
        prefix: What names begin with; a process id and a label follow.
        undo: What is to be undone is put on it.
    """

    def __init__(self, prefix: str, undo: ExitStack) -> None:
        number = next(_numbers)
        self._stem = f"{prefix}-{os.getpid()}" + (f".{number}" if number > 1 else "")
        self.undo = undo

    def namespace(self, label: str) -> str:
        """Make a namespace.

        Args:
            label: Lower-case letters, which its name ends with.

        Returns:
            Its name.
        """
        name = f"{self._stem}-{label}"
        ip(f"netns add {name}")
        self.undo.callback(_remove, name)
        ip(f"-n {name} link set lo up")
        return name

    def folder(self) -> Path:
        """A new folder for files and sockets."""
        folder = Path(tempfile.mkdtemp(prefix=f"{self._stem}-"))
        self.undo.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def veth(self, one: Namespace, other: Namespace) -> None:
        """Join two namespaces by a pair of devices, without addresses as yet."""
        # made inside: the pair is never in a namespace where something configures new devices
        ip(f"-n {one.name} link add {one.device} type veth peer name {other.device} netns {other.name}")
        self.up(one, other)

    def device(self, namespace: Namespace, kind: str, *, missing: str, over: str = "") -> None:
        """Add a device of another kind.

        Args:
            namespace: Where, and its name.
            kind: Type and options, as in ``vlan id 3``.
            missing: What to call it where the kernel has none.
            over: The device that it is based on.

        Raises:
            MissingError: the kernel has no such devices.
        """
        link = f"link {over} " if over else ""
        try:
            ip(f"-n {namespace.name} link add {link}name {namespace.device} type {kind}")
        except subprocess.CalledProcessError as error:
            if "Unknown device type" in error.stderr or "not supported" in error.stderr:
                raise MissingError(kind.partition(" ")[0], f"this kernel has no {missing}") from None
            raise

    def up(self, *namespaces: Namespace) -> None:
        """Switch devices on."""
        for namespace in namespaces:
            # no link-local addresses: the kernel would announce them whenever it likes. Before it is up: one that has
            # its link at once would have one at once
            ip(f"-n {namespace.name} link set {namespace.device} addrgenmode none")
            ip(f"-n {namespace.name} link set {namespace.device} up")

    def settle(self, *namespaces: Namespace, state: str = "UP") -> None:
        """Wait until devices are up, and give them their addresses.

        Args:
            namespaces: Them.
            state: What ``ip`` calls up; devices without a link of their own are ``UNKNOWN``.

        Raises:
            TimeoutError: one is not up in time.
        """
        for namespace in namespaces:
            # until then, IPv6 does not listen on the device: neighbours would be found a second late
            wait(partial(_has_state, namespace, state), f"{namespace.device} in {namespace.name} is not up")
            if namespace.ipv4:
                ip(f"-n {namespace.name} addr add {namespace.ipv4}/24 dev {namespace.device}")
            if namespace.ipv6:
                ip(f"-n {namespace.name} addr add {namespace.ipv6}/64 dev {namespace.device} nodad")


@contextmanager
def site(prefix: str) -> Iterator[Site]:
    """Build within the block; what was made is removed after it, however it ends."""
    with ExitStack() as undo:
        yield Site(prefix, undo)


def wait(done: Callable[[], bool], complaint: str, seconds: float = _UP_WITHIN) -> None:
    """Wait until something is true.

    Args:
        done: Whether it is.
        complaint: What is wrong as long as it is not.
        seconds: How long at the most, before the patience of this machine.

    Raises:
        TimeoutError: it never was.
    """
    within = patience(seconds)
    deadline = time.monotonic() + within
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{complaint} after {within:g} s")
        time.sleep(_POLL)


def ip(arguments: str) -> str:
    """Run ``ip``, and say what it prints.

    Raises:
        subprocess.CalledProcessError: it refused; a note says why.
    """
    command = ["ip", *arguments.split()]
    result = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return checked(result).stdout


def remove_leftovers(prefix: str) -> list[str]:
    """Remove what topologies made in processes that are gone: namespaces, programs that run in them, folders.

    Args:
        prefix: As given there; other names are left alone.

    Returns:
        The names of the namespaces that were removed.
    """
    stem = rf"{re.escape(prefix)}-(\d+)(\.\d+)?"
    stale = _stale(FOLDER, prefix, rf"{stem}-[a-z]+")
    for name in stale:
        _kill_inside(name)
        _remove(name)
    temporary = Path(tempfile.gettempdir())
    for name in _stale(temporary, prefix, rf"{stem}-\w+"):
        shutil.rmtree(temporary / name, ignore_errors=True)
    return stale


def _has_state(namespace: Namespace, state: str) -> bool:
    return f" state {state} " in ip(f"-n {namespace.name} -o link show dev {namespace.device}")


def _stale(folder: Path, prefix: str, pattern: str) -> list[str]:
    found = ((path.name, re.fullmatch(pattern, path.name)) for path in folder.glob(f"{prefix}-*"))
    return [name for name, match in found if match and not Path("/proc", match[1]).exists()]


def _kill_inside(name: str) -> None:
    command = ["ip", "netns", "pids", name]
    listing = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    for number in listing.split():
        with suppress(ProcessLookupError):
            os.kill(int(number), signal.SIGKILL)


def _remove(name: str) -> None:
    # a name that somebody else removed already is no trouble
    subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True, stdin=subprocess.DEVNULL)
