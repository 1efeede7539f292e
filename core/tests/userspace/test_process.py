"""Processes: which is meant, and whether its file can be opened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tracer_core.errors import MachineError
from tracer_core.userspace.live import find_process, usdt_places
from tracer_core.userspace.process import mapped_files, process_by_id, process_by_name, processes_by_name


class Proc:
    """A /proc of our own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.add(1, "init", "/sbin/init")
        (root / "self").symlink_to("1")
        (root / "version").write_text("Linux")

    def add(self, pid: int, comm: str, exe: str | None, *, pids: str = "pid:[1]", files: str = "mnt:[1]") -> None:
        folder = self.root / str(pid)
        (folder / "ns").mkdir(parents=True)
        (folder / "comm").write_text(f"{comm}\n")
        if exe:
            (folder / "exe").symlink_to(exe)
        (folder / "ns/pid").symlink_to(pids)
        (folder / "ns/mnt").symlink_to(files)


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


def test_a_process_is_found_by_its_name(proc: Proc):
    proc.add(7, "ovs-vswitchd", "/usr/sbin/ovs-vswitchd")

    found = process_by_name("ovs-vswitchd", proc.root)

    assert (found.pid, found.executable, found.path) == (7, "/usr/sbin/ovs-vswitchd", f"{proc.root}/7/exe")
    assert (found.deleted, found.foreign_pids, found.foreign_files) == (False, False, False)


def test_a_watcher_that_runs_the_same_file_under_another_name_is_not_meant(proc: Proc):
    proc.add(6, "monitor", "/usr/sbin/daemon")
    proc.add(7, "daemon", "/usr/sbin/daemon")

    assert process_by_name("daemon", proc.root).pid == 7


def test_a_process_that_names_itself_otherwise_is_found_by_its_file(proc: Proc):
    proc.add(6, "main", "/opt/a-name-longer-than-15-bytes (deleted)")

    found = process_by_name("a-name-longer-than-15-bytes", proc.root)

    assert (found.pid, found.deleted) == (6, True)


def test_nobody_of_that_name_is_an_error_that_says_so(proc: Proc):
    with pytest.raises(MachineError, match="no process daemon is running"):
        process_by_name("daemon", proc.root)


def test_several_of_that_name_are_an_error_that_lists_them(proc: Proc):
    proc.add(12, "daemon", "/usr/sbin/daemon")
    proc.add(7, "daemon", "/usr/sbin/daemon")

    assert [found.pid for found in processes_by_name("daemon", proc.root)] == [7, 12]
    with pytest.raises(MachineError, match="several processes daemon are running: 7, 12"):
        process_by_name("daemon", proc.root)


def test_threads_of_the_kernel_are_not_meant(proc: Proc):
    proc.add(2, "daemon", None)

    assert processes_by_name("daemon", proc.root) == ()
    with pytest.raises(MachineError, match="process 2 runs no file"):
        process_by_id(2, proc.root)


def test_a_process_that_does_not_exist_is_an_error(proc: Proc):
    with pytest.raises(MachineError, match="there is no process 99"):
        process_by_id(99, proc.root)


def test_namespaces_are_compared_with_ours(proc: Proc):
    proc.add(7, "daemon", "/daemon", pids="pid:[2]")
    proc.add(8, "daemon", "/daemon", files="mnt:[2]")

    seven, eight = processes_by_name("daemon", proc.root)

    assert (seven.foreign_pids, seven.foreign_files) == (True, False)
    assert (eight.foreign_pids, eight.foreign_files) == (False, True)


def test_a_process_that_we_may_not_see_is_an_error_only_if_it_is_meant(proc: Proc, monkeypatch: pytest.MonkeyPatch):
    proc.add(7, "daemon", "/daemon")
    proc.add(8, "other", "/daemon")

    def refuse(_: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.readlink", refuse)

    with pytest.raises(MachineError, match="process 7: cannot see which file it runs") as refused:
        process_by_name("daemon", proc.root)
    assert "run as root" in refused.value.hint
    with pytest.raises(MachineError, match="no process nobody is running"):
        process_by_name("nobody", proc.root)


def test_code_of_a_process_comes_from_its_file_and_its_libraries(proc: Proc):
    proc.add(7, "daemon", "/usr/sbin/daemon")
    (proc.root / "7/maps").write_text(
        "00400000-00452000 r-xp 00000000 08:02 1 /usr/sbin/daemon\n"
        "7f000000-7f001000 r--p 00000000 08:02 2 /usr/lib/libone.so\n"
        "7f001000-7f002000 r-xp 00001000 08:02 2 /usr/lib/libone.so\n"
        "7f002000-7f003000 r-xp 00002000 08:02 2 /usr/lib/libone.so\n"
        "7f004000-7f005000 r-xp 00000000 08:02 3 /usr/lib/with blank.so\n"
        "7f005000-7f006000 r-xp 00000000 08:02 4 /tmp/gone.so (deleted)\n"
        "7f006000-7f007000 rwxp 00000000 00:00 0 \n"
        "7ffe0000-7ffe1000 r-xp 00000000 00:00 0 [vdso]\n"
    )

    assert mapped_files(process_by_id(7, proc.root), proc.root) == (
        (f"{proc.root}/7/exe", "/usr/sbin/daemon"),
        (f"{proc.root}/7/root/usr/lib/libone.so", "/usr/lib/libone.so"),
        (f"{proc.root}/7/root/usr/lib/with blank.so", "/usr/lib/with blank.so"),
    )


def test_libraries_of_a_process_that_ended_are_an_error(proc: Proc):
    proc.add(7, "daemon", "/usr/sbin/daemon")

    with pytest.raises(MachineError, match="process 7: cannot see its libraries"):
        mapped_files(process_by_id(7, proc.root), proc.root)


def test_we_find_ourselves():
    found = find_process(os.getpid())

    assert found.executable == str(Path(sys.executable).resolve())
    assert Path(found.path).samefile(sys.executable)
    assert (found.deleted, found.foreign_pids, found.foreign_files) == (False, False, False)


def test_a_process_without_the_probe_is_an_error_about_its_own_file():
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        try:
            with pytest.raises(MachineError, match=r"/sleep has no USDT probes"):
                usdt_places(find_process(sleeper.pid), "fixture:nothing")
        finally:
            sleeper.kill()
