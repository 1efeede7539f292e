"""The sections of events that are the core's: when and where, and what a file says of its run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tracer_core.display.head import probe_text, task_text
from tracer_core.display.startup import startup_parts
from tracer_core.events.form import group_form
from tracer_core.files.json.startup import probe_info
from tracer_core.python.section import Section, section_class

if TYPE_CHECKING:
    from tracer_core.events.about import About


class TaskValue(NamedTuple):
    """The task that was current, which in interrupts is not the packet's."""

    pid: int
    tgid: int
    comm: str


class CommonValue(NamedTuple):
    """When, where and in which task."""

    timestamp: int
    smp_id: int | None
    task: TaskValue | None


class KernelValue(NamedTuple):
    """The place in the kernel."""

    symbol: str
    probe_type: str
    stack_trace: tuple[str, ...] | None


class UserspaceValue(NamedTuple):
    """The place in a process."""

    probe_type: str
    symbol: str
    ip: int
    path: str
    pid: int
    tid: int


class OwnValue(NamedTuple):
    """What the format of Retis has no other place for."""

    probe_type: str | None
    lost: int | None


class OffsetValue(NamedTuple):
    """What to add to a timestamp for the time of day."""

    sec: int
    nsec: int


class MachineValue(NamedTuple):
    """``uname -r``, ``-v`` and ``-m``."""

    kernel_release: str
    kernel_version: str
    hardware_name: str


class PolicyValue(NamedTuple):
    """When a new file begins."""

    kind: str
    limit: int


class SplitValue(NamedTuple):
    """Which file of a rotated set it is."""

    id: int
    policy: PolicyValue


class StartupValue(NamedTuple):
    """What the run was."""

    retis_version: str
    cmdline: str
    clock_monotonic_offset: OffsetValue
    machine: MachineValue
    split_file: SplitValue | None


class Task(Section):
    """The task that was current, which in interrupts is not the packet's."""

    __slots__ = ()
    pid: int
    tgid: int
    comm: str


class Common(Section):
    """When, where and in which task."""

    __slots__ = ()
    timestamp: int
    smp_id: int | None
    task: Task | None

    def __str__(self) -> str:
        task = self.task
        ids = (None, None, None) if task is None else (task.comm.encode(), task.pid, task.tgid)
        return f"{self.timestamp}{task_text(self.smp_id, *ids)}"


class Kernel(Section):
    """The place in the kernel."""

    __slots__ = ()
    symbol: str
    probe_type: str
    stack_trace: list[str] | None

    def __str__(self) -> str:
        return probe_text(probe_info(self.probe_type, self.symbol, "", 0)).lstrip()


class Userspace(Section):
    """The place in a process."""

    __slots__ = ()
    probe_type: str
    symbol: str
    ip: int
    path: str
    pid: int
    tid: int

    def __str__(self) -> str:
        return probe_text(probe_info(self.probe_type, self.symbol, self.path, self.ip)).lstrip()


class Own(Section):
    """What the format of Retis has no other place for."""

    __slots__ = ()
    probe_type: str | None
    lost: int | None


class Startup(Section):
    """What the run was. What else is known of it is the ``about`` of its file."""

    __slots__ = ("_about",)
    _about: About
    retis_version: str
    cmdline: str
    clock_monotonic_offset: Any
    machine: Any
    split_file: Any

    def __str__(self) -> str:
        return "\n".join(startup_parts(self._about))


COMMON = section_class(group_form("common", CommonValue), (Common,))
KERNEL = section_class(group_form("kernel", KernelValue), (Kernel,))
USERSPACE = section_class(group_form("userspace", UserspaceValue), (Userspace,))
OWN = section_class(group_form("tracer", OwnValue), (Own,))
_STARTUP: Any = section_class(group_form("startup", StartupValue), (Startup,))


def startup(about: About, version: str) -> Startup:
    """What a run was.

    Args:
        about: The run.
        version: Of the format, and who wrote it.
    """
    split = about.split
    seconds, ns = divmod(about.clock_offset, 10**9)
    made: Startup = _STARTUP(
        StartupValue(
            version,
            about.command,
            OffsetValue(seconds, ns),
            MachineValue(about.kernel_release, about.kernel_version, about.hardware),
            None if split is None else SplitValue(split.number, PolicyValue("size", split.limit)),
        )
    )
    made._about = about  # noqa: SLF001 - our own class
    return made
