"""A kernel that does not run here, from the files of its package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.errors import UsageError
from tracer_core.kernel.btf import Btf

if TYPE_CHECKING:
    from pathlib import Path


class FileSource:
    """Loose files of one kernel. It has no modules and no tracefs.

    Args:
        vmlinux: ELF file with a ``.BTF`` section, or raw BTF.
        release: What ``uname -r`` would say.
        system_map: ``System.map`` of the same build, in the format of kallsyms.
        config: Its configuration, plain or gzip.
    """

    def __init__(
        self,
        vmlinux: Path,
        *,
        release: str,
        system_map: Path | None = None,
        config: Path | None = None,
    ) -> None:
        self._vmlinux = vmlinux
        self._release = release
        self._system_map = system_map
        self._config = config

    @property
    def release(self) -> str:
        """The release that was given."""
        return self._release

    def vmlinux(self) -> Btf:
        """Type information of vmlinux.

        Raises:
            MachineError: the file is missing or has none.
        """
        return Btf.load(self._vmlinux)

    def split_modules(self) -> tuple[str, ...]:
        """None."""
        return ()

    def split_btf(self, module: str) -> bytes:  # noqa: ARG002 - there are no modules
        """Nothing."""
        return b""

    def kallsyms(self) -> bytes:
        """Text of ``System.map``, nothing without one.

        Raises:
            UsageError: it cannot be read.
        """
        return _read(self._system_map) if self._system_map else b""

    def module_list(self) -> bytes:
        """Nothing."""
        return b""

    def available_events(self) -> bytes | None:
        """Nothing."""
        return None

    def available_functions(self) -> bytes | None:
        """Nothing."""
        return None

    def config(self) -> tuple[str, bytes] | None:
        """Content of the configuration.

        Raises:
            UsageError: it cannot be read.
        """
        return (str(self._config), _read(self._config)) if self._config else None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
