"""Finding the real BCC among packages of the same name."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tracer_core.backend import find_bcc
from tracer_core.errors import ExitCode, MachineError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXECUTED = "raise AssertionError('executed')\n"


def real(directory: Path, *, library: str = "None", version: str = "0.31.0") -> Path:
    package = directory / "bcc"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from .libbcc import lib\nfrom .version import __version__\n\nclass BPF(object):\n    pass\n"
    )
    (package / "libbcc.py").write_text(f"import ctypes as ct\nlib = ct.CDLL({library})\n")
    (package / "version.py").write_text(f"__version__ = '{version}'\n")
    return package


def impostor(directory: Path, code: str = EXECUTED) -> Path:
    package = directory / "bcc"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('"""Top-level package for bcc."""\n' + code)
    (package / "bcc.py").write_text("class BPFLattice:\n    pass\n")
    return package


@pytest.fixture
def clean_modules() -> Iterator[None]:
    def ours() -> dict[str, object]:
        return {name: sys.modules[name] for name in sys.modules if name.split(".")[0] == "bcc"}

    before = ours()
    for name in before:
        del sys.modules[name]
    yield
    for name in ours():
        del sys.modules[name]
    sys.modules.update(before)  # type: ignore[arg-type]


def test_bcc_of_the_distribution_is_found_with_its_version(tmp_path: Path):
    package = real(tmp_path / "dist-packages")

    found = find_bcc.locate([str(tmp_path / "venv"), str(tmp_path / "dist-packages")])

    assert found == find_bcc.BccLocation(package, "0.31.0", ())


def test_an_impostor_in_front_of_bcc_is_passed_over_and_named_but_not_executed(tmp_path: Path):
    lattice = impostor(tmp_path / "venv")
    package = real(tmp_path / "dist-packages")

    found = find_bcc.locate([str(tmp_path / "venv"), str(tmp_path / "dist-packages")])

    assert found.path == package
    assert found.impostors == (lattice,)


def test_an_impostor_alone_is_named_with_what_to_install(tmp_path: Path):
    lattice = impostor(tmp_path / "venv")

    with pytest.raises(MachineError, match="unrelated package of the same name") as caught:
        find_bcc.locate([str(tmp_path / "venv")])

    assert str(lattice) in caught.value.message
    assert "apt install python3-bpfcc" in caught.value.hint
    assert "dnf install python3-bcc" in caught.value.hint
    assert caught.value.exit_code is ExitCode.ENVIRONMENT


def test_nothing_at_all_is_an_error_that_tells_where_we_looked(tmp_path: Path):
    (tmp_path / "dist-packages").mkdir()

    with pytest.raises(MachineError, match="no Python package bcc in") as caught:
        find_bcc.locate(["", str(tmp_path / "dist-packages"), str(tmp_path / "absent")])

    assert str(tmp_path / "dist-packages") in caught.value.message
    assert "absent" not in caught.value.message


def test_a_single_file_named_bcc_is_an_impostor(tmp_path: Path):
    (tmp_path / "bcc.py").write_text(EXECUTED)

    with pytest.raises(MachineError, match=r"bcc\.py is an unrelated package"):
        find_bcc.locate([str(tmp_path)])


def test_a_package_that_only_mentions_the_class_is_an_impostor(tmp_path: Path):
    impostor(tmp_path / "one", "class BPF:\n    pass\n")  # but binds no library
    lattice = impostor(tmp_path / "two", "class BPFLattice:\n    pass\n")
    (lattice / "libbcc.py").touch()

    with pytest.raises(MachineError, match="unrelated"):
        find_bcc.locate([str(tmp_path / "one"), str(tmp_path / "two")])


def test_a_directory_without_code_is_neither(tmp_path: Path):
    (tmp_path / "checkout/bcc/src").mkdir(parents=True)
    package = real(tmp_path / "dist-packages")

    found = find_bcc.locate([str(tmp_path / "checkout"), str(tmp_path / "dist-packages")])

    assert found == find_bcc.BccLocation(package, "0.31.0", ())


def test_a_package_without_version_file_is_still_bcc(tmp_path: Path):
    (real(tmp_path) / "version.py").unlink()

    assert find_bcc.locate([str(tmp_path)]).version == "unknown"


def test_directories_of_our_own_python_come_first_then_the_newest(tmp_path: Path):
    own = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for name in ("python3", "python3.8", own, "python3.98"):
        (tmp_path / "usr/lib" / name / "site-packages").mkdir(parents=True)

    found = list(find_bcc._distribution_directories(tmp_path))

    names = [path.split("/")[-2] for path in found]
    assert names == [own, "python3.98", "python3.8", "python3"]


@pytest.mark.usefixtures("clean_modules")
def test_importing_leaves_the_search_path_alone(tmp_path: Path):
    real(tmp_path)
    before = list(sys.path)

    module = find_bcc.import_from(find_bcc.locate([str(tmp_path)]))

    assert module.BPF.__module__ == "bcc"
    assert sys.path == before
    assert find_bcc.load() is module, "a second import gives the same module"


@pytest.mark.usefixtures("clean_modules")
def test_a_missing_library_says_which_and_what_to_install(tmp_path: Path):
    real(tmp_path, library="'libbcc-absent.so.0'")

    with pytest.raises(MachineError, match=r"libbcc-absent\.so\.0") as caught:
        find_bcc.import_from(find_bcc.locate([str(tmp_path)]))

    assert "libbpfcc" in caught.value.hint
    assert not [name for name in sys.modules if name.split(".")[0] == "bcc"]


@pytest.mark.usefixtures("clean_modules")
@pytest.mark.parametrize("code", ["print 'Python 2'\n", "import distutils_gone_for_good\n"])
def test_a_bcc_too_old_for_this_python_says_so(tmp_path: Path, code: str):
    package = real(tmp_path, version="0.5.0")
    (package / "libbcc.py").write_text(code)

    with pytest.raises(MachineError, match=r"BCC 0\.5\.0 .* does not import on this Python"):
        find_bcc.import_from(find_bcc.locate([str(tmp_path)]))

    assert "bcc" not in sys.modules


@pytest.mark.usefixtures("clean_modules")
def test_an_impostor_that_somebody_imported_gives_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    impostor(tmp_path / "venv", "from . import bcc\n")
    real(tmp_path / "dist-packages")
    monkeypatch.syspath_prepend(str(tmp_path / "dist-packages"))
    monkeypatch.syspath_prepend(str(tmp_path / "venv"))
    import bcc as lattice

    module = find_bcc.load()

    assert not hasattr(lattice, "BPF")
    assert hasattr(module, "BPF")
    assert sys.modules["bcc"] is module
    assert "bcc.bcc" not in sys.modules


@pytest.mark.bpf
@pytest.mark.usefixtures("bpf")
def test_bcc_of_this_machine_is_found_and_imports():
    module = find_bcc.load()

    assert hasattr(module, "BPF")
    assert find_bcc.locate().path.samefile(module.__path__[0])
