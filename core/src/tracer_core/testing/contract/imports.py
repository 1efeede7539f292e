"""What a collector imports, and when."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tracer_core.plugins.metadata import candidates
from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from collections.abc import Iterator

_ALLOWED = ("tracer_core.api", "tracer_core.testing")
_LARGE = ("numpy", "pyarrow", "bcc")
_ENDS_WITHIN = 60.0  # seconds
_HELP = """
import sys
from tracer_core.cli.main import run
code = run(sys.argv[1:])
print(*sys.modules, file=sys.stderr)
sys.exit(code)
"""


def package_of(collector: str) -> Path:
    """The folder of the package that an installed collector is in; if it is a single module, that file.

    Raises:
        AssertionError: it is not installed, or not as files.
    """
    value = next((found.value for found in candidates() if found.name == collector), None)
    if value is None:
        raise AssertionError(f"no collector {collector} is installed: pip install -e .")
    name = value.partition(":")[0].partition(".")[0]
    spec = find_spec(name)
    if spec is None or (spec.origin is None and not spec.submodule_search_locations):
        raise AssertionError(f"{name}, where collector {collector} is, cannot be found as files")
    return Path(next(iter(spec.submodule_search_locations or ()), spec.origin or ""))


def check_sources(collector: str) -> None:
    """That modules of the collector import of the core what is stable.

    Raises:
        AssertionError: one imports more.
    """
    place = package_of(collector)
    sources = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    foreign = [
        f"{source}:{line}: {module}"
        for source in sources
        for line, module in _imports(source)
        if module.partition(".")[0] == "tracer_core" and not f"{module}.".startswith(tuple(f"{a}." for a in _ALLOWED))
    ]
    if foreign:
        raise AssertionError("only tracer_core.api is stable; leave out:\n" + "\n".join(foreign))


def _imports(source: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute name of each module that is imported, anywhere, for types only or not."""
    for node in ast.walk(ast.parse(source.read_text("utf-8"), str(source))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            whole = node.module == "tracer_core"  # then it is modules that it names
            names = [f"{node.module}.{alias.name}" for alias in node.names] if whole else [node.module]
            yield from ((node.lineno, name) for name in names)


def check_help(collector: str) -> None:
    """That ``--help`` does not wait for packages that only runs need.

    Raises:
        AssertionError: it fails, or imports one.
    """
    command = [sys.executable, "-c", _HELP, "collect", "-c", collector, "--help"]
    result = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=patience(_ENDS_WITHIN), stdin=subprocess.DEVNULL
    )
    if result.returncode:
        raise AssertionError(f"tracer collect -c {collector} --help ended with {result.returncode}\n{result.stderr}")
    if loaded := set(_LARGE) & set(result.stderr.split()):
        raise AssertionError(f"--help imports {', '.join(sorted(loaded))}: import it in the functions that need it")
