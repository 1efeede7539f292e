"""The kernel this machine runs: nothing is read before it is asked for."""

from __future__ import annotations

import os
from pathlib import Path

from tracer_core.errors import MachineError, UsageError
from tracer_core.kernel.base import BtfKernel
from tracer_core.kernel.btf import Btf
from tracer_core.kernel.config import parse_config
from tracer_core.kernel.namespaces import NetnsNames

_TRACEFS = ("sys/kernel/tracing", "sys/kernel/debug/tracing")
_CONFIGS = (
    "proc/config.gz",
    "boot/config-{release}",
    "lib/modules/{release}/config",
    "run/host/usr/lib/modules/{release}/config",
)


class LiveSource:
    """The files in which a running kernel describes itself.

    Args:
        root: Where ``proc``, ``sys`` and ``boot`` are; not ``/`` for copies of these files.
        kconf: The kernel configuration, if not to be looked for.
    """

    def __init__(self, *, root: Path = Path("/"), kconf: Path | None = None) -> None:
        self._root = root
        self._kconf = kconf

    @property
    def release(self) -> str:
        """``uname -r``."""
        text = _read(self._root / "proc/sys/kernel/osrelease")
        return text.decode().strip() if text else os.uname().release

    def vmlinux(self) -> Btf:
        """Type information of vmlinux.

        Raises:
            MachineError: the kernel has none, or it cannot be read.
        """
        path = self._root / "sys/kernel/btf/vmlinux"
        if not path.exists():
            raise MachineError(
                f"this kernel has no type information: {path} does not exist",
                hint="run a kernel built with CONFIG_DEBUG_INFO_BTF=y; in a container, mount /sys",
            )
        return Btf.load(path)

    def split_modules(self) -> tuple[str, ...]:
        """Modules with a file in ``/sys/kernel/btf``."""
        try:
            names = {path.name for path in (self._root / "sys/kernel/btf").iterdir()}
        except OSError:
            return ()
        return tuple(sorted(names - {"vmlinux"}))

    def split_btf(self, module: str) -> bytes:
        """The split BTF of a module; empty if it was unloaded in the meantime."""
        return _read(self._root / "sys/kernel/btf" / module) or b""

    def kallsyms(self) -> bytes:
        """Text of ``/proc/kallsyms``.

        Raises:
            MachineError: the kernel does not offer it, or not to this user.
        """
        path = self._root / "proc/kallsyms"
        try:
            return path.read_bytes()
        except OSError as error:
            raise MachineError(
                f"cannot read {path}: {error.strerror}",
                hint="run as root on a kernel built with CONFIG_KALLSYMS=y",
            ) from error

    def module_list(self) -> bytes:
        """Text of ``/proc/modules``; empty for a kernel without modules."""
        return _read(self._root / "proc/modules") or b""

    def available_events(self) -> bytes | None:
        """Text of ``available_events``."""
        return self._tracefs("available_events")

    def available_functions(self) -> bytes | None:
        """Text of ``available_filter_functions``."""
        return self._tracefs("available_filter_functions")

    def config(self) -> tuple[str, bytes] | None:
        """The configuration named by the user, else the first readable one in the usual places.

        Raises:
            UsageError: the one named by the user cannot be read.
        """
        if self._kconf is not None:
            try:
                return str(self._kconf), self._kconf.read_bytes()
            except OSError as error:
                raise UsageError(f"cannot read kernel configuration {self._kconf}: {error.strerror}") from error
        for place in _CONFIGS:
            path = self._root / place.format(release=self.release)
            content = _read(path)
            if content is not None:
                return str(path), content
        return None

    def _tracefs(self, name: str) -> bytes | None:
        texts = (_read(self._root / place / name) for place in _TRACEFS)
        return next((text for text in texts if text is not None), None)


class LiveKernel(BtfKernel):
    """The running kernel.

    Args:
        kconf: Its configuration, plain or gzip; looked for in the usual places if not given.

    Raises:
        UsageError: the given configuration cannot be read or is none.
    """

    def __init__(self, *, kconf: Path | None = None) -> None:
        source = LiveSource(kconf=kconf)
        if kconf is not None:
            _check_config(source)
        super().__init__(source)
        self._netns = NetnsNames()

    def netns_name(self, inode: int) -> str | None:
        """Name of a network namespace: that of ``ip netns``, or ``NAME/PID`` of a process in it."""
        return self._netns.name(inode)


def _check_config(source: LiveSource) -> None:
    """Make sure that the configuration a user named is one.

    Raises:
        UsageError: it cannot be read or is none.
    """
    found = source.config()
    if found:
        try:
            parse_config(found[1])
        except ValueError as error:
            raise UsageError(f"{found[0]} is not a kernel configuration: {error}") from error


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
