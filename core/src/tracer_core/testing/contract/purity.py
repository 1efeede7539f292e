"""Whether hooks are pure: called again they give the same, and they touch nothing but files of the collector.

What they touch is what Python's audit events tell: files, folders, processes, sockets, the environment. Looks at
whether a file exists are not among them.
"""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tracer_core
from tracer_core.plugins.declare import changes, declare, profiles, upgrades
from tracer_core.plugins.declare import check as ask
from tracer_core.testing.contract.imports import package_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracer_core.kernel.view import Kernel
    from tracer_core.plugins.host import Collector

_CODE = (".py", ".pyc", ".so")
_FOLDERS = ("os.listdir", "os.scandir")
_ALWAYS = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "socket.__new__",
    "socket.getaddrinfo",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.chdir",
    "os.putenv",
    "os.unsetenv",
)


def check(collector: Collector, kernel: Kernel, options: Any) -> None:  # noqa: ANN401 - of any class
    """Call the pure hooks twice.

    Raises:
        AssertionError: results differ, or something was touched.
    """
    import numpy as np  # noqa: F401, PLC0415 - hooks may import it, and how it looks around is not theirs

    with _touched(package_of(collector.owner.name)) as touched:
        first = _results(collector, kernel, options)
        second = _results(collector, kernel, options)
    if touched:
        raise AssertionError(f"hooks of {collector.owner} are not pure: {'; '.join(dict.fromkeys(touched))}")
    for hook, result in first.items():
        if result != second[hook]:
            raise AssertionError(f"{hook} gave another result when called again:\n{result}\n{second[hook]}")


def _results(collector: Collector, kernel: Kernel, options: Any) -> dict[str, Any]:  # noqa: ANN401 - ditto
    """By hook; without functions, of which nobody can tell whether they are equal."""
    found: dict[str, Any] = {
        "tracer_collector": collector.call("tracer_collector"),
        "tracer_profiles": profiles(collector),
        "tracer_check": ask(collector, kernel, options),
        "tracer_upgrades": upgrades(collector),
    }
    if found["tracer_check"] is not None:
        return found
    declared = declare(collector, kernel, options)
    return found | {
        "tracer_probes": declared.probes,
        "tracer_fragments": (declared.fragments, declared.getters),
        "tracer_decoders": [decoder.section for decoder in declared.decoders],
        "tracer_formatters": [replace(formatter, format=_no_text) for formatter in declared.formatters],
        "tracer_changes": changes(collector, kernel, options, "contract"),
    }


def _no_text(*_: object) -> str:
    return ""


@contextmanager
def _touched(own: Path) -> Iterator[list[str]]:
    """What is touched in the block by this thread, but for code, and files of the collector and of the core."""
    watch = _watch()
    watch.allowed = (own, Path(tracer_core.__file__).parent)
    watch.found, watch.thread = [], threading.get_ident()
    try:
        yield watch.found
    finally:
        watch.thread = 0


class _Watch:
    """An audit hook. It cannot be removed, so it is there once, and mostly does nothing."""

    def __init__(self) -> None:
        self.thread = 0
        self.found: list[str] = []
        self.allowed: tuple[Path, ...] = ()

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.thread != threading.get_ident():
            return
        if event in _ALWAYS or (event in (*_FOLDERS, "open") and not self._is_harmless(event, arguments[0])):
            self.found.append(f"{event} {arguments[0]!r}")

    def _is_harmless(self, event: str, path: Any) -> bool:  # noqa: ANN401 - a path, a descriptor, or nothing
        if isinstance(path, int):
            return True
        text = str(path)
        if any(folder == Path(text) or folder in Path(text).parents for folder in self.allowed):
            return True
        if event in _FOLDERS:
            return text in sys.path_importer_cache  # Python looks there for modules
        return text.endswith(_CODE) or "/__pycache__/" in text


@cache
def _watch() -> _Watch:
    watch = _Watch()
    sys.addaudithook(watch)
    return watch
