"""Places to probe in running processes. To be imported when asked for: reading ELF files takes a library of 50 ms."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tracer_core.errors import privileges
from tracer_core.userspace.elf import Elf, NotInFileError
from tracer_core.userspace.process import mapped_files, process_by_id, process_by_name
from tracer_core.userspace.usdt_arguments import parse_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracer_core.userspace.process import Process
    from tracer_core.userspace.usdt_arguments import UsdtArgument


@dataclass(frozen=True, slots=True)
class UserPlace:
    """Where a uprobe goes.

    Attributes:
        pid: The process, as we see it. All of its threads are meant, its children are not.
        path: Of the file, as we can open it.
        shown: Of the file, by the name it has for the process.
        offset: In the file.
        semaphore: Where in the file a counter wants to know of us, or 0.
        arguments: Of a USDT probe, in order. Nothing at the entry of a function: they are where the calling
            convention has them.
    """

    pid: int
    path: str
    shown: str
    offset: int
    semaphore: int = 0
    arguments: tuple[UsdtArgument, ...] | None = None


def find_process(which: str | int) -> Process:
    """The process of that name or PID.

    Raises:
        MachineError: there is none, there are several, or we may not see it.
    """
    return process_by_id(which) if isinstance(which, int) else process_by_name(which)


def usdt_places(process: Process, target: str) -> tuple[UserPlace, ...]:
    """Where a process, or the first of its libraries that has it, has a USDT probe compiled in.

    Args:
        process: Which.
        target: ``provider:name``.

    Raises:
        MachineError: it has no such probe, or one with arguments that cannot be computed.
    """
    own, *libraries = mapped_files(process)
    try:
        return _usdt_places(process, *own, target)
    except NotInFileError as error:
        for library in libraries:
            with suppress(NotInFileError):
                return _usdt_places(process, *library, target)
        raise error from None


def function_place(process: Process, name: str) -> UserPlace:
    """The entry of a function of a process's own file.

    Raises:
        MachineError: there is none, or several that share the name.
    """
    with _elf(process.path, process.executable) as elf:
        return UserPlace(process.pid, process.path, process.executable, elf.function(name))


def _usdt_places(process: Process, path: str, shown: str, target: str) -> tuple[UserPlace, ...]:
    with _elf(path, shown) as elf:
        return tuple(
            UserPlace(
                process.pid,
                path,
                shown,
                location.offset,
                location.semaphore,
                parse_arguments(location.arguments, elf.architecture),
            )
            for location in elf.usdt(target)
        )


@contextmanager
def _elf(path: str, shown: str) -> Iterator[Elf]:
    try:
        with Path(path).open("rb") as stream:
            yield Elf(stream, shown)
    except OSError as error:
        hint = privileges() if isinstance(error, PermissionError) else ""
        raise NotInFileError(f"cannot read {shown}: {error.strerror}", hint=hint) from error
