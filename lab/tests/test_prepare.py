"""From what packages hold to what is booted."""

from __future__ import annotations

import gzip
import lzma
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import bzimage, cache, cpio, modules, prepare, tools
from lab.errors import LabError, UnavailableError

ELF = b"\x7fELF" + bytes(range(256)) * 8


def bzimage_of(payload: bytes) -> bytes:
    sectors, offset = 2, 64
    start = (sectors + 1) * 512
    image = bytearray(start + offset) + payload + b"what follows"
    image[0x1F1] = sectors
    image[0x202:0x206] = b"HdrS"
    struct.pack_into("<II", image, 0x248, offset, len(payload))
    return bytes(image)


@pytest.mark.parametrize("compress", [lzma.compress, gzip.compress], ids=["xz", "gzip"])
def test_the_kernel_is_taken_out_of_its_image(compress: Callable[[bytes], bytes]) -> None:
    assert bzimage.vmlinux(bzimage_of(compress(ELF) + struct.pack("<I", len(ELF)))) == ELF


@pytest.mark.skipif(shutil.which("zstd") is None, reason="needs zstd")
def test_the_kernel_is_taken_out_of_an_image_packed_with_zstd() -> None:
    packed = subprocess.run(["zstd", "-c"], input=ELF, check=True, capture_output=True).stdout
    assert bzimage.vmlinux(bzimage_of(packed + struct.pack("<I", len(ELF)))) == ELF
    assert bzimage.module(packed, "x.ko.zst") == ELF


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (bytes(4096), "no bzImage"),
        (bzimage_of(b"\x01\x02\x03\x04" * 9), "unknown way: it begins with 01020304"),
        (bzimage_of(gzip.compress(b"no kernel") + bytes(4)), "no ELF file"),
    ],
)
def test_what_is_no_kernel_is_refused(image: bytes, reason: str) -> None:
    with pytest.raises(LabError, match=reason):
        bzimage.vmlinux(image)


def test_modules_are_unpacked_as_their_names_say() -> None:
    assert bzimage.module(lzma.compress(ELF), "x.ko.xz") == ELF
    assert bzimage.module(gzip.compress(ELF), "x.ko.gz") == ELF
    assert bzimage.module(ELF, "x.ko") == ELF


DEP = """\
kernel/fs/9p/9p.ko.xz: kernel/net/9p/9pnet.ko.xz kernel/fs/netfs/netfs.ko.xz
kernel/net/9p/9pnet.ko.xz:
kernel/net/9p/9pnet_virtio.ko.xz: kernel/net/9p/9pnet.ko.xz kernel/drivers/virtio/virtio.ko.xz
kernel/drivers/virtio/virtio_pci.ko.xz: kernel/drivers/virtio/virtio.ko.xz
kernel/drivers/virtio/virtio.ko.xz:
kernel/drivers/char/virtio_console.ko.xz: kernel/drivers/virtio/virtio.ko.xz
kernel/fs/netfs/netfs.ko.xz:
kernel/fs/overlayfs/overlay.ko.xz:
kernel/drivers/net/veth.ko.xz:
kernel/drivers/net/ethernet/huge.ko.xz:
kernel/net/bluetooth/bluetooth.ko.xz:
kernel/net/openvswitch/openvswitch.ko.xz: kernel/lib/libcrc32c.ko.xz
kernel/lib/libcrc32c.ko.xz:
"""


def test_modules_for_packets_are_kept_with_what_they_need() -> None:
    kept = {modules.name(path) for path in modules.kept(modules.dependencies(DEP))}
    assert kept >= {"veth", "openvswitch", "libcrc32c", "9p", "netfs", "virtio"}
    assert not kept & {"huge", "bluetooth"}


def test_modules_to_boot_come_after_what_they_need() -> None:
    order = [modules.name(path) for path in modules.to_boot(modules.dependencies(DEP), {"virtio_console"})]
    assert order == ["virtio", "virtio_pci", "9pnet", "9pnet_virtio", "netfs", "9p", "overlay"]


def test_a_kernel_without_what_it_takes_to_boot_is_named() -> None:
    with pytest.raises(KeyError, match="virtio_pci"):
        modules.to_boot({}, set())


def test_builtin_modules_are_known_by_name() -> None:
    assert modules.builtin("kernel/fs/ext4/ext4.ko\nkernel/drivers/block/virtio-blk.ko\n") == {"ext4", "virtio_blk"}


def test_archives_begin_each_file_where_four_divides() -> None:
    data = cpio.archive([cpio.Entry("name", b"12345"), cpio.Entry("n", b"")])
    assert len(data) % 4 == 0
    assert [at % 4 for at in range(len(data)) if data.startswith(b"070701", at)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"TRACER_LAB_CACHE": "/c", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/c"),
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/tracer-lab"),
        ({"HOME": "/h"}, "/h/.cache/tracer-lab"),
    ],
)
def test_the_cache_is_where_the_environment_says(environment: dict[str, str], folder: str) -> None:
    assert cache.root(environment) == Path(folder)


def _keep(name: str, release: str) -> None:
    with cache.replacing(name) as folder:
        cache.Kernel(name, release, "package", folder).save()


def test_a_kernel_is_there_when_it_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))

    def fail() -> None:
        with cache.replacing("6.1"):
            assert cache.find("6.1") is None
            raise LabError("half way")

    with pytest.raises(LabError):
        fail()
    assert cache.find("6.1") is None
    _keep("6.1", "6.1.0-1-amd64")
    _keep("6.1", "6.1.0-2-amd64")
    kernel = cache.find("6.1")
    assert kernel is not None
    assert kernel.release == "6.1.0-2-amd64"
    assert [path.name for path in kernel.folder.parent.iterdir()] == ["6.1"]


def test_a_kernel_in_the_cache_is_taken_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    monkeypatch.setenv("PATH", "")  # nothing is run
    _keep("6.12", "6.12.1-amd64")
    assert prepare.fetch("6.12").release == "6.12.1-amd64"


def test_a_mirror_without_the_series_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Empty:
        name = "bullseye"

        def __init__(self, name: str) -> None:
            assert name == self.name

        def packages(self, _: str) -> list[str]:
            return ["linux-image-amd64"]

    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    monkeypatch.setattr(prepare, "Suite", Empty)
    monkeypatch.setattr(tools, "need", lambda *_: None)
    with pytest.raises(UnavailableError, match=r"suite bullseye has no kernel 5\.10"):
        prepare.fetch("5.10")
