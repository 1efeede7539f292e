"""Programs of the distribution that the lab runs."""

from __future__ import annotations

import os
import shutil
import subprocess

from lab.errors import UnavailableError

PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "gcc": "gcc libc6-dev",
    "depmod": "kmod",
    "zstd": "zstd",
    "dpkg-deb": "dpkg",
    "apt-get": "apt",
    "mmdebstrap": "mmdebstrap",
    "unshare": "util-linux",
    "ip": "iproute2",
    "ping": "iputils-ping",
    "nft": "nftables",
    "conntrack": "conntrack",
    "socat": "socat",
    "ethtool": "ethtool",
    "make": "make",
    "tar": "tar",
    "xz": "xz-utils",
    "readelf": "binutils",
    "dtrace": "systemtap-sdt-dev",  # for its header, sys/sdt.h
}
"""Each program, with the packages of Debian that bring it."""

_ADMINISTRATORS = os.pathsep.join(("/usr/local/sbin", "/usr/sbin", "/sbin"))


def find(program: str) -> str:
    """Where a program is, also in the folders of administrators.

    Raises:
        UnavailableError: it is nowhere.
    """
    path = shutil.which(program) or shutil.which(program, path=_ADMINISTRATORS)
    if path is None:
        raise UnavailableError(f"{program} is not installed; {_advice([program])}")
    return path


def need(*programs: str) -> None:
    """Be sure that they are installed.

    Raises:
        UnavailableError: some are not; the message names all of them.
    """
    if absent := missing(*programs):
        verb = "is" if len(absent) == 1 else "are"
        raise UnavailableError(f"{', '.join(absent)} {verb} not installed; {_advice(absent)}")


def missing(*programs: str) -> list[str]:
    """Which of them are not installed; of all that the lab runs if none is named."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), _ADMINISTRATORS))
    return [program for program in programs or PACKAGES if shutil.which(program, path=path) is None]


def install() -> list[str]:
    """Install what is missing.

    Returns:
        The packages installed.

    Raises:
        UnavailableError: we are not root, this is not Debian, or apt failed.
    """
    absent = missing()
    if not absent:
        return []
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        need(*absent)
    packages = [package for program in absent for package in PACKAGES[program].split()]
    common = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]
    for command in ([*common, "update"], [*common, "install", "-y", "--no-install-recommends", *packages]):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        result = subprocess.run(
            command, check=False, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL
        )
        if result.returncode:
            reason = (result.stderr.strip().splitlines() or ["it does not say why"])[-1]
            raise UnavailableError(f"{' '.join(command[:1] + command[4:])} failed: {reason}")
    return packages


def _advice(programs: list[str]) -> str:
    return f"on Debian, as root: apt-get install {' '.join(PACKAGES.get(program, program) for program in programs)}"
