"""bpftrace of Debian 13 in a folder, whatever this machine is: older ones ask for rights that they need not.

The folder is made by ``debootstrap``, once, in the cache of the lab, from the mirror that this machine is set up with.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from lab import cache
from lab.apt import KEYRING, mirror
from lab.errors import UnavailableError
from lab.tools import find

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracer_core.testing.namespace import Namespace

SUITE = "trixie"
_KIND = "bpftrace"
_PATIENCE = 900  # seconds
RING_PAGES = 4096  # of 4 KiB, for each of two processors: as much as the ring of tracer

# One block per tracepoint, with its name in the text: several in one block, or the builtin "probe", crash 0.23 where
# tracefs cannot be read. Addresses of the fields are the same at both: the network header is where skb says.
_BLOCK = """rawtracepoint:{event} {{
  $skb = (struct sk_buff *)arg0;
  $ns = $skb->dev->nd_net.net->ns.inum;
  if ({wanted}) {{
    $ip = (struct iphdr *)($skb->head + $skb->network_header);
    $udp = (struct udphdr *)($skb->head + $skb->network_header + 20);
    printf("%llu (%d) [%s] %d [tp] net:{event}\\n  %s.%d > %s.%d tos 0x%x ttl %d id %d len %d proto %d\\n\\n",
      nsecs, cpu, comm, tid, ntop($ip->saddr), bswap($udp->source), ntop($ip->daddr), bswap($udp->dest),
      $ip->tos, $ip->ttl, bswap($ip->id), bswap($ip->tot_len), $ip->protocol);
  }}
}}
"""


def command() -> list[str]:
    """How to start it, without changing the root folder.

    Raises:
        UnavailableError: it cannot be had here; the message says why.
    """
    with cache.locked(_KIND):
        root = cache.shelf(_KIND) / SUITE
        if not root.exists():
            _bootstrap()
    libraries = root / "usr/lib/x86_64-linux-gnu"
    return [f"{root}/lib64/ld-linux-x86-64.so.2", "--library-path", f"{libraries}", f"{root}/usr/bin/bpftrace"]


def version(start: Sequence[str]) -> str:
    """What it calls itself.

    Raises:
        UnavailableError: it does not start.
    """
    result = subprocess.run([*start, "--version"], check=False, capture_output=True, text=True, timeout=60)
    if result.returncode:
        raise UnavailableError(f"bpftrace does not start: {result.stderr.strip()}")
    return result.stdout.strip()


def program(tracepoints: Sequence[str], namespaces: Sequence[Namespace]) -> str:
    """What prints of a packet what tracer does, in the same words."""
    wanted = " || ".join(f"$ns == {namespace.inode}" for namespace in namespaces)
    return "".join(_BLOCK.format(event=name.partition(":")[2], wanted=wanted) for name in tracepoints)


def _bootstrap() -> None:
    address, tool = mirror(), find("debootstrap")
    with cache.replacing(SUITE, _KIND) as root:
        # in mount namespaces of its own: whatever it mounts below the folder is gone when it ends, however it ends
        argv = [find("unshare"), "--mount", tool, "--variant=minbase", "--include=bpftrace", f"--keyring={KEYRING}"]
        try:
            result = subprocess.run(
                [*argv, SUITE, str(root), address],
                check=False,
                capture_output=True,
                text=True,
                timeout=_PATIENCE,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            raise UnavailableError(f"debootstrap took longer than {_PATIENCE} s") from None
        if result.returncode:
            reason = (result.stdout + result.stderr).strip().splitlines() or ["it does not say why"]
            raise UnavailableError(f"debootstrap failed: {reason[-1]}")
        shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)
