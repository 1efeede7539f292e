"""Two network namespaces joined by a veth pair, so that traffic is our own and nobody else's.

Names hold the id of the process that made them: what a killed process left behind can be told from what is in use, and
:func:`remove_leftovers` removes only the former.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import re
import subprocess
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FOLDER = Path("/run/netns")
"""Where ``ip netns`` keeps the names."""

_CLONE_NEWNET = 0x40000000
_UP_WITHIN = 10.0  # seconds; milliseconds as a rule
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace with one device.

    Attributes:
        name: As in ``ip netns``.
        device: Its end of the veth pair.
        ipv4: Its address in 192.0.2.0/24.
        ipv6: Its address in 2001:db8::/64.
    """

    name: str
    device: str
    ipv4: str
    ipv6: str

    @property
    def path(self) -> Path:
        """The file that stands for it."""
        return FOLDER / self.name

    @property
    def inode(self) -> int:
        """Its number, which the kernel has as ``net->ns.inum``."""
        return self.path.stat().st_ino

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be in it: sockets made by this thread within the block belong to it, and stay its own afterwards."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            inside = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                _setns(inside)
                try:
                    yield
                finally:
                    _setns(before)
            finally:
                os.close(inside)
        finally:
            os.close(before)


@dataclass(frozen=True, slots=True)
class TwoNamespaces:
    """Neighbours ``a`` and ``b``, up and reachable from each other.

    Attributes:
        a: Has 192.0.2.1 and 2001:db8::1.
        b: Has 192.0.2.2 and 2001:db8::2.
    """

    a: Namespace
    b: Namespace

    @property
    def names(self) -> tuple[str, str]:
        """Both names."""
        return self.a.name, self.b.name

    @property
    def inodes(self) -> tuple[int, int]:
        """Both numbers."""
        return self.a.inode, self.b.inode

    def run(
        self, namespace: Namespace, argv: Sequence[str], *, timeout: float = 20, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a program inside, to its end.

        Args:
            namespace: Where.
            argv: Program and arguments.
            timeout: Seconds after which it is killed and ``TimeoutExpired`` raised.
            check: Whether an exit code other than 0 raises ``CalledProcessError``.
        """
        return subprocess.run(_inside(namespace, argv), capture_output=True, text=True, timeout=timeout, check=check)

    def popen(self, namespace: Namespace, argv: Sequence[str], **options: Any) -> subprocess.Popen[Any]:  # noqa: ANN401
        """Start a program inside; ending it is the caller's."""
        return subprocess.Popen(_inside(namespace, argv), **options)


@contextmanager
def two_namespaces(prefix: str) -> Iterator[TwoNamespaces]:
    """Make both, and remove them whatever happens. Needs root and ``ip`` of iproute2.

    Args:
        prefix: What the names begin with; a process id and a letter follow.

    Raises:
        subprocess.CalledProcessError: the kernel or ``ip`` refused; its ``stderr`` says why.
    """
    number = next(_numbers)
    stem = f"{prefix}-{os.getpid()}" + (f".{number}" if number > 1 else "")
    a = Namespace(f"{stem}-a", "veth-a", "192.0.2.1", "2001:db8::1")
    b = Namespace(f"{stem}-b", "veth-b", "192.0.2.2", "2001:db8::2")
    with ExitStack() as undo:
        for namespace in (a, b):
            _ip(f"netns add {namespace.name}")
            undo.callback(_remove, namespace.name)
        # made inside: the pair is never in a namespace where something configures new devices
        _ip(f"-n {a.name} link add {a.device} type veth peer name {b.device} netns {b.name}")
        for namespace in (a, b):
            _ip(f"-n {namespace.name} link set lo up")
            # no link-local addresses: the kernel would announce them whenever it likes
            _ip(f"-n {namespace.name} link set {namespace.device} addrgenmode none up")
        for namespace in (a, b):
            _wait_up(namespace)
            _ip(f"-n {namespace.name} addr add {namespace.ipv4}/24 dev {namespace.device}")
            _ip(f"-n {namespace.name} addr add {namespace.ipv6}/64 dev {namespace.device} nodad")
        yield TwoNamespaces(a, b)


def remove_leftovers(prefix: str) -> list[str]:
    """Remove namespaces that :func:`two_namespaces` made in processes that are gone.

    Args:
        prefix: As given there; other names are left alone.

    Returns:
        The names that were removed.
    """
    pattern = re.compile(rf"{re.escape(prefix)}-(\d+)(\.\d+)?-[ab]")
    found = ((path.name, pattern.fullmatch(path.name)) for path in FOLDER.glob(f"{prefix}-*"))
    stale = [name for name, match in found if match and not Path("/proc", match[1]).exists()]
    for name in stale:
        _remove(name)
    return stale


def _inside(namespace: Namespace, argv: Sequence[str]) -> list[str]:
    return ["ip", "netns", "exec", namespace.name, *argv]


def _ip(arguments: str) -> str:
    command = ["ip", *arguments.split()]
    return subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout


def _wait_up(namespace: Namespace) -> None:
    """Until then, IPv6 does not listen on the device: neighbours would be found a second late."""
    deadline = time.monotonic() + _UP_WITHIN
    while " state UP " not in _ip(f"-n {namespace.name} -o link show dev {namespace.device}"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{namespace.device} in {namespace.name} is not up after {_UP_WITHIN} s")
        time.sleep(0.01)


def _remove(name: str) -> None:
    # a name that somebody else removed already is no trouble
    subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True, stdin=subprocess.DEVNULL)


def _setns(descriptor: int) -> None:
    # os.setns needs Python 3.12
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")
