"""A kernel that was recorded into a directory: for tests, and to look at another machine's kernel.

The directory holds ``meta.json`` and, each compressed with xz, ``vmlinux.btf``, ``MODULE.btf`` for some
modules, ``kallsyms``, ``modules``, ``config`` and, where tracefs was readable, ``available_events``
and ``available_filter_functions``. :mod:`tracer_core.kernel.record` writes it; what it leaves out,
this kernel does not have.
"""

from __future__ import annotations

import json
import lzma
from typing import TYPE_CHECKING

from tracer_core.errors import MachineError
from tracer_core.kernel.base import BtfKernel
from tracer_core.kernel.btf import Btf

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
"""Version of the layout of a recording, ``format`` in its ``meta.json``."""

META = "meta.json"
_VMLINUX = "vmlinux.btf"


class RecordedSource:
    """The files of a recording.

    Args:
        path: The directory.

    Raises:
        MachineError: it is not a recording, or one of another format.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            meta = json.loads((path / META).read_bytes())
            self._release = str(meta["release"])
            version = meta["format"]
        except OSError as error:
            raise self._broken(f"cannot read {META}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise self._broken(f"{META} is damaged: {error!r}") from error
        if version != FORMAT:
            raise self._broken(f"its format is {version}, we read {FORMAT}")

    @property
    def release(self) -> str:
        """``uname -r`` of the recorded kernel."""
        return self._release

    def vmlinux(self) -> Btf:
        """Type information of vmlinux, cut down.

        Raises:
            MachineError: it is missing or damaged.
        """
        data = self._read(_VMLINUX)
        try:
            return Btf.from_bytes(data, origin=f"{_VMLINUX}.xz")
        except MachineError as error:
            raise self._broken(error.message) from error

    def split_modules(self) -> tuple[str, ...]:
        """Modules whose type information was recorded."""
        names = (path.name.removesuffix(".btf.xz") for path in self._path.glob("*.btf.xz"))
        return tuple(sorted(name for name in names if name != "vmlinux"))

    def split_btf(self, module: str) -> bytes:
        """The split BTF of a module."""
        return self._read(f"{module}.btf")

    def kallsyms(self) -> bytes:
        """Symbols of what was kept."""
        return self._read("kallsyms")

    def module_list(self) -> bytes:
        """Names of the modules that were loaded."""
        return self._read("modules")

    def available_events(self) -> bytes | None:
        """Tracepoints that were kept."""
        return self._read_if("available_events")

    def available_functions(self) -> bytes | None:
        """Functions that were kept."""
        return self._read_if("available_filter_functions")

    def config(self) -> tuple[str, bytes] | None:
        """Options that were kept."""
        content = self._read_if("config")
        return None if content is None else (str(self._path / "config.xz"), content)

    def _read_if(self, name: str) -> bytes | None:
        return self._read(name) if (self._path / f"{name}.xz").exists() else None

    def _read(self, name: str) -> bytes:
        try:
            return lzma.decompress((self._path / f"{name}.xz").read_bytes())
        except (OSError, EOFError, lzma.LZMAError) as error:
            reason = getattr(error, "strerror", None) or error
            raise self._broken(f"cannot read {name}.xz: {reason}") from error

    def _broken(self, why: str) -> MachineError:
        return MachineError(f"{self._path} is not a recorded kernel: {why}", hint="record it again")


class RecordedKernel(BtfKernel):
    """A recorded kernel.

    Args:
        path: The directory that holds it.

    Raises:
        MachineError: it is not a recording. What is damaged in a recording shows when it is read.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(RecordedSource(path))
