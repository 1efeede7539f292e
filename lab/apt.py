"""Packages of any suite of the distribution, through apt, with a state of our own.

The machine's own configuration says which mirror, proxy and credentials to use; its lists of packages stay as they are,
and nobody needs to be root.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from lab import cache
from lab.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_PATIENCE = 600  # seconds, for any one command
_TARGETS = "$(CREATED_BY) $(ORIGIN) $(RELEASE) $(CODENAME) $(COMPONENT) $(REPO_URI)"


def main_archive(targets: str) -> str | None:
    """Where the machine gets the distribution from.

    Args:
        targets: What ``apt-get indextargets`` prints for our format.

    Returns:
        The address of the archive with the suites themselves, not of the one with security updates; nothing if there is
        none.
    """
    for line in targets.splitlines():
        created_by, origin, release, codename, component, address = line.split(" ", 5)
        plain = re.fullmatch("[a-z]+", release) and release == codename
        if (created_by, origin, component) == ("Packages", "Debian", "main") and plain:
            return address.strip()
    return None


def mirror() -> str:
    """The address of the archive that this machine is set up with.

    Raises:
        UnavailableError: there is no apt, or it does not know the distribution.
    """
    address = main_archive(_run(["apt-get", "indextargets", "--format", _TARGETS], "apt-get"))
    if address is None:
        raise UnavailableError(
            "the package sources of this machine name no mirror of Debian; see: apt-get indextargets"
        )
    return address


def transport() -> str:
    """How this machine's apt fetches, proxies included, as lines for another apt's configuration.

    Raises:
        UnavailableError: there is no apt.
    """
    return _run(["apt-config", "dump", "Acquire"], "apt-config")


def names(text: str) -> list[str]:
    """Names of packages from what ``apt-cache pkgnames`` prints."""
    return text.split()


def version(text: str) -> str:
    """The first version in what ``apt-cache show`` prints."""
    found = re.search(r"^Version: (\S+)$", text, re.MULTILINE)
    return found[1] if found else ""


class Suite:
    """One suite of the distribution.

    Args:
        name: As in ``bookworm`` or ``trixie-backports``.
        sources: Whether sources are wanted instead of packages.

    Raises:
        UnavailableError: there is no apt, or it does not know the distribution, or the mirror has no such suite.
    """

    def __init__(self, name: str, *, sources: bool = False) -> None:
        self.name = name
        self._state = cache.root() / "apt" / (f"{name}-sources" if sources else name)
        for folder in ("lists/partial", "cache/archives/partial", "parts"):
            (self._state / folder).mkdir(parents=True, exist_ok=True)
        address = mirror()
        kind = "deb-src" if sources else "deb"
        (self._state / "sources.list").write_text(f"{kind} [signed-by={KEYRING}] {address} {name} main\n")
        self._apt("apt-get", "update", "-q", "--error-on=any")

    def packages(self, prefix: str) -> list[str]:
        """Names of packages that begin with *prefix*."""
        return names(self._apt("apt-cache", "pkgnames", prefix))

    def version(self, package: str) -> str:
        """The version of a package; empty if there is no such package."""
        return version(self._apt("apt-cache", "show", "--no-all-versions", package))

    def download(self, packages: Sequence[str], folder: Path) -> list[Path]:
        """Fetch packages, checked against the signed lists.

        Returns:
            The files.
        """
        self._apt("apt-get", "download", "-q", *packages, cwd=folder)
        return sorted(folder.glob("*.deb"))

    def source(self, package: str, folder: Path) -> list[Path]:
        """Fetch the source of a package, checked against the signed lists, and do not unpack it.

        Returns:
            The files.
        """
        self._apt("apt-get", "source", "-q", "--download-only", "--only-source", package, cwd=folder)
        return sorted(folder.glob(f"{package}_*"))

    def _apt(self, program: str, *arguments: str, cwd: Path | None = None) -> str:
        return _run([program, *options(self._state), *arguments], f"suite {self.name}", cwd)


def options(state: Path) -> list[str]:
    """What makes apt use the lists in *state* and leave the machine's alone."""
    settings = {
        "Dir::Etc::sourcelist": state / "sources.list",
        "Dir::Etc::sourceparts": state / "parts",
        "Dir::State::lists": state / "lists",
        "Dir::Cache": state / "cache",
        "APT::Architecture": "amd64",
        "APT::Sandbox::User": "",  # the folder is ours, and nobody else's
        "Acquire::Languages": "none",
    }
    return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]


def _run(argv: list[str], what: str, cwd: Path | None = None) -> str:
    try:
        result = subprocess.run(
            argv, check=False, capture_output=True, text=True, timeout=_PATIENCE, cwd=cwd, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise UnavailableError(f"{argv[0]} is not installed: kernels come from Debian's packages") from None
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"{what}: apt took longer than {_PATIENCE} s") from None
    if result.returncode and not (argv[0] == "apt-cache" and "No packages found" in result.stderr):
        lines = [line for line in result.stderr.splitlines() if line.startswith("E:")] or result.stderr.splitlines()
        raise UnavailableError(f"{what}: {'; '.join(lines[:2]) or f'{argv[0]} failed'}")
    return result.stdout
