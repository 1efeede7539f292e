"""A recording states the same facts as the kernel it was made from."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.errors import MachineError, UsageError
from tracer_core.kernel import roots
from tracer_core.kernel.btf import Btf
from tracer_core.kernel.btf_types import BtfMember, BtfType, Kind
from tracer_core.kernel.ctype import c_type
from tracer_core.kernel.encode import encode
from tracer_core.kernel.files import FileSource
from tracer_core.kernel.live import LiveKernel, LiveSource
from tracer_core.kernel.record import record
from tracer_core.kernel.recorded import RecordedKernel
from tracer_core.kernel.trim import Trim
from tracer_core.testing.kernels import recorded_kernel, recorded_names

if TYPE_CHECKING:
    from tracer_core.kernel.base import BtfKernel

_SCRIPT = Path(__file__).parents[3] / "scripts/record_kernel.py"
_KERNELS = Path(sys.modules[recorded_kernel.__module__].__file__ or "").parent
needs_btf = pytest.mark.skipif(not Path("/sys/kernel/btf/vmlinux").exists(), reason="this kernel has no BTF")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("recording")
    record(LiveSource(), out)
    return out


@pytest.fixture(scope="module")
def live() -> LiveKernel:
    return LiveKernel()


@pytest.fixture(scope="module")
def recorded(recording: Path) -> RecordedKernel:
    return RecordedKernel(recording)


def _layout(btf: Btf, aggregate: BtfType) -> list[tuple[object, ...]]:
    """All members by value, at all depths."""
    found: list[tuple[object, ...]] = [(aggregate.kind, aggregate.name, aggregate.size)]
    for member in aggregate.members:
        place = (member.name, member.bit_offset, member.bit_size)
        inner = btf.resolve(member.type_id)
        found.append((*place, c_type(btf, member.type_id), btf.size_of(member.type_id)))
        while inner.kind is Kind.ARRAY:
            inner = btf.resolve(inner.ref)
        if inner.kind in (Kind.STRUCT, Kind.UNION):
            found += _layout(btf, inner)
    return found


@needs_btf
class TestOfTheRunningKernel:
    def test_every_kept_struct_has_the_same_layout(self, live: BtfKernel, recorded: BtfKernel):
        compared = 0
        for name in roots.STRUCTS:
            was = live.find(name, Kind.STRUCT)
            now = recorded.find(name, Kind.STRUCT)
            assert (was is None) == (now is None), name
            if was and now:
                before = _layout(live.module_btf(was[0]), was[1])
                assert _layout(recorded.module_btf(now[0]), now[1]) == before
                compared += len(before)
        assert compared > 3000

    def test_every_kept_enum_has_the_same_values(self, live: BtfKernel, recorded: BtfKernel):
        assert {n: recorded.enum(n) for n in roots.ENUMS} == {n: live.enum(n) for n in roots.ENUMS}

    def test_every_kept_function_has_the_same_prototype(self, live: BtfKernel, recorded: BtfKernel):
        names = recorded.btf.all_of(Kind.FUNC)
        assert len(names) > 300
        for name in names:
            was, now = live.function(name), recorded.function(name)
            assert was
            assert now
            assert (now.params, now.returns, now.module) == (was.params, was.returns, was.module)

    def test_every_kept_tracepoint_has_the_same_prototype(self, live: BtfKernel, recorded: BtfKernel):
        names = recorded.tracepoint_names()
        assert len(names) > 30
        for name in names:
            was, now = live.tracepoint(name), recorded.tracepoint(name)
            assert was
            assert now
            assert (now.params, now.returns) == (was.params, was.returns)

    def test_every_kept_symbol_has_the_same_address(self, live: BtfKernel, recorded: BtfKernel):
        for name in recorded.btf.all_of(Kind.FUNC):
            assert recorded.symbol(name) == live.symbol(name)

    def test_every_kept_option_has_the_same_value(self, live: BtfKernel, recorded: BtfKernel):
        for option in ("CONFIG_BPF", "CONFIG_FPROBE", "CONFIG_NET", "CONFIG_KPROBES"):
            assert recorded.config(option) == live.config(option)

    def test_the_lists_agree(self, live: BtfKernel, recorded: BtfKernel):
        assert recorded.release == live.release
        assert recorded.modules == live.modules
        for was, now in ((live.events, recorded.events), (live.functions, recorded.functions)):
            assert (was is None) == (now is None)
            assert (now or frozenset()) <= (was or frozenset())

    def test_recording_twice_gives_the_same_bytes(self, recording: Path, tmp_path: Path):
        record(LiveSource(), tmp_path)
        for path in recording.iterdir():
            assert (tmp_path / path.name).read_bytes() == path.read_bytes()

    def test_the_script_records_a_kernel_from_files(self, tmp_path: Path):
        config = tmp_path / "config"
        config.write_text("CONFIG_BPF=y\n")
        vmlinux, out = "/sys/kernel/btf/vmlinux", tmp_path / "out"
        command = [_SCRIPT, out, "--vmlinux", vmlinux, "--release", "9.9", "--config", config]
        subprocess.run([sys.executable, *command], check=True, capture_output=True)  # type: ignore[list-item]
        kernel = RecordedKernel(out)
        assert (kernel.release, kernel.config("CONFIG_BPF")) == ("9.9", "y")
        assert kernel.tracepoint("kfree_skb") is not None
        assert kernel.symbol("tcp_v4_rcv") is None

    def test_the_script_says_what_it_lacks(self, tmp_path: Path):
        command = [sys.executable, _SCRIPT, tmp_path / "out", "--vmlinux", "x"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # type: ignore[arg-type]
        assert (done.returncode, done.stderr) == (2, "record_kernel: --vmlinux needs --release\n")


class TestTrimming:
    TYPES = (
        BtfType(1, Kind.INT, "int", size=4, signed=True),
        BtfType(2, Kind.STRUCT, "far", size=4, members=(BtfMember("x", 1, 0, 0),)),
        BtfType(3, Kind.PTR, ref=2),
        BtfType(4, Kind.STRUCT, "near", size=4, members=(BtfMember("y", 1, 0, 3),)),
        BtfType(5, Kind.ARRAY, ref=4, index=1, length=2),
        BtfType(6, Kind.CONST, ref=5),
        BtfType(7, Kind.STRUCT, "", size=8, members=(BtfMember("z", 3, 0, 0),)),
        BtfType(8, Kind.PTR, ref=7),
        BtfType(9, Kind.STRUCT, "unrelated", size=0),
        BtfType(
            10,
            Kind.STRUCT,
            "root",
            size=24,
            members=(BtfMember("p", 3, 0, 0), BtfMember("a", 6, 64, 0), BtfMember("q", 8, 128, 0)),
        ),
        BtfType(11, Kind.ARRAY, ref=2, index=1, length=4),
        BtfType(12, Kind.PTR, ref=11),
        BtfType(13, Kind.FUNC_PROTO, params=(("pointer", 12),)),
        BtfType(14, Kind.FUNC, "takes", ref=13),
    )

    def cut(self, *type_ids: int) -> Btf:
        trim = Trim(Btf.from_bytes(encode(self.TYPES)))
        for type_id in type_ids:
            trim.keep(type_id)
        return Btf.from_bytes(trim.encode())

    def test_what_is_held_by_value_is_whole(self):
        near = self.cut(10).find("near", Kind.STRUCT)
        assert near is not None
        assert near.members[0].bit_size == 3

    def test_what_is_behind_a_pointer_is_declared_only(self):
        btf = self.cut(10)
        assert btf.find("far", Kind.STRUCT) is None
        assert btf.find("far", Kind.FWD) is not None

    def test_what_has_no_name_is_whole_even_behind_a_pointer(self):
        btf = self.cut(10)
        root = btf.find("root", Kind.STRUCT)
        assert root is not None
        nameless = btf.resolve(btf.resolve(root.members[2].type_id).ref)
        assert [member.name for member in nameless.members] == ["z"]

    def test_what_nothing_needs_is_gone(self):
        assert self.cut(10).find("unrelated", Kind.STRUCT, Kind.FWD) is None

    def test_what_is_asked_for_later_is_whole_after_all(self):
        assert self.cut(10, 2).find("far", Kind.STRUCT) is not None

    def test_an_array_behind_a_pointer_does_not_make_its_elements_whole(self):
        assert self.cut(14).find("far", Kind.STRUCT) is None

    def test_text_of_types_stays_the_same(self):
        btf = self.cut(14)
        takes = btf.find("takes", Kind.FUNC)
        assert takes is not None
        assert c_type(btf, btf.type(takes.ref).params[0][1]) == "struct far (*)[4]"

    def test_nothing_can_be_kept_after_encoding(self):
        trim = Trim(Btf.from_bytes(encode(self.TYPES)))
        trim.keep(10)
        trim.encode()
        with pytest.raises(RuntimeError, match="encoded"):
            trim.keep(9)


class TestDamage:
    @pytest.fixture
    def copy(self, tmp_path: Path) -> Path:
        return Path(shutil.copytree(_KERNELS / "6.1", tmp_path / "kernel"))

    def test_a_directory_that_is_no_recording_says_so(self, tmp_path: Path):
        with pytest.raises(MachineError, match=r"not a recorded kernel: cannot read meta\.json"):
            RecordedKernel(tmp_path)

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"release": "x"}', "\0"])
    def test_damaged_metadata_say_so(self, copy: Path, text: str):
        (copy / "meta.json").write_text(text)
        with pytest.raises(MachineError, match=r"meta\.json is damaged"):
            RecordedKernel(copy)

    def test_another_format_says_which(self, copy: Path):
        (copy / "meta.json").write_text('{"release": "x", "format": 99}')
        with pytest.raises(MachineError, match="its format is 99, we read 1"):
            RecordedKernel(copy)

    @pytest.mark.parametrize("name", ["vmlinux.btf.xz", "kallsyms.xz", "modules.xz"])
    @pytest.mark.parametrize("harm", ["missing", "cut", "garbage"])
    def test_a_damaged_file_is_named(self, copy: Path, name: str, harm: str):
        path = copy / name
        if harm == "missing":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:-20] if harm == "cut" else b"garbage")
        kernel = RecordedKernel(copy)
        with pytest.raises(MachineError, match=name) as caught:
            _ = kernel.tracepoint("kfree_skb"), kernel.symbol("kfree"), kernel.modules
        assert str(copy) in str(caught.value)

    def test_a_blob_that_is_no_type_information_is_named(self, copy: Path):
        kallsyms = (copy / "kallsyms.xz").read_bytes()
        (copy / "vmlinux.btf.xz").write_bytes(kallsyms)
        with pytest.raises(MachineError, match=r"vmlinux\.btf\.xz"):
            RecordedKernel(copy).tracepoint("kfree_skb")

    def test_a_kernel_whose_configuration_is_none_is_not_recorded(self, tmp_path: Path):
        (tmp_path / "config").write_text("rubbish")
        (tmp_path / "vmlinux").write_bytes(encode([BtfType(1, Kind.FWD, "sk_buff")]))
        config = tmp_path / "config"
        source = FileSource(tmp_path / "vmlinux", release="1", config=config)
        with pytest.raises(MachineError, match="config is not a kernel configuration"):
            record(source, tmp_path / "out")

    def test_a_file_that_cannot_be_read_for_recording_is_named(self, tmp_path: Path):
        source = FileSource(tmp_path / "x", release="1", config=tmp_path / "none")
        with pytest.raises(UsageError, match=r"cannot read .*none"):
            source.config()
        with pytest.raises(MachineError, match="cannot read BTF"):
            source.vmlinux()


@pytest.mark.parametrize("name", recorded_names())
def test_recordings_are_small(name: str):
    assert sum(path.stat().st_size for path in (_KERNELS / name).iterdir()) < 80_000
