"""Events as their JSON, all sections and shapes that files may have, for tests of what becomes of them."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

STARTUP: dict[str, Any] = {
    "common": {"timestamp": 1},
    "startup": {
        "retis_version": "v1.7.0",
        "cmdline": "retis collect -o",
        "clock_monotonic_offset": {"sec": 1_700_000_000, "nsec": 5_000},
        "machine": {"kernel_release": "6.12", "kernel_version": "#1", "hardware_name": "x86_64"},
    },
}
PING = bytes.fromhex(
    "0242c0000202 0242c0000201 0800"  # Ethernet
    "4500001c0001 4000 4001 f6df c0000201 c0000202"  # IPv4, DF
    "0800f7ff00000000"  # ICMP
)
EVENT: dict[str, Any] = {
    "common": {"timestamp": 2048, "smp_id": 1, "task": {"pid": 10, "tgid": 11, "comm": "ping"}},
    "kernel": {"symbol": "ip_rcv", "probe_type": "kprobe"},
    "skb-tracking": {"orig_head": 18446619372617628672, "timestamp": 30419169061793, "skb": 18446619372874141952},
    "packet": {"len": len(PING), "capture_len": len(PING), "data": base64.b64encode(PING).decode()},
    "skb": {
        "vlan_accel": {"proto": 0x8100, "vid": 10, "pcp": 3, "dei": True},
        "meta": {
            "len": 100,
            "data_len": 3,
            "hash": 2748,
            "csum": 0x100022,
            "priority": 0,
            "ip_summed": 3,
            "csum_level": 0,
        },
        "data_ref": {"nohdr": True, "cloned": True, "fclone": 2, "users": 1, "dataref": 3},
        "gso": {"size": 1448, "segs": 3, "type": 17, "flags": 1, "frags": 2},
    },
}
USER_EVENT: dict[str, Any] = {
    "common": {"timestamp": 2054, "smp_id": 1, "task": {"pid": 10, "tgid": 10, "comm": "ovs"}},
    "userspace": {
        "probe_type": "usdt",
        "symbol": "dpif_recv:recv_upcall",
        "ip": 94_000_000_000_000,
        "path": "/usr/sbin/ovs-vswitchd",
        "pid": 10,
        "tid": 10,
    },
}

u8, u16, u32, u64 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64))
i31, s64 = st.integers(0, 2**31 - 1), st.integers(-(2**63), 2**63 - 1)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | s64 | u64 | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)
unknown_names = words.map(lambda word: f"x-{word}")
unknown = st.dictionaries(unknown_names, values, max_size=2)
packets = st.integers(0, len(PING)).map(
    lambda size: {"len": len(PING), "capture_len": size, "data": base64.b64encode(PING[:size]).decode()}
)


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional or {})


skbs = _object(
    {},
    {
        "vlan_accel": _object(
            {"proto": u16, "vid": st.integers(0, 4095), "pcp": st.integers(0, 7), "dei": st.booleans()}
        ),
        "meta": _object(
            dict.fromkeys(("len", "data_len", "hash", "csum", "priority"), u32) | {"ip_summed": u8, "csum_level": u8}
        ),
        "data_ref": _object(
            {"nohdr": st.booleans(), "cloned": st.booleans(), "fclone": u8, "users": u8, "dataref": u8}
        ),
        "gso": _object({"size": u32, "segs": u32, "type": u32, "flags": u8, "frags": u8}),
    },
)
# what text shows as it is: other blanks than this one are escaped
visible = st.characters(exclude_categories=["C", "Z"]) | st.just(" ")
trackings = _object({"orig_head": u64, "timestamp": u64, "skb": u64})
series_places = _object({"idx": u32, "skb": trackings})
commons = _object(
    {"timestamp": st.integers(0, 2**63)},
    {
        "smp_id": u32,
        "task": _object({"pid": i31, "tgid": i31, "comm": st.text(visible)}),
    },
)
frames = st.lists(st.sampled_from(["a+0x1", "b.isra.0+0xff [m]", "0xffffffff81000000"]), max_size=3)
kernels = _object(
    {
        "symbol": st.sampled_from(["net:netif_rx", "skb:kfree_skb", "ip_rcv"]),
        "probe_type": st.sampled_from(["raw_tracepoint", "kprobe", "kretprobe"]),
    },
    {"stack_trace": frames.filter(bool)},  # of none, they show an empty line
)


@st.composite
def theirs(draw: st.DrawFn) -> dict[str, Any]:
    """An event of the sections that Retis and we know."""
    found: dict[str, Any] = {"common": draw(commons)}
    kind = draw(st.integers(0, 5))
    if kind == 0:
        task = found["common"].get("task", {"pid": 0, "tgid": 0})
        found["userspace"] = {
            "probe_type": "usdt",
            "symbol": draw(st.sampled_from(["dpif_recv:recv_upcall", "a:b"])),
            "ip": draw(u64),
            "path": draw(st.sampled_from(["/usr/sbin/ovs-vswitchd", "bare"])),
            "pid": task["pid"],
            "tid": task["tgid"],
        }
    elif kind > 1:  # and some that are of nowhere
        found["kernel"] = draw(kernels)
    more = {"packet": packets, "skb": skbs, "skb-tracking": trackings, "tracking": series_places}
    return found | draw(_object({}, more))


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """Any event: also with sections of ours, and what nobody declares, anywhere."""
    found = draw(theirs())
    found |= draw(
        _object(
            {},
            {
                "return": _object({"entered": u64, "duration": u64, "value": s64, "form": st.integers(0, 3)}),
                "tracer": _object({"lost": st.integers(1, 2**64 - 1)}),
                "x-third": unknown,
                **({} if "kernel" in found else {"stack": frames.map(lambda names: {"size": 8, "frames": names})}),
                "x-else": unknown,
            },
        )
    )
    holders = [holder for name, holder in found.items() if name not in {"x-third", "x-else"}]
    holders += [holder["meta"] for holder in holders if "meta" in holder]
    holders += [holder["task"] for holder in holders if "task" in holder]
    for holder in draw(st.lists(st.sampled_from(holders), max_size=2)):
        holder.update(draw(unknown))
    return found


def write_lines(path: Path, found: Iterable[Any], startup: Any = STARTUP) -> Path:  # noqa: ANN401 - what a line may be
    """A file of these events, a line each."""
    path.write_text("".join(json.dumps(line) + "\n" for line in (startup, *found)))
    return path


def read_lines(path: Path) -> list[Any]:
    """The lines of a file but the first."""
    return [json.loads(line) for line in path.read_text().splitlines()[1:]]
