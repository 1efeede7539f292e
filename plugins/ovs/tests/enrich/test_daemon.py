"""Where a daemon listens: found in what the kernel tells of processes, and in a made-up folder of that kind."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from plugins.ovs.tests.enrich.fake_daemon import fake_daemon

from tracer_ovs.enrich.daemon import control_socket
from tracer_ovs.enrich.unixctl import Control, ControlError

NAME = "ovs-vswitchd"
HEAD = "Num       RefCount Protocol Flags    Type St Inode Path\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Made up: what ``/proc`` would tell."""
    folder = tmp_path / "proc"
    folder.mkdir()
    (folder / "meminfo").touch()
    return folder


def process(proc: Path, pid: int, name: str, *sockets: str, own: tuple[int, ...] = (10, 11, 12)) -> Path:
    """A process with some sockets, of which some are its own; of each the flags, the inode and the path."""
    folder = proc / str(pid)
    for part in ("fd", "net", "root/run/openvswitch"):
        (folder / part).mkdir(parents=True)
    (folder / "comm").write_text(f"{name}\n")
    (folder / "net" / "unix").write_text(HEAD + "".join(f"0000000000000000: 00000002 00000000 {s}\n" for s in sockets))
    for number, inode in enumerate(own):
        (folder / "fd" / str(number)).symlink_to(f"socket:[{inode}]")
    (folder / "fd" / "9").symlink_to("/dev/null")
    return folder


def listening(inode: int, path: str) -> str:
    return f"00010000 0001 01 {inode} {path}"


def test_a_process_that_listens_is_found_by_its_name(tmp_path: Path) -> None:
    # of this process: a socket that really listens
    name = Path("/proc/self/comm").read_text().strip()
    with fake_daemon(tmp_path / "daemon.ctl") as daemon:
        daemon.answers["greet"] = lambda: "hello"
        proc = tmp_path / "proc"
        proc.mkdir()
        (proc / str(os.getpid())).symlink_to("/proc/self")
        found = control_socket(name, proc)
        assert found.samefile(daemon.path)
        with Control(lambda: found, timeout=5) as control:
            assert control.call("greet") == "hello"


def test_of_its_sockets_that_counts_which_takes_commands(proc: Path) -> None:
    made = process(
        proc,
        7,
        NAME,
        listening(10, "/run/openvswitch/br0.mgmt"),
        "00000000 0001 03 11 /run/openvswitch/connected.ctl",
        listening(99, "/run/openvswitch/others.ctl"),
        "00000000 0002 01 12",
        listening(12, "/run/openvswitch/with space.ctl"),
    )
    assert control_socket(NAME, proc) == made / "root/run/openvswitch/with space.ctl"


def test_links_on_the_way_are_those_of_the_process(proc: Path) -> None:
    made = process(proc, 7, NAME, listening(10, "/var/run/openvswitch/x.ctl"))
    (made / "root/var").mkdir()
    (made / "root/var/run").symlink_to("/run")
    assert control_socket(NAME, proc) == made / "root/run/openvswitch/x.ctl"
    (made / "root/var/run").unlink()
    (made / "root/var/run").symlink_to("../../../run")
    assert control_socket(NAME, proc) == made / "root/run/openvswitch/x.ctl"


def test_links_that_go_in_circles_end(proc: Path) -> None:
    made = process(proc, 7, NAME, listening(10, "/var/run/x.ctl"))
    (made / "root/var").symlink_to("/var")
    assert control_socket(NAME, proc).is_relative_to(made / "root")


def test_a_process_of_that_name_that_takes_no_commands_is_another(proc: Path) -> None:
    process(proc, 6, NAME)
    made = process(proc, 7, NAME, listening(10, "/run/x.ctl"))
    assert control_socket(NAME, proc) == made / "root/run/x.ctl"


def test_no_process_several_and_one_without_a_socket_are_told(proc: Path) -> None:
    with pytest.raises(ControlError, match=r"^no process is called ovs-vswitchd$"):
        control_socket(NAME, proc)
    process(proc, 6, NAME)
    with pytest.raises(ControlError, match=r"^ovs-vswitchd \(6\) has no control socket$"):
        control_socket(NAME, proc)
    process(proc, 7, NAME, listening(10, "/run/x.ctl"))
    process(proc, 8, NAME, listening(10, "/run/x.ctl"))
    with pytest.raises(ControlError, match=r"^there are several processes ovs-vswitchd: 7, 8; say which by --ovs-pid$"):
        control_socket(NAME, proc)


def test_a_process_that_ends_meanwhile_is_none(proc: Path) -> None:
    (proc / "5").mkdir()
    made = process(proc, 6, NAME)
    (made / "net" / "unix").unlink()
    with pytest.raises(ControlError, match="has no control socket"):
        control_socket(NAME, proc)


def test_addresses_of_sockets_may_be_longer_than_the_kernel_takes(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["long" * 20] * 3)
    folder.mkdir(parents=True)
    here = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        with fake_daemon(Path(f"/proc/self/fd/{here}/x.ctl")) as daemon:
            daemon.answers["greet"] = lambda: "hello"
            with Control(lambda: folder / "x.ctl", timeout=5) as control:
                assert control.call("greet") == "hello"
            with socket.socket(socket.AF_UNIX) as direct, pytest.raises(OSError, match="too long"):
                direct.connect(str(folder / "x.ctl"))
    finally:
        os.close(here)


def test_of_several_processes_the_one_with_that_pid_can_be_meant(proc: Path) -> None:
    for pid in (7, 8):
        process(proc, pid, NAME, listening(10, f"/run/openvswitch/{pid}.ctl"))
    assert control_socket(8, proc).name == "8.ctl"
