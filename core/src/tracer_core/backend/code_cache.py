"""Compiled code is kept between runs: the same text for the same kernel needs neither a compiler process nor BCC."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tracer_core.backend.compiler import FLAGS, HEADERS, Compiled, Compiler
from tracer_core.backend.portable import FORMAT, NotPortableError, decode, encode, portable, with_maps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from tracer_core.backend.cache import Cache

log = logging.getLogger(__name__)

_VARIABLES = ("ARCH", "CPATH", "C_INCLUDE_PATH", "BCC_LINUX_VERSION_CODE")  # that BCC and clang listen to


class CachingCompiler:
    """A compiler that is only asked for what is not in the cache. Leaving the context ends it.

    Its process is made at once, so that importing BCC goes on beside planning, unless this command line has found its
    code in the cache before, or there is just one CPU, on which nothing goes on beside anything.

    Args:
        cache: Stays the caller's.
        command: The command line.
    """

    def __init__(self, cache: Cache, command: Sequence[str] = sys.argv) -> None:
        self._cache = cache
        self._command = _digest(("command", *command))
        self._fresh: tuple[str, Compiled] | None = None
        self._resources = ExitStack()
        self._compiler: Compiler | None = None
        self._known = cache.get(self._command) is not None
        if not self._known and len(os.sched_getaffinity(0)) > 1:
            self._compiler = self._resources.enter_context(Compiler())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._resources.close()

    def compile(self, text: str, functions: Sequence[str]) -> Compiled:
        """See :meth:`~tracer_core.backend.compiler.Compiler.compile`."""
        key = key_of(text, functions)
        found = find(self._cache, key)
        if found is not None:
            self._remember_command()
            return found
        if self._compiler is None:
            self._compiler = self._resources.enter_context(Compiler())
        compiled = self._compiler.compile(text, functions)
        self._fresh = key, compiled
        return compiled

    def keep(self) -> None:
        """Keep what was compiled, if it was: to be called when the kernel has taken it."""
        if self._fresh is not None:
            keep(self._cache, *self._fresh)
            self._remember_command()

    def _remember_command(self) -> None:
        if not self._known:
            self._cache.put(self._command, b"")


def key_of(text: str, functions: Sequence[str]) -> str:
    """A digest of all that determines the code, except for the compiler's own files: an entry knows those."""
    return _digest((str(FORMAT), text, *functions, *FLAGS, *_surroundings()))


def find(cache: Cache, key: str) -> Compiled | None:
    """Code that was compiled before, with maps of its own; nothing if it must be compiled."""
    data = cache.get(key)
    if data is None:
        return None
    try:
        found = decode(data)
        if found.key != key:
            raise NotPortableError("the entry of another key")
        if changed := [file.path for file in found.files if not file.is_unchanged]:
            raise NotPortableError(f"of another compiler: {', '.join(changed)} changed")
        compiled = with_maps(found)
    except (NotPortableError, OSError) as error:  # the compiler says it better, if it cannot make maps either
        log.debug("cache: %s is not used: %s", key, error)
        return None
    log.debug("cache: %s is used", key)
    return compiled


def keep(cache: Cache, key: str, compiled: Compiled) -> None:
    """Keep code for later runs, if it can be kept."""
    try:
        cache.put(key, encode(portable(key, compiled)))
    except (NotPortableError, OSError) as error:
        log.debug("cache: %s is not kept: %s", key, error)


def _digest(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode(errors="surrogateescape")
        digest.update(b"%d:" % len(data))  # so that no two lists of parts are alike when joined
        digest.update(data)
    return digest.hexdigest()


def _surroundings() -> Iterator[str]:
    """What the compiler looks at besides the text: the kernel (it asks which helpers there are), headers, variables."""
    kernel = os.uname()
    yield from (kernel.release, kernel.version, kernel.machine)
    yield from (os.getenv(name, "") for name in _VARIABLES)
    for folder, folders, files in os.walk(HEADERS):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(folder, name)  # noqa: PTH118 - ten files at every start
            yield path
            with open(path, encoding="utf-8") as file:  # noqa: PTH123
                yield file.read()
