"""What the collector has to know of a kernel: whether it tracks connections, and what its entries look like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.api import Unavailable

if TYPE_CHECKING:
    from tracer_core.api import Kernel

_MODULE = "nf_conntrack"
_NEEDED = ("tuplehash", "status", "master", "proto.tcp.state")
_OPTIONAL = ("zone", "mark", "ext", "proto.sctp.state", "proto.sctp.vtag")
_MOST = 256  # bytes that are read at once: a program's stack has 512


def unavailable(kernel: Kernel) -> Unavailable | None:
    """Why connections cannot be reported, if so."""
    option = kernel.config("CONFIG_NF_CONNTRACK")
    if option not in ("y", "m", None):
        return Unavailable("this kernel does not support connection tracking", "it needs CONFIG_NF_CONNTRACK")
    if option == "m" and _MODULE not in kernel.modules:
        return Unavailable(f"{_MODULE} is not loaded, so no connection is tracked", f"modprobe {_MODULE}")
    missing = [f"nf_conn.{path}" for path in _NEEDED if kernel.member("nf_conn", path) is None]
    if kernel.member("sk_buff", "_nfct") is None:
        missing.append("sk_buff._nfct")
    if missing:
        return Unavailable(f"this kernel's types do not have {', '.join(missing)}", "leave ct out of -c")
    if _span(kernel)[1] > _MOST:
        return Unavailable("what is reported of connections lies too far apart", "leave ct out of -c")
    return None


def defines(kernel: Kernel) -> dict[str, int]:
    """What the C is told of it: see ``ct.bpf.c``."""
    first, size = _span(kernel)
    return {
        "CT_FIRST": first,
        "CT_SIZE": size,
        "CT_ZONE": int(kernel.member("nf_conn", "zone") is not None),
        "CT_MARK": int(has_mark(kernel)),
        "CT_SCTP": int(kernel.member("nf_conn", "proto.sctp.vtag") is not None),
        "CT_LABELS": _labels(kernel),
    }


def has_mark(kernel: Kernel) -> bool:
    """Whether connections have a mark (``CONFIG_NF_CONNTRACK_MARK``)."""
    return kernel.member("nf_conn", "mark") is not None


def names(kernel: Kernel, enum: str) -> dict[int, str]:
    """Names of the enumerators of ``enum tcp_conntrack`` and the like, without what they have in common."""
    found: dict[int, str] = {}
    for name, value in (kernel.enum(enum) or {}).items():
        found.setdefault(value, name.removeprefix(f"{enum.upper()}_"))
    return found


def _span(kernel: Kernel) -> tuple[int, int]:
    """Where in ``struct nf_conn`` all that is reported lies: offset and length in bytes, whole words."""
    found = [place for path in (*_NEEDED, *_OPTIONAL) if (place := kernel.member("nf_conn", path)) is not None]
    first = min(place.bit_offset for place in found) // 64 * 8
    end = max(place.bit_offset // 8 + place.size for place in found)
    return first, -(-(end - first) // 8) * 8


def _labels(kernel: Kernel) -> int:
    """One more than the number of the extension with labels, 0 if the kernel has none or does not tell."""
    extension = (kernel.enum("nf_ct_ext_id") or {}).get("NF_CT_EXT_LABELS")
    known = kernel.member("nf_ct_ext", "offset") is not None and kernel.member("nf_conn", "ext") is not None
    return extension + 1 if extension is not None and known else 0
