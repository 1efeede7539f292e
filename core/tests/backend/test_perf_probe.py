"""Probes as perf events: what is asked of the kernel. That they hit is shown in tests/userspace/test_attach.py."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

import pytest

from tracer_core.backend import perf_probe
from tracer_core.libbpf import KprobeMulti, LinkCreateOpts, PerfEvent


@pytest.mark.parametrize(("text", "bit"), [("config:0\n", 0), ("config:32-63\n", 32), ("8\n", 8)])
def test_places_of_fields_are_what_the_kernel_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, bit: int
):
    (tmp_path / "uprobe").mkdir()
    (tmp_path / "uprobe/field").write_text(text)
    monkeypatch.setattr(perf_probe, "DEVICES", tmp_path)

    assert perf_probe._number("uprobe", "field") == bit


def test_a_semaphore_is_refused_where_the_kernel_cannot_raise_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "uprobe").mkdir()
    (tmp_path / "uprobe/type").write_text("8\n")
    monkeypatch.setattr(perf_probe, "DEVICES", tmp_path)

    with pytest.raises(OSError, match="semaphore") as refused, perf_probe.uprobe("/bin/sh", 0, ref_ctr_offset=64):
        pass
    assert refused.value.errno == errno.EOPNOTSUPP


@pytest.mark.bpf
@pytest.mark.usefixtures("bpf")
@pytest.mark.parametrize(("pid", "path", "code"), [(0, "/nowhere", errno.ENOENT), (1 << 22, "/bin/sh", errno.ESRCH)])
def test_a_place_or_a_process_that_is_not_there_is_told(pid: int, path: str, code: int):
    with pytest.raises(OSError, match="open uprobe event") as refused, perf_probe.uprobe(path, 0x1000, pid=pid):
        pass
    assert refused.value.errno == code


@pytest.mark.bpf
@pytest.mark.usefixtures("bpf")
def test_a_refused_link_is_an_error_with_its_reason():
    path, offset = perf_probe.libc_function()
    with (
        perf_probe.uprobe(path, offset) as event,
        Path(os.devnull).open("rb") as no_program,
        pytest.raises(OSError, match="attach program with a cookie"),
    ):
        perf_probe.link_program(event, no_program.fileno(), 1)


def test_options_of_a_link_are_laid_out_as_in_libbpf():
    assert LinkCreateOpts.perf_event.offset == LinkCreateOpts.kprobe_multi.offset == 32
    assert ctypes.sizeof(LinkCreateOpts) == 64
    assert LinkCreateOpts(kprobe_multi=KprobeMulti(cnt=3)).kprobe_multi.cnt == 3
    assert LinkCreateOpts(perf_event=PerfEvent(bpf_cookie=1 << 40)).perf_event.bpf_cookie == 1 << 40
