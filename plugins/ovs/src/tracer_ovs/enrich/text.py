"""The text of what Open vSwitch says of a flow, which is that of Retis: also where it has no space."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_ovs.enrich.ufid import ufid_text

if TYPE_CHECKING:
    from tracer_core.api import TextOptions
    from tracer_ovs.enrich.sections import OvsDetrace


def detrace_text(detrace: OvsDetrace, options: TextOptions) -> str:
    """Several lines, if the user wants that."""
    flow = f"ufid:{ufid_text(detrace.ufid)} {detrace.dpflow}"
    if not options.multi_line:
        return " ".join((flow, "openflow:", *detrace.ofpflows)) if detrace.ofpflows else flow
    rules = "\n    ".join(detrace.ofpflows)
    return f"{flow}\nopenflow:{rules}" if rules else flow
