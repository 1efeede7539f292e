"""The shape of the repository: what a reader may rely on, in rules that cost nothing to check."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import tomllib
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.pages.blocks import Block

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "core/src/tracer_core"
PLUGINS = sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml"))
NAMES = [folder.name for folder in PLUGINS]
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/pyproject.toml"))
PACKAGES = [ROOT / "core", *PLUGINS]
MODULES = sorted(path for package in PACKAGES for path in (package / "src").rglob("*.py"))
LONGEST_MODULE = 400
ROUND = {"backend", "plan", "testing"}  # in which two modules each import each other, where they need it

each_plugin = pytest.mark.parametrize("folder", PLUGINS, ids=NAMES)


def settings(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text())


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_folder_of_plugins_is_a_package() -> None:
    folders = {path for path in (ROOT / "plugins").iterdir() if path.is_dir() and any(path.rglob("*.py"))}
    assert folders == set(PLUGINS)


@each_plugin
def test_every_plugin_has_the_same_shape(folder: Path) -> None:
    source = f"src/tracer_{folder.name}"
    expected = ["README.md", f"{source}/__init__.py", f"{source}/plugin.py", f"{source}/py.typed"]
    assert [name for name in expected if not (folder / name).is_file()] == []
    assert list((folder / "tests").glob("test_*.py")), "it has no tests"
    assert [path.name for path in (folder / "src").iterdir() if not path.name.endswith(".egg-info")] == [
        f"tracer_{folder.name}"
    ]


@each_plugin
def test_the_names_of_a_plugin_follow_from_its_folder(folder: Path) -> None:
    name = folder.name
    project = settings(folder)["project"]
    assert re.fullmatch("[a-z][a-z0-9_]*", name)
    assert project["name"] == f"tracer-{name.replace('_', '-')}"
    assert project["entry-points"] == {"tracer.collectors": {name: f"tracer_{name}.plugin"}}


@each_plugin
def test_plugins_use_nothing_of_the_core_but_its_api(folder: Path) -> None:
    allowed = {"tracer_core.api", f"tracer_{folder.name}"}
    foreign = [
        f"{relative(path)}: {module}"
        for path in (folder / "src").rglob("*.py")
        for module in imports(path)
        if module.startswith("tracer_") and not any(f"{module}.".startswith(f"{name}.") for name in allowed)
    ]
    assert foreign == []


def test_all_packages_have_one_version() -> None:
    code = (CORE / "__init__.py").read_text()
    versions = {relative(folder): settings(folder)["project"]["version"] for folder in PACKAGES}
    versions["tracer_core.__version__"] = re.findall(r'^__version__ = "(.*)"$', code, re.MULTILINE)[0]
    versions["towncrier"] = settings(ROOT)["tool"]["towncrier"]["version"]
    assert len(set(versions.values())) == 1, versions


def test_the_development_install_has_the_core_and_every_plugin_and_nothing_else() -> None:
    lines = (ROOT / "requirements-dev.txt").read_text().splitlines()
    installed = [line for line in lines if line and not line.startswith("#")]
    assert installed == ["-e ./core", *(f"-e ./plugins/{name}" for name in NAMES)]


def test_the_type_checker_knows_every_package() -> None:
    packages = [*PACKAGES, *EXAMPLES]
    assert settings(ROOT)["tool"]["mypy"]["mypy_path"] == [relative(folder / "src") for folder in packages]


def test_the_core_has_an_extra_for_every_plugin() -> None:
    extras = settings(ROOT / "core")["project"]["optional-dependencies"]
    everything = extras.pop("all")
    assert extras.pop("testing"), "what tracer_core.testing needs beside the core"
    for name in ("pandas", "polars", "scapy"):  # what programs can have events as
        assert [re.split("[<>=]", requirement)[0] for requirement in extras.pop(name)] == [name]
    assert extras == {name: [f"tracer-{name.replace('_', '-')}"] for name in NAMES}
    assert everything == [f"tracer-core[{','.join(NAMES)}]"]


def strings(tree: ast.Module) -> Iterator[ast.Constant]:
    """String literals that are neither docstrings, which are statements of their own, nor pieces of longer texts."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    prose |= {id(piece) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for piece in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node


def test_the_core_names_no_collector() -> None:
    named = [
        f"{relative(path)}:{literal.lineno}: {literal.value!r}"
        for path in CORE.rglob("*.py")
        for literal in strings(parsed(path))
        if str(literal.value).replace("-", "_") in NAMES
    ]
    assert named == []


def imports(path: Path) -> Iterator[str]:
    """Absolute names of the modules that a module imports, anywhere in it, for types only or not."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)}:{node.lineno}: relative import"
            module = node.module or ""
            # "from tracer_core import wire" names a module, too
            names = (f"{module}.{alias.name}" for alias in node.names)
            yield from dict.fromkeys(name if is_of_the_core(name) else module for name in names)


@cache
def is_of_the_core(name: str) -> bool:
    """Whether there is such a module, or such a folder of modules."""
    path = CORE.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def test_layers_point_downwards(shown: tuple[Block, ...]) -> None:
    for block in shown:  # a folder, then a line for each layer, the top one first; "a+b" are one unit
        folder, *layers = block.lines
        assert upward(CORE.parent / folder, [line.split() for line in layers]) == []


def upward(folder: Path, layers: list[list[str]]) -> list[str]:
    """What the units of a folder, modules and folders, import from beside or above them."""
    level = {name: (depth, unit) for depth, units in enumerate(layers) for unit in units for name in unit.split("+")}
    units = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    assert units - {"__init__", "__main__"} == set(level), f"the layers of ARCHITECTURE.md are not those of {folder}"
    package = ".".join(folder.relative_to(CORE.parent).parts) + "."
    found = []
    for path in folder.rglob("*.py"):
        unit = path.relative_to(folder).with_suffix("").parts[0]
        if unit in ("__init__", "__main__"):
            continue
        for module in imports(path):
            target = module.removeprefix(package).split(".")[0] if module.startswith(package) else ""
            if target not in level or level[target] == level[unit]:
                continue
            if level[target][0] <= level[unit][0]:
                found.append(f"{relative(path)}: {module}")
    return found


@pytest.mark.parametrize("stage", sorted({path.parent.name for path in CORE.glob("*/__init__.py")} - ROUND))
def test_modules_of_a_stage_import_each_other_in_no_circle(stage: str) -> None:
    modules = {
        ".".join(path.relative_to(CORE.parent).with_suffix("").parts): path
        for path in (CORE / stage).rglob("*.py")
        if path.stem != "__init__"
    }
    TopologicalSorter({name: modules.keys() & imports(path) for name, path in modules.items()}).prepare()


@pytest.mark.parametrize(
    ("stages", "package"),
    [({"backend"}, "bcc"), ({"files", "sort"}, "pyarrow"), ({"files"}, "orjson"), ({"profiles"}, "yaml")],
)
def test_heavy_packages_are_imported_by_the_stages_that_are_named_for_it(stages: set[str], package: str) -> None:
    own = {CORE / stage for stage in stages}
    foreign = [
        relative(path)
        for path in MODULES
        if any(module.split(".")[0] == package for module in imports(path)) and own.isdisjoint(path.parents)
    ]
    assert foreign == []


def test_no_module_is_too_long_to_read() -> None:
    scripts = [path for folder in ("scripts", "bench") for path in (ROOT / folder).glob("*.py")]
    lengths = {relative(path): len(path.read_text().splitlines()) for path in [*MODULES, *scripts]}
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def bpf_sources() -> Iterator[Path]:
    for package in [*PACKAGES, *EXAMPLES]:
        yield from (package / "src").rglob("*.bpf.[ch]")


def test_every_bpf_source_begins_with_its_licence() -> None:
    assert any(bpf_sources())
    expected = re.compile(r"^(//|/\*) SPDX-License-Identifier: GPL-2\.0-only OR Apache-2\.0")
    assert [relative(path) for path in bpf_sources() if not expected.match(path.read_text())] == []


def tracked() -> list[Path]:
    """Files that are, or would be, in the repository."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs a git clone, to know which files belong to the repository")
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


# an address in a lock file or a path of somebody's machine works there only
PRIVATE = re.compile(
    r"\bpypi[.]org|\bpythonhosted[.]org|\bdeb[.]debian[.]org|\bregistry[.]npmjs"
    r"|(?<![\w.*~}$])/(?:home|root|Users|work)/\w"
)


def test_no_file_names_a_registry_host_or_a_path_of_one_machine() -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{relative(path)}: {match[0]}" for match in PRIVATE.finditer(text)]
    assert found == []


def test_every_decision_record_has_all_parts_and_is_in_the_index() -> None:
    index = (ROOT / "docs/adr/README.md").read_text()
    parts = ["Context", "Decision", "Alternatives", "Consequences", "How we would know it is wrong"]
    for path in sorted((ROOT / "docs/adr").glob("[0-9]*.md")):
        text = path.read_text()
        assert [part for part in parts if f"\n## {part}\n" not in text] == [], relative(path)
        assert f"({path.name})" in index, f"{relative(path)} is not in the index"


def test_the_page_on_exit_codes_has_all_of_them() -> None:
    from tracer_core.errors import ExitCode

    page = (ROOT / "docs/reference/exit-codes.md").read_text()
    rows = {int(number): name for number, name in re.findall(r"^\| (\d+) \| `(\w+)` \|", page, re.MULTILINE)}
    assert rows == {code.value: code.name for code in ExitCode}


def test_links_between_documents_lead_somewhere() -> None:
    patterns = ("*.md", "docs/**/*.md", "*/README.md", "*/*/README.md")
    broken = [
        f"{relative(path)}: {target}"
        for path in {path for pattern in patterns for path in ROOT.glob(pattern)}
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text())
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert broken == []
