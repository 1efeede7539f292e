"""The ELF kernel inside a bzImage, so that QEMU can start it by PVH with nothing to decompress in the guest."""

from __future__ import annotations

import gzip
import lzma
import struct
import subprocess

from lab.errors import LabError, UnavailableError

# Documentation/arch/x86/boot.rst
_SETUP_SECTS = 0x1F1
_MAGIC = 0x202
_PAYLOAD = 0x248
_SECTOR = 512


def vmlinux(image: bytes) -> bytes:
    """What the bzImage would unpack.

    Raises:
        LabError: it is no bzImage, or one compressed in a way that we do not know.
    """
    if image[_MAGIC : _MAGIC + 4] != b"HdrS":
        raise LabError("this is no bzImage: its header does not say HdrS")
    start = ((image[_SETUP_SECTS] or 4) + 1) * _SECTOR
    offset, length = struct.unpack_from("<II", image, _PAYLOAD)
    kernel = _unpacked(image[start + offset :][:length])
    if not kernel.startswith(b"\x7fELF"):
        raise LabError("the payload of the bzImage is no ELF file")
    return kernel


def module(data: bytes, name: str) -> bytes:
    """A kernel module as the kernel loads it.

    Args:
        data: The file.
        name: Its name, which says how it is compressed.
    """
    if name.endswith(".xz"):
        return lzma.decompress(data)
    if name.endswith(".zst"):
        return _zstd(data)
    return gzip.decompress(data) if name.endswith(".gz") else data


def _unpacked(payload: bytes) -> bytes:
    # the kernel's build appends the size to what the compressors wrote: four bytes that are not theirs
    if payload.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMADecompressor().decompress(payload)
    if payload.startswith(b"\x28\xb5\x2f\xfd"):
        return _zstd(payload[:-4])
    if payload.startswith(b"\x1f\x8b"):
        return gzip.decompress(payload[:-4])
    raise LabError(f"the kernel is compressed in an unknown way: it begins with {payload[:4].hex()}")


def _zstd(data: bytes) -> bytes:
    try:
        command = ["zstd", "--decompress", "--stdout", "--quiet"]
        return subprocess.run(command, input=data, check=True, capture_output=True).stdout
    except FileNotFoundError:
        raise UnavailableError("zstd is not installed: the kernel is compressed with it") from None
    except subprocess.CalledProcessError as error:
        raise LabError(f"zstd: {error.stderr.decode(errors='replace').strip()}") from None
