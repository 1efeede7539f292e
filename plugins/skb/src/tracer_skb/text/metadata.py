"""The text of what an skb says beside its data, in the words of Retis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_skb.text.names import ethertype_text

if TYPE_CHECKING:
    from tracer_skb.sections import DataRef, Gso, Meta, Skb, VlanAccel


def format_skb(skb: Skb, *, link_layer: bool) -> str:
    """Describe an skb on one line.

    Args:
        skb: What it says.
        link_layer: Whether to show a VLAN tag.
    """
    parts = []
    if skb.vlan_accel is not None and link_layer:
        parts.append(_vlan_text(skb.vlan_accel))
    about = [] if skb.meta is None else [_meta_text(skb.meta)]
    if skb.data_ref is not None:
        about.append(_data_ref_text(skb.data_ref))
    if about:
        parts.append(f"skb [{' '.join(about)}]")
    if skb.gso is not None:
        parts.append(_gso_text(skb.gso))
    return " ".join(parts)


def _vlan_text(vlan: VlanAccel) -> str:
    dei = " DEI" if vlan.dei else ""
    return f"vlan_accel ({ethertype_text(vlan.proto)} vlan {vlan.vid} p {vlan.pcp}{dei})"


def _meta_text(meta: Meta) -> str:
    checksum = {
        0: "none",
        1: f"unnecessary (level {meta.csum_level})",
        2: f"complete ({meta.csum:#x})",
        3: f"partial (start {meta.csum & 0xFFFF} off {meta.csum >> 16})",
    }.get(meta.ip_summed, f"unknown ({meta.ip_summed})")
    hash_ = f" hash {meta.hash:#x}" if meta.hash else ""
    data_len = f" data_len {meta.data_len}" if meta.data_len else ""
    return f"csum {checksum}{hash_} len {meta.len}{data_len} priority {meta.priority}"


def _data_ref_text(ref: DataRef) -> str:
    flags = f"{'nohdr ' if ref.nohdr else ''}{'cloned ' if ref.cloned else ''}"
    fclone = f"fclone {ref.fclone} " if ref.fclone else ""
    return f"{flags}{fclone}users {ref.users} dataref {ref.dataref}"


def _gso_text(gso: Gso) -> str:
    flags = f"flags {gso.flags:#x} " if gso.flags else ""
    frags = f"frags {gso.frags} " if gso.frags else ""
    segs = f"segs {gso.segs} " if gso.segs else ""
    return f"gso [type {gso.type:#x} {flags}{frags}{segs}size {gso.size}]"
