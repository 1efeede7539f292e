"""The language of packet filters, ``pcap-filter(7)``: libpcap compiles it to classic BPF.

Through ctypes, on a handle that is no capture (``pcap_open_dead``), so no privileges are needed. Signatures:
``pcap/pcap.h`` and ``pcap/bpf.h``, the same in all releases with these sonames.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import logging
import threading
from contextlib import contextmanager
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING

from tracer_core.errors import MachineError, UsageError
from tracer_core.filters.apart import apart
from tracer_core.filters.beside import beside
from tracer_core.filters.classic import Instruction, Program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = logging.getLogger(__name__)

_SONAMES = ("libpcap.so.1", "libpcap.so.0.8")  # everybody's, and Debian's
_SNAPSHOT = 262144  # bytes; what a program returns for a match, never 0
_NETMASK_UNKNOWN = 0xFFFFFFFF  # PCAP_NETMASK_UNKNOWN
_LANGUAGE = "the language is described in pcap-filter(7)"
_SMALLER = "name networks, not hosts, and ranges of ports, not ports"
_SHOWN = 200
_SHORT = 1000  # bytes: libpcap compiles them in less than a second; of longer ones it can crash, or not end for hours
_PATIENCE = 30  # seconds
_SLOW = 1.0  # seconds that only a resolver takes: getaddrinfo(3) has 5 for each try of each name server
_OPTIMISED_MAX = 15_000  # instructions: what libpcap takes to optimise grows with the third power
_LOCK = threading.Lock()  # libpcap before 1.8 compiles with a parser that has one state


class LinkType(IntEnum):
    """What a packet begins with: ``pcap/dlt.h``, as on Linux."""

    ETHERNET = 1
    RAW_IP = 12


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.POINTER(_Instruction)))


@cache
def library() -> ctypes.CDLL:
    """Load the library once and declare the signatures we rely on.

    Raises:
        MachineError: the library is not installed.
    """
    lib = _load()
    void_p, text, number, program = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.POINTER(_Program)
    signatures: dict[str, tuple[type | None, tuple[type, ...]]] = {
        "pcap_lib_version": (text, ()),
        "pcap_open_dead": (void_p, (number, number)),
        "pcap_close": (None, (void_p,)),
        "pcap_compile": (number, (void_p, program, text, number, ctypes.c_uint32)),
        "pcap_freecode": (None, (program,)),
        "pcap_geterr": (text, (void_p,)),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(lib, name)
        function.restype = result
        function.argtypes = arguments
    return lib


def version() -> str:
    """What the library says of itself: ``libpcap version 1.10.3 (with TPACKET_V3)``.

    Raises:
        MachineError: the library is not installed.
    """
    text: bytes = library().pcap_lib_version()
    return text.decode(errors="replace")


def compile_expression(expression: str, link: LinkType) -> Program:
    """The program of an expression, optimised.

    Args:
        expression: Of ``pcap-filter(7)``; an empty one matches every packet.
        link: What packets begin with.

    Raises:
        UsageError: libpcap refuses the expression.
        MachineError: there is no libpcap.
    """
    library()
    text = _bytes(expression)
    compile_it = _in_a_copy if len(text) > _SHORT else _with_names
    return compile_it(expression, lambda: _program(expression, text, link))


def _with_names(expression: str, compile_it: Callable[[], Program]) -> Program:
    """Have libpcap compile a short text. It asks a resolver for the names of hosts, for which nobody waits for ever."""

    def tell() -> None:
        log.info("packet filter %s: resolving its names, for %s s at most", shown(expression), _PATIENCE)

    try:
        return beside(compile_it, _PATIENCE, slow=_SLOW, on_slow=tell)
    except TimeoutError as error:
        what = f"packet filter {shown(expression)}: its names were not resolved within {_PATIENCE} s"
        raise UsageError(what, hint="give addresses, or see why name servers do not answer") from error


def _in_a_copy(expression: str, compile_it: Callable[[], Program]) -> Program:
    """Have libpcap compile a long text, in a copy of the process."""
    try:
        return apart(compile_it, _PATIENCE)
    except TimeoutError as error:
        what = f"packet filter {shown(expression)}: libpcap takes more than {_PATIENCE} s to compile it"
        raise UsageError(what, hint=_SMALLER) from error
    except ChildProcessError as error:
        raise UsageError(f"packet filter {shown(expression)}: libpcap crashed", hint=_SMALLER) from error


def _program(expression: str, text: bytes, link: LinkType) -> Program:
    lib = library()
    with _LOCK, _handle(lib, link) as handle:
        size = len(_compiled(lib, handle, expression, text, optimised=False))
        if size > _OPTIMISED_MAX:
            what = f"{size} instructions of classic BPF before they are optimised, more than {_OPTIMISED_MAX}"
            raise UsageError(f"packet filter {shown(expression)}: {what}", hint=_SMALLER)
        return _compiled(lib, handle, expression, text, optimised=True)


@contextmanager
def _handle(lib: ctypes.CDLL, link: LinkType) -> Iterator[int]:
    handle = lib.pcap_open_dead(link, _SNAPSHOT)
    if not handle:
        raise MachineError("libpcap does not give a handle to compile packet filters with", hint="is memory left?")
    try:
        yield handle
    finally:
        lib.pcap_close(handle)


def _bytes(expression: str) -> bytes:
    """An expression as C has it; bytes of the command line that are no characters are what they were."""
    if "\0" in expression:  # C would end there and match more than was asked for
        raise UsageError(f"packet filter {shown(expression)}: it contains a NUL character", hint=_LANGUAGE)
    try:
        return expression.encode(errors="surrogateescape")
    except UnicodeEncodeError as error:
        raise UsageError(f"packet filter {shown(expression)}: it contains half a character", hint=_LANGUAGE) from error


def _compiled(lib: ctypes.CDLL, handle: int, expression: str, text: bytes, *, optimised: bool) -> Program:
    program = _Program()
    if lib.pcap_compile(handle, ctypes.byref(program), text, optimised, _NETMASK_UNKNOWN):
        words = " ".join(lib.pcap_geterr(handle).decode(errors="replace").split())
        raise UsageError(f"packet filter {shown(expression)}: {words or 'refused'}", hint=_LANGUAGE)
    try:
        found = (program.instructions[at] for at in range(program.length))
        return tuple(Instruction(each.code, each.jt, each.jf, each.k) for each in found)
    finally:
        lib.pcap_freecode(ctypes.byref(program))


def shown(expression: str) -> str:
    """An expression as messages quote it: one line, not too long, nothing that a terminal obeys."""
    text = repr(expression)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 2]}…{text[-1]}"


def _load() -> ctypes.CDLL:
    reason = None
    for name in _SONAMES:
        try:
            return ctypes.CDLL(name)
        except OSError as error:
            reason = reason or error
    other = ctypes.util.find_library("pcap")  # slow: it runs programs
    if other is not None:
        try:
            return ctypes.CDLL(other)
        except OSError as error:
            reason = error
    raise MachineError(
        f"packet filters need libpcap: {reason}", hint="install it: apt install libpcap0.8, or dnf install libpcap"
    ) from reason
