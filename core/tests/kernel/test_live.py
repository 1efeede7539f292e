"""Where a running kernel's files are looked for, and what is said if they are not there."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from tracer_core.errors import ExitCode, MachineError, UsageError
from tracer_core.kernel.base import BtfKernel
from tracer_core.kernel.live import LiveKernel, LiveSource


def _kernel(root: Path, files: dict[str, bytes]) -> BtfKernel:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return BtfKernel(LiveSource(root=root))


def test_a_view_of_the_running_kernel_reads_nothing_until_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read a file"))
    LiveKernel()


def test_the_release_is_that_of_uname():
    assert LiveKernel().release == os.uname().release


def test_a_kernel_without_type_information_says_which_option_it_lacks(tmp_path: Path):
    with pytest.raises(MachineError, match="CONFIG_DEBUG_INFO_BTF") as caught:
        _kernel(tmp_path, {}).tracepoint("kfree_skb")
    assert caught.value.exit_code is ExitCode.ENVIRONMENT


def test_an_address_has_the_name_of_a_program_that_was_loaded_after_names_were_looked_up(tmp_path: Path):
    loaded = b"ffffffff81000000 T ip_rcv\n"
    kernel = _kernel(tmp_path, {"proc/kallsyms": loaded})
    assert kernel.symbol("ip_rcv") == 0xFFFFFFFF81000000
    (tmp_path / "proc/kallsyms").write_bytes(loaded + b"ffffffffc0201000 t bpf_prog_1_tracer\t[bpf]\n")
    assert kernel.symbol_at(0xFFFFFFFFC0201010) == ("bpf_prog_1_tracer", 0x10)


def test_missing_kallsyms_are_an_error_with_advice(tmp_path: Path):
    with pytest.raises(MachineError, match="CONFIG_KALLSYMS"):
        _kernel(tmp_path, {}).symbol("x")


def test_without_tracefs_the_lists_are_nothing(tmp_path: Path):
    kernel = _kernel(tmp_path, {})
    assert kernel.events is None
    assert kernel.functions is None


@pytest.mark.parametrize("place", ["sys/kernel/tracing", "sys/kernel/debug/tracing"])
def test_tracefs_is_read_from_either_place(tmp_path: Path, place: str):
    kernel = _kernel(
        tmp_path,
        {
            f"{place}/available_events": b"skb:kfree_skb\nnet:netif_rx\n",
            f"{place}/available_filter_functions": (b"tcp_v4_rcv\nveth_xmit [veth]\n__ftrace_invalid_address___123\n"),
        },
    )
    assert kernel.events == {"skb:kfree_skb", "net:netif_rx"}  # type: ignore[comparison-overlap]
    assert kernel.functions == {"tcp_v4_rcv", "veth_xmit"}  # type: ignore[comparison-overlap]


def test_modules_are_the_first_words(tmp_path: Path):
    lines = b"veth 45056 0 - Live 0x0000000000000000\nnf_tables 1 2 nft_ct, Live 0x0\n"
    assert _kernel(tmp_path, {"proc/modules": lines}).modules == {"veth", "nf_tables"}


def test_a_kernel_without_modules_has_none(tmp_path: Path):
    assert _kernel(tmp_path, {}).modules == frozenset()


@pytest.mark.parametrize(
    "place",
    ["boot/config-9.9", "lib/modules/9.9/config", "run/host/usr/lib/modules/9.9/config"],
)
def test_the_configuration_is_looked_for_by_release(tmp_path: Path, place: str):
    files = {"proc/sys/kernel/osrelease": b"9.9\n", place: b"CONFIG_BPF=y\n"}
    assert _kernel(tmp_path, files).config("CONFIG_BPF") == "y"


def test_the_running_kernels_own_configuration_comes_first(tmp_path: Path):
    files = {
        "proc/sys/kernel/osrelease": b"9.9\n",
        "boot/config-9.9": b"CONFIG_BPF=m\n",
        "proc/config.gz": gzip.compress(b"CONFIG_BPF=y\n"),
    }
    assert _kernel(tmp_path, files).config("CONFIG_BPF") == "y"


def test_no_configuration_leaves_options_unknown(tmp_path: Path):
    assert _kernel(tmp_path, {}).config("CONFIG_BPF") is None


def test_a_found_configuration_that_is_none_is_named(tmp_path: Path):
    with pytest.raises(MachineError, match=r"config\.gz is not a kernel configuration.*--kconf"):
        _kernel(tmp_path, {"proc/config.gz": b"rubbish"}).config("CONFIG_BPF")


def test_a_given_configuration_is_used(tmp_path: Path):
    path = tmp_path / "kconf"
    path.write_bytes(gzip.compress(b"CONFIG_ONLY_HERE=y\n"))
    assert LiveKernel(kconf=path).config("CONFIG_ONLY_HERE") == "y"


def test_a_given_configuration_that_is_missing_is_a_usage_error(tmp_path: Path):
    with pytest.raises(UsageError, match="nowhere: No such file"):
        LiveKernel(kconf=tmp_path / "nowhere")


def test_a_given_configuration_that_is_none_is_a_usage_error(tmp_path: Path):
    path = tmp_path / "kconf"
    path.write_bytes(b"\xff\xff")
    with pytest.raises(UsageError, match="kconf is not a kernel configuration"):
        LiveKernel(kconf=path)
