"""A machine that lacks something: which, and what to do."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest
from tests.bad_input.command import KERNEL, PROBE, Command

from tracer_core.backend import find_bcc
from tracer_core.errors import ExitCode
from tracer_core.testing.pytest_plugin import unavailable

bpf = pytest.mark.bpf


def test_without_privileges_it_says_who_may(command: Command) -> None:
    # the capabilities alone: another user might not be able to read this Python
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    error = command.run("collect", "-c", "skb", "-p", PROBE, inside=drop).error(ExitCode.ENVIRONMENT)
    assert "run as root, or with CAP_BPF" in error
    assert "collector" not in error


def test_root_of_another_user_namespace_is_told_that_this_is_not_enough(command: Command) -> None:
    inside = ["unshare", "--user", "--map-root-user"]
    error = command.run("collect", "-c", "skb", "-p", PROBE, inside=inside).error(ExitCode.ENVIRONMENT)
    assert "root of this user namespace is not enough" in error


def test_a_home_that_may_not_be_searched_is_as_good_as_an_empty_one(command: Command, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(0)
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    inside = [*drop, "env", f"HOME={home}"]
    planned = command.run("-p", "ifdump", "collect", "--dry-run", "--kernel", KERNEL, inside=inside)
    assert (planned.code, planned.err) == (0, "Applying profile ifdump\n")
    unreadable = command.run("print", str(home / "events.arrow"), inside=inside).error(ExitCode.USAGE)
    assert unreadable == f"cannot read {home}/events.arrow: Permission denied; name an event file"
    error = command.run("python", "nosuch", inside=inside).error(ExitCode.USAGE)
    assert error.startswith("Python script named nosuch not found")


def hidden(*folders: Path, under: Path) -> list[str]:
    """A command that runs another where these folders are empty, in a mount namespace that ends with it."""
    if os.geteuid() != 0:
        unavailable("root", "needs root, to hide folders")
    binds = "".join(f"mount --bind {shlex.quote(str(under))} {shlex.quote(str(folder))} && " for folder in folders)
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'{binds}exec "$0" "$@"']


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


@bpf
def test_without_bcc_it_says_what_to_install(command: Command, here: tuple[str, ...], empty: Path) -> None:
    inside = hidden(find_bcc.locate().path, under=empty)
    error = command.run("collect", "-c", "skb", *here, inside=inside).error(ExitCode.ENVIRONMENT)
    assert error.startswith("BCC is not installed: ")
    assert "apt install python3-bpfcc" in error


@bpf
def test_the_unrelated_package_bcc_is_recognised(command: Command, here: tuple[str, ...], empty: Path) -> None:
    impostor = command.folder / "site/bcc"
    impostor.mkdir(parents=True)
    (impostor / "__init__.py").write_text("raise SystemExit('a lattice, executed')\n")
    command.environment["PYTHONPATH"] = str(impostor.parent)
    inside = hidden(find_bcc.locate().path, under=empty)
    error = command.run("collect", "-c", "skb", *here, inside=inside).error(ExitCode.ENVIRONMENT)
    assert f"{impostor} is an unrelated package of the same name" in error
    assert "apt install python3-bpfcc" in error


@bpf
def test_without_types_of_the_kernel_it_names_the_option_it_was_built_without(
    command: Command, here: tuple[str, ...], empty: Path
) -> None:
    inside = hidden(Path("/sys/kernel/btf"), under=empty)
    error = command.run("collect", "-c", "skb", *here, inside=inside).error(ExitCode.ENVIRONMENT)
    assert "/sys/kernel/btf/vmlinux" in error
    assert "CONFIG_DEBUG_INFO_BTF" in error
