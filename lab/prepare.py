"""From a short name to a kernel that can be booted."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lab import bzimage, cache, cpio, modules, tools
from lab.apt import Suite
from lab.errors import LabError, UnavailableError
from lab.kernels import newest, series

if TYPE_CHECKING:
    from lab.cache import Kernel
    from lab.kernels import Series

# Newer packages are in parts; linux-base is another package's name, too
_PARTS = ("linux-image-{}", "linux-binary-{}", "linux-modules-{}", "linux-base-{}")


def fetch(name: str, *, again: bool = False) -> Kernel:
    """The kernel of that short name: from the cache, or fetched and prepared.

    Args:
        name: As in ``6.1``.
        again: Fetch it even if it is there, for a newer package.

    Raises:
        UnavailableError: it cannot be had here; the message says why.
        LabError: there is no such kernel, or its package is not what we expect.
    """
    wanted = series(name)
    if not again and (kernel := cache.find(name)):
        return kernel
    tools.need("apt-get", "dpkg-deb", "depmod", "zstd")
    with cache.locked(wanted.suite):
        if not again and (kernel := cache.find(name)):
            return kernel  # somebody else fetched it meanwhile
        return _fetch(wanted)


def _fetch(wanted: Series) -> Kernel:
    name = wanted.name
    suite = Suite(wanted.suite)
    release = newest(wanted, suite.packages("linux-image-"))
    if release is None:
        raise UnavailableError(f"suite {suite.name} has no kernel {name}")
    available = set(suite.packages("linux-"))
    packages = [package for part in _PARTS if (package := part.format(release)) in available]
    version = suite.version(packages[0])
    with cache.replacing(name) as folder, tempfile.TemporaryDirectory(prefix=".unpacked-", dir=folder) as scratch:
        for file in suite.download(packages, Path(scratch)):
            subprocess.run(["dpkg-deb", "--extract", file, scratch], check=True, stdin=subprocess.DEVNULL)
        kernel = cache.Kernel(name, release, f"{packages[0]} {version}", folder)
        prepare(Path(scratch), kernel)
    found = cache.find(name)
    if found is None:
        raise LabError(f"kernel {name} vanished from {cache.root()}")
    return found


def prepare(unpacked: Path, kernel: Kernel) -> None:
    """Make what is booted from what the packages hold."""
    source = _one(unpacked, f"lib/modules/{kernel.release}", f"usr/lib/modules/{kernel.release}")
    image = _one(unpacked, f"boot/vmlinuz-{kernel.release}", f"{source.relative_to(unpacked)}/vmlinuz")
    kernel.vmlinux.write_bytes(bzimage.vmlinux(image.read_bytes()))
    shutil.copy(
        _one(unpacked, f"boot/config-{kernel.release}", f"{source.relative_to(unpacked)}/config"), kernel.config
    )
    _depmod(source, kernel.release)
    needs = modules.dependencies((source / "modules.dep").read_text())
    builtin = modules.builtin((source / "modules.builtin").read_text())
    try:
        boot = modules.to_boot(needs, builtin)
    except KeyError as error:
        raise LabError(f"kernel {kernel.name} has no module {error}: it cannot be booted here") from None
    kernel.boot_modules.write_bytes(_boot_archive(source, boot))
    for path in modules.kept(needs):
        target = kernel.modules / path
        target = target.with_name(target.name.partition(".ko")[0] + ".ko")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(bzimage.module((source / path).read_bytes(), path))
    for index in source.glob("modules.[bo]*"):  # builtin, builtin.modinfo, order
        if not index.name.endswith(".bin"):
            shutil.copy(index, kernel.modules)
    _depmod(kernel.modules, kernel.release)
    kernel.save()


def _boot_archive(source: Path, paths: list[str]) -> bytes:
    entries = [cpio.folder("mods")]
    for path in paths:
        data = bzimage.module((source / path).read_bytes(), path)
        entries.append(cpio.Entry(f"mods/{modules.name(path)}.ko", data))
    listing = "".join(f"{modules.name(path)}.ko\n" for path in paths)
    return cpio.archive([*entries, cpio.Entry("mods/list", listing.encode())])


def _depmod(tree: Path, release: str) -> None:
    base = tree.parents[2]
    subprocess.run([tools.find("depmod"), "--basedir", base, release], check=True, stdin=subprocess.DEVNULL)


def _one(folder: Path, *names: str) -> Path:
    found = next((path for name in names if (path := folder / name).exists()), None)
    if found is None:
        raise LabError(f"the packages have neither of {', '.join(names)}")
    return found
