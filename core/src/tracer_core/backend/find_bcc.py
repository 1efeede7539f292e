"""Find and import the real BCC Python module, wherever the distribution put it.

BCC comes from the distribution (``python3-bpfcc`` on Debian, ``python3-bcc`` on Fedora) and is pure
Python over ``libbcc.so.0``, so any Python 3 can import it by path, also from a virtual environment
that hides system packages. ``bcc`` on PyPI is an unrelated package; files are read before anything
is executed, so it never runs.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import warnings
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from tracer_core.errors import MachineError
from tracer_core.paths import is_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

INSTALL_HINT = "apt install python3-bpfcc (Debian, Ubuntu) or dnf install python3-bcc (Fedora, RHEL)"

_DISTRIBUTION_PATHS = (
    "usr/local/lib/python3*/dist-packages",
    "usr/lib/python3*/dist-packages",
    "usr/local/lib/python3*/site-packages",
    "usr/lib/python3*/site-packages",
    "usr/lib64/python3*/site-packages",
)
_CLASS = re.compile(r"^class BPF\b", re.MULTILINE)
_VERSION = re.compile(r"^__version__ *= *['\"]([^'\"]+)", re.MULTILINE)


@dataclass(frozen=True)
class BccLocation:
    """Where BCC is.

    Attributes:
        path: Directory of the package, ``.../bcc``.
        version: As the package says, or ``unknown``.
        impostors: Other packages of that name that ``import bcc`` would have met before it.
    """

    path: Path
    version: str
    impostors: tuple[Path, ...]


def locate(search: Sequence[str] | None = None) -> BccLocation:
    """Look for BCC without importing anything.

    Args:
        search: Directories in order of preference; by default ``sys.path``, then those where
            distributions install packages.

    Raises:
        MachineError: it is nowhere; the message names packages that only share its name.
    """
    directories = list(search) if search is not None else [*sys.path, *_distribution_directories()]
    impostors: list[Path] = []
    for found in _candidates(directories):
        if _is_bcc(found):
            return BccLocation(found, _version(found), tuple(impostors))
        impostors.append(found)
    raise MachineError(_not_found(directories, impostors), hint=INSTALL_HINT)


def load() -> ModuleType:
    """Import BCC, once; ``sys.path`` stays as it is.

    Raises:
        MachineError: it is not installed, or its library is not, or it does not run on this Python.
    """
    known = sys.modules.get("bcc")
    if known is not None and hasattr(known, "BPF"):
        return known
    return import_from(locate())


def import_from(location: BccLocation) -> ModuleType:
    """Import BCC from where it was found, under the name ``bcc`` that its own modules expect.

    Raises:
        MachineError: its library is not installed, or it does not run on this Python.
    """
    spec = importlib.util.spec_from_file_location(
        "bcc", location.path / "__init__.py", submodule_search_locations=[str(location.path)]
    )
    if spec is None or spec.loader is None:
        raise MachineError(f"cannot import BCC from {location.path}", hint=INSTALL_HINT)
    _forget()  # a package of the same name that somebody imported; they keep their reference to it
    module = sys.modules["bcc"] = importlib.util.module_from_spec(spec)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old releases on new Pythons: invalid escape sequences
            spec.loader.exec_module(module)
    except OSError as error:  # from ctypes, in bcc/libbcc.py
        _forget()
        raise MachineError(
            f"BCC in {location.path} cannot load its library: {error}",
            hint="apt install libbpfcc (Debian, Ubuntu) or dnf install bcc (Fedora, RHEL)",
        ) from error
    except (ImportError, SyntaxError, AttributeError) as error:
        _forget()
        raise MachineError(
            f"BCC {location.version} in {location.path} does not import on this Python: {error}",
            hint="install a newer BCC, or run on the distribution's own Python",
        ) from error
    return module


def _distribution_directories(root: Path = Path("/")) -> Iterator[str]:
    """Of every Python 3 on the machine: our own version first, then the newest."""
    own = f"/python{sys.version_info.major}.{sys.version_info.minor}/"
    for pattern in _DISTRIBUTION_PATHS:
        found = [str(path) for path in root.glob(pattern)]
        yield from sorted(found, key=lambda path: (own in path, _numbers(path)), reverse=True)


def _numbers(path: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", path)]


def _candidates(directories: Sequence[str]) -> Iterator[Path]:
    """What ``import bcc`` would find in each directory: that of a package, or a module's file."""
    seen: set[Path] = set()
    for directory in directories:
        if not directory:
            continue  # the current directory, of an interactive Python: never a place for BCC
        spec = PathFinder.find_spec("bcc", [directory])
        if spec is None or spec.origin is None:
            continue  # nothing, or a directory without code
        origin = Path(spec.origin)
        found = origin.parent if spec.submodule_search_locations else origin
        if found not in seen:
            seen.add(found)
            yield found


def _is_bcc(found: Path) -> bool:
    """Whether a candidate's files are those of BCC: ``class BPF`` and the binding to libbcc."""
    has_library = (found / "libbcc.py").is_file()
    return has_library and _CLASS.search(_text(found / "__init__.py")) is not None


def _version(package: Path) -> str:
    match = _VERSION.search(_text(package / "version.py"))
    return match[1] if match else "unknown"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _not_found(directories: Sequence[str], impostors: Sequence[Path]) -> str:
    if impostors:
        names = ", ".join(str(path) for path in impostors)
        return f"BCC is not installed: {names} is an unrelated package of the same name"
    places = [path for path in dict.fromkeys(directories) if is_folder(Path(path))]
    return f"BCC is not installed: no Python package bcc in {', '.join(places) or 'any directory'}"


def _forget() -> None:
    for name in [name for name in sys.modules if name == "bcc" or name.startswith("bcc.")]:
        del sys.modules[name]
