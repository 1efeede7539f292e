"""Trying what the kernel offers, and telling refused from missing."""

from __future__ import annotations

import ctypes
import errno
import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tracer_core.backend import perf_probe, trials
from tracer_core.backend.features import (
    Feature,
    FeatureResult,
    Status,
    attach_cookies,
    casts,
    features,
    typed_tracepoints,
)
from tracer_core.errors import MachineError
from tracer_core.kernel.btf import Btf
from tracer_core.kernel.btf_types import Kind


def failing(code: int) -> Feature:
    def probe() -> str:
        raise OSError(code, os.strerror(code))

    return Feature("x", "y", probe)


def refusing_library(code: int) -> SimpleNamespace:
    def refuse(*_: object) -> int:
        return -code

    names = ("bpf_map_create", "bpf_prog_load", "bpf_raw_tracepoint_open", "bpf_link_create")
    return SimpleNamespace(**dict.fromkeys(names, refuse))


def no_btf() -> Btf:
    raise MachineError("this kernel has no BTF")


class TypedBtf:
    """A kernel that knows every type we ask for."""

    def find(self, name: str, *_: object) -> SimpleNamespace:
        return SimpleNamespace(id=7, name=name)


class BareBtf:
    def find(self, *_: object) -> None:
        return None


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture(scope="module")
def btf() -> Btf:
    path = Path("/sys/kernel/btf/vmlinux")
    if not path.exists():
        pytest.skip(f"needs {path}")
    return Btf.load(path)


@pytest.mark.parametrize("code", [errno.EPERM, errno.EACCES])
def test_a_refused_operation_is_denied(code: int):
    assert failing(code).check() == FeatureResult(Status.DENIED, os.strerror(code))


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOENT, errno.EOPNOTSUPP, 524, errno.ENOSYS])
def test_an_operation_that_the_kernel_lacks_is_missing(code: int):
    assert failing(code).check().status is Status.MISSING


def test_a_kernel_without_btf_lacks_typed_programs():
    by_name = {feature.name: feature for feature in features(no_btf)}

    for name in ("typed tracepoint", "fentry", "fexit"):
        assert by_name[name].check() == FeatureResult(Status.MISSING, "this kernel has no BTF")


def test_a_btf_without_the_type_says_which():
    by_name = {feature.name: feature for feature in features(BareBtf)}  # type: ignore[arg-type]

    assert "btf_trace_consume_skb" in by_name["typed tracepoint"].check().detail
    assert "register_netdevice" in by_name["fentry"].check().detail
    assert not typed_tracepoints(BareBtf())  # type: ignore[arg-type]


def test_a_feature_is_tried_once():
    tries = iter(["done"])
    feature = Feature("x", "y", lambda: next(tries))

    assert feature.check() is feature.check()


def test_a_user_without_privileges_is_denied_what_the_kernel_may_have(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trials, "library", lambda: refusing_library(errno.EPERM))

    by_name = {feature.name: feature for feature in features(TypedBtf)}  # type: ignore[arg-type]

    for name in ("ring buffer", "raw tracepoint", "typed tracepoint", "kprobe-multi", "fentry"):
        result = by_name[name].check()
        assert result.status is Status.DENIED, name
        assert "Operation not permitted" in result.detail
    assert not typed_tracepoints(TypedBtf())  # type: ignore[arg-type]


def test_a_kernel_without_a_tracepoint_is_asked_for_the_next(monkeypatch: pytest.MonkeyPatch):
    asked = []

    def attach(name: bytes, _program: int) -> int:
        asked.append(name.decode())
        return -errno.ENOENT if name == b"xdp_exception" else os.open("/dev/null", os.O_RDONLY)

    library = SimpleNamespace(
        bpf_prog_load=lambda *_: os.open("/dev/null", os.O_RDONLY), bpf_raw_tracepoint_open=attach
    )
    monkeypatch.setattr(trials, "library", lambda: library)
    before = open_descriptors()

    result = {feature.name: feature for feature in features(no_btf)}["raw tracepoint"].check()

    assert result == FeatureResult(Status.OK, "attached to consume_skb")
    assert asked == ["xdp_exception", "consume_skb"]
    assert open_descriptors() == before


def test_a_kernel_without_kprobes_shows_it_to_everybody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(perf_probe, "DEVICES", tmp_path)
    by_name = {feature.name: feature for feature in features(no_btf)}

    for name in ("kprobe", "kretprobe"):
        assert by_name[name].check().status is Status.MISSING
        assert by_name[name].check().detail == "the kernel has no kprobe events"
    assert by_name["USDT"].check() == FeatureResult(Status.MISSING, "needs uprobe")
    assert by_name["attach cookie"].check() == FeatureResult(Status.MISSING, "the kernel has no uprobe events")


def test_a_kernel_that_does_not_know_the_helper_has_no_attach_cookies(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trials, "library", lambda: refusing_library(errno.EINVAL))

    assert not attach_cookies()


def test_programs_cannot_cast_where_the_kernel_has_no_such_function_or_refuses_to_call_it(
    monkeypatch: pytest.MonkeyPatch,
):
    assert not casts(BareBtf())  # type: ignore[arg-type]
    monkeypatch.setattr(trials, "library", lambda: refusing_library(errno.EOPNOTSUPP))
    assert not casts(TypedBtf())  # type: ignore[arg-type]


def test_the_bit_for_return_probes_is_what_the_kernel_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "kprobe/format").mkdir(parents=True)
    (tmp_path / "kprobe/format/retprobe").write_text("config:3\n")
    (tmp_path / "kprobe/type").write_text("6\n")
    monkeypatch.setattr(perf_probe, "DEVICES", tmp_path)

    assert perf_probe._number("kprobe", "format/retprobe") == 3
    assert perf_probe._number("kprobe", "type") == 6


def test_the_offset_in_libc_is_that_of_the_function_in_memory():
    path, offset = perf_probe.libc_function()
    address = ctypes.cast(ctypes.CDLL(None).a64l, ctypes.c_void_p).value

    assert Path(path).read_bytes()[offset : offset + 16] == ctypes.string_at(address, 16)  # type: ignore[arg-type]


def test_nothing_is_left_open_whatever_the_answers(btf: Btf):
    for feature in features(lambda: btf):  # what opens a file on first use does so here
        feature.check()
    before = open_descriptors()

    for _ in range(2):
        for feature in features(lambda: btf):
            feature.check()

    assert open_descriptors() == before


@pytest.mark.bpf
@pytest.mark.usefixtures("bpf")
def test_this_kernel_has_what_collecting_requires(btf: Btf):
    by_name = {feature.name: feature for feature in features(lambda: btf)}

    for name in ("ring buffer", "raw tracepoint"):
        assert by_name[name].check().ok, by_name[name].check().detail


@pytest.mark.bpf
@pytest.mark.usefixtures("bpf")
def test_loading_typed_programs_foretells_attaching_them(btf: Btf):
    by_name = {feature.name: feature for feature in features(lambda: btf)}

    assert typed_tracepoints(btf) == by_name["typed tracepoint"].check().ok


@pytest.mark.bpf
@pytest.mark.usefixtures("bpf")
def test_asking_for_typed_tracepoints_takes_less_than_5_ms(btf: Btf):
    def seconds() -> float:
        start = time.perf_counter()
        typed_tracepoints(btf)
        return time.perf_counter() - start

    assert min(seconds() for _ in range(5)) < 0.005


@pytest.mark.bpf
@pytest.mark.usefixtures("bpf")
def test_programs_can_cast_where_the_kernel_has_the_function_and_compiles_them(btf: Btf):
    enabled = Path("/proc/sys/net/core/bpf_jit_enable")
    compiled = not enabled.exists() or enabled.read_text().strip() != "0"

    assert casts(btf) == (compiled and btf.find("bpf_rdonly_cast", Kind.FUNC) is not None)


@pytest.mark.bpf
@pytest.mark.usefixtures("bpf")
def test_loading_a_program_foretells_that_cookies_can_be_attached():
    by_name = {feature.name: feature for feature in features(no_btf)}

    assert attach_cookies() == by_name["attach cookie"].check().ok


@pytest.mark.bpf
@pytest.mark.usefixtures("bpf")
def test_a_uprobe_on_our_libc_runs_no_longer_than_its_check(btf: Btf):
    by_name = {feature.name: feature for feature in features(lambda: btf)}
    address = ctypes.cast(ctypes.CDLL(None).a64l, ctypes.c_void_p).value
    before = ctypes.string_at(address, 16)  # type: ignore[arg-type]

    by_name["uprobe"].check()

    assert ctypes.string_at(address, 16) == before  # type: ignore[arg-type]
    assert by_name["USDT"].check().status is by_name["uprobe"].check().status
