"""Each check on machines that lack what it looks for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from tracer_core.backend.cache import Cache
from tracer_core.backend.features import Feature, Status
from tracer_core.backend.find_bcc import BccLocation
from tracer_core.changes.process import Process
from tracer_core.changes.records import Record, Records
from tracer_core.doctor.check import Check, Finding, examine
from tracer_core.doctor.report import blocking, diagnose
from tracer_core.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.tests.doctor.conftest import Machine

    from tracer_core.doctor.system import System

CAP_SYS_ADMIN, CAP_SYSLOG, CAP_PERFMON, CAP_BPF = 1 << 21, 1 << 34, 1 << 38, 1 << 39


def finding(machine: Machine, name: str) -> Finding:
    return next(row.finding for row in diagnose(machine.system()) if row.name == name)


def raising(error: Exception) -> Callable[[], NoReturn]:
    def call() -> NoReturn:
        raise error

    return call


def test_a_healthy_machine_has_nothing_to_fix(machine: Machine):
    rows = diagnose(machine.system())

    assert [row.name for row in rows if row.finding.status is not Status.OK] == []
    assert [row.name for row in rows if row.finding.fix] == []
    assert len({row.name for row in rows}) == len(rows)


def test_whatever_is_not_ok_comes_with_a_fix(machine: Machine):
    for path in [path for path in machine.root.rglob("*") if path.is_file()]:
        path.unlink()
    machine.cache = machine.file("cache")  # no folder
    machine.bcc = machine.libbpf = machine.libpcap = raising(MachineError("not installed", hint="install it"))
    machine.btf = raising(MachineError("no BTF"))

    for row in diagnose(machine.system()):
        assert (row.finding.status is Status.OK) == (row.finding.fix == ""), row


def test_packet_filters_need_libpcap_and_all_else_does_not(machine: Machine):
    assert finding(machine, "libpcap").detail == "libpcap version 1.10.5: packet filters, -f"
    machine.libpcap = raising(MachineError("packet filters need libpcap: no", hint="install it"))
    assert finding(machine, "libpcap") == Finding(Status.MISSING, "packet filters need libpcap: no", "install it")
    assert blocking(diagnose(machine.system())) == []


def test_the_compile_cache_is_somewhere_and_has_a_size(machine: Machine):
    where = machine.root / "cache"
    assert finding(machine, "compile cache").detail == f"{where}: not there yet"
    assert not where.exists()
    with Cache(where) as cache:
        cache.put("0" * 64, bytes(1 << 20))
        cache.put("1" * 64, bytes(1 << 19))
    machine.file("cache/somebody-elses", "not ours")
    assert finding(machine, "compile cache").detail == f"{where}: 2 files, 1.5 of 64 MiB"
    machine.cache = None
    assert finding(machine, "compile cache").detail.startswith("none, every run compiles: TRACER_CACHE_DIR ")


def test_a_compile_cache_that_others_may_write_to_is_not_used(machine: Machine):
    where = machine.root / "cache"
    where.mkdir()
    where.chmod(0o777)
    found = finding(machine, "compile cache")
    assert found.status is Status.DENIED
    assert found.detail == f"{where} is not used, every run compiles: others may write to it"
    assert found.fix == "remove it, or set TRACER_CACHE_DIR"


def test_capabilities_are_denied_to_an_ordinary_user(machine: Machine):
    machine.capabilities(0)

    rows = {row.name: row for row in diagnose(machine.system())}

    for name in ("CAP_BPF", "CAP_PERFMON", "CAP_SYS_ADMIN", "CAP_SYSLOG", "CAP_NET_ADMIN"):
        assert rows[name].finding.status is Status.DENIED
        assert name in rows[name].finding.fix
    assert blocking(list(rows.values())) == ["CAP_BPF", "CAP_PERFMON"]


def test_the_two_narrow_capabilities_suffice_to_collect(machine: Machine):
    machine.capabilities(CAP_BPF | CAP_PERFMON)

    rows = diagnose(machine.system())

    assert blocking(rows) == []


def test_the_wide_capability_implies_the_narrow_ones_but_not_its_neighbours(machine: Machine):
    machine.capabilities(CAP_SYS_ADMIN)

    assert finding(machine, "CAP_BPF").detail.startswith("implied by CAP_SYS_ADMIN")
    assert finding(machine, "CAP_PERFMON").status is Status.OK
    assert finding(machine, "CAP_SYSLOG").status is Status.DENIED


def test_root_of_another_user_namespace_cannot_collect(machine: Machine):
    machine.user_namespace("user:[4026532999]")

    rows = diagnose(machine.system())

    assert blocking(rows) == ["user namespace"]
    assert "4026532999" in finding(machine, "user namespace").detail


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("[none] integrity confidentiality\n", Status.OK),
        ("none [integrity] confidentiality\n", Status.OK),
        ("none integrity [confidentiality]\n", Status.DENIED),
    ],
)
def test_only_confidential_lockdown_is_in_the_way(machine: Machine, text: str, status: Status):
    machine.file("sys/kernel/security/lockdown", text)

    assert finding(machine, "lockdown").status is status


def test_a_kernel_without_lockdown_is_fine(machine: Machine):
    machine.remove("sys/kernel/security/lockdown")

    assert finding(machine, "lockdown").status is Status.OK


LIMITED = "Max locked memory         65536                65536                bytes     \n"


def test_the_memlock_limit_does_not_matter_where_bpf_memory_does_not_count(machine: Machine):
    machine.capabilities(CAP_BPF | CAP_PERFMON)
    machine.file("proc/self/limits", LIMITED)

    assert finding(machine, "memlock").status is Status.OK
    assert "64 KiB" in finding(machine, "memlock").detail


def test_the_memlock_limit_matters_on_old_kernels_unless_it_can_be_raised(machine: Machine):
    machine.file("proc/self/limits", LIMITED)
    fake = type(machine.btf())
    machine.btf = lambda: fake("bpf_map_memory")  # type: ignore[call-arg]

    assert finding(machine, "memlock").status is Status.OK
    machine.capabilities(CAP_BPF | CAP_PERFMON)
    assert finding(machine, "memlock").status is Status.DENIED


def test_an_impostor_that_was_passed_over_is_told(machine: Machine):
    machine.bcc = lambda: BccLocation(Path("/usr/bcc"), "0.31.0", (Path("/venv/bcc"),))

    found = finding(machine, "BCC")

    assert found.status is Status.OK
    assert found.detail == "0.31.0 (/usr/bcc); passed over /venv/bcc, an unrelated package"


def test_a_missing_bcc_says_what_to_install(machine: Machine):
    machine.bcc = raising(MachineError("BCC is not installed", hint="apt install python3-bpfcc"))

    assert finding(machine, "BCC") == Finding(Status.MISSING, "BCC is not installed", "apt install python3-bpfcc")
    assert blocking(diagnose(machine.system())) == ["BCC"]


def test_modules_with_types_are_counted(machine: Machine):
    assert finding(machine, "BTF").detail == "of vmlinux and 1 module"
    machine.file("sys/kernel/btf/openvswitch")
    assert finding(machine, "BTF").detail == "of vmlinux and 2 modules"


def test_hidden_addresses_are_denied_and_a_missing_file_is_missing(machine: Machine):
    machine.file("proc/kallsyms", "0000000000000000 T _text\n0000000000000000 T _stext\n")
    assert finding(machine, "kallsyms").status is Status.DENIED
    machine.remove("proc/kallsyms")
    assert finding(machine, "kallsyms").status is Status.MISSING


def test_tracefs_is_found_in_its_old_place_and_otherwise_to_be_mounted(machine: Machine):
    machine.remove("sys/kernel/tracing/available_events")
    assert finding(machine, "tracefs").fix == "mount -t tracefs tracefs /sys/kernel/tracing"

    machine.file("sys/kernel/debug/tracing/available_events", "a:b\n")
    assert finding(machine, "tracefs").detail == "/sys/kernel/debug/tracing: 1 events"


def test_a_tracefs_that_lockdown_keeps_empty_need_not_be_mounted(machine: Machine):
    machine.remove("sys/kernel/tracing/available_events")
    machine.file("proc/mounts", "proc /proc proc rw 0 0\ntracefs /sys/kernel/tracing tracefs rw 0 0\n")
    assert finding(machine, "tracefs").status is Status.DENIED
    assert "lockdown" in finding(machine, "tracefs").detail


def test_an_unreadable_tracefs_is_denied(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    real = type(machine.system()).text

    def text(self: System, path: str) -> str:
        if "tracing" in path:
            raise PermissionError(13, "Permission denied")
        return real(self, path)

    monkeypatch.setattr(type(machine.system()), "text", text)

    assert finding(machine, "tracefs").status is Status.DENIED


def test_a_configuration_that_is_none_is_missing(machine: Machine):
    machine.file("boot/config-6.1.0-test", "nothing of the kind\n")
    assert finding(machine, "kernel config").status is Status.MISSING


def test_a_missing_tool_names_its_package_and_does_not_block(machine: Machine):
    machine.remove("usr/sbin/tcpdump")

    assert "install tcpdump" in finding(machine, "tcpdump").fix
    assert blocking(diagnose(machine.system())) == []


def test_a_refused_feature_is_a_matter_of_privileges_or_else_of_policy(machine: Machine):
    machine.features = (Feature("raw tracepoint", "probes", raising(PermissionError(1, "no"))),)
    assert "security policy" in finding(machine, "raw tracepoint").fix

    machine.capabilities(CAP_BPF | CAP_PERFMON)
    assert "CAP_SYS_ADMIN" in finding(machine, "raw tracepoint").fix

    machine.capabilities(CAP_SYSLOG)
    machine.features = (Feature("raw tracepoint", "probes", raising(PermissionError(1, "no"))),)
    assert "CAP_BPF" in finding(machine, "raw tracepoint").fix
    assert "raw tracepoint" in blocking(diagnose(machine.system()))


def test_a_missing_feature_says_what_kernel_has_it(machine: Machine):
    machine.features = (Feature("kprobe-multi", "many", raising(OSError(95, "not supported"))),)

    assert "CONFIG_FPROBE" in finding(machine, "kprobe-multi").fix
    assert blocking(diagnose(machine.system())) == []


def test_a_check_that_breaks_is_a_row_like_any_other(machine: Machine):
    def breaks(_system: System) -> Finding:
        raise ZeroDivisionError("two\nlines")

    (row,) = examine(machine.system(), [Check("broken", breaks, required=True)])

    assert row.finding.status is Status.MISSING
    assert row.finding.detail == "the check failed: ZeroDivisionError: two lines"
    assert row.blocks


def test_what_killed_runs_left_is_told_with_what_undoes_it(machine: Machine):
    assert finding(machine, "system changes").detail == "none"
    records = Records(machine.root / "run/tracer")
    (machine.root / "run").mkdir()
    us = Process.current()
    with records.locked():
        records.add(Record("a thing", ("remove", "a thing"), us))
    assert finding(machine, "system changes").detail == f"made by runs that go on: a thing (process {us.pid})"
    with records.locked():
        records.add(Record("another", ("remove", "it all"), replace(us, started=0)))
    found = finding(machine, "system changes")
    assert (found.status, found.detail) == (Status.MISSING, "left behind by killed runs: another")
    assert found.fix == "remove 'it all'"


def test_records_of_changes_that_others_may_write_are_not_believed(machine: Machine):
    (machine.root / "run/tracer").mkdir(parents=True)
    (machine.root / "run/tracer").chmod(0o777)
    assert "others may write to it" in finding(machine, "system changes").detail
