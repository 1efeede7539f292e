from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tracer_core.testing import CollectorContract
from tracer_ovs.decode import KINDS
from tracer_ovs.plugin import OvsOptions
from tracer_ovs.record import OvsRecord

CT = 12
"""``OVS_ACTION_ATTR_CT``."""

GROUPS = {
    "upcall": {"call"},
    "upcall_enqueue": {"enqueue"},
    "upcall_return": {"ret"},
    "recv_upcall": {"received", "arrival"},
    "flow_operation": {"received"},
    "action_execute": {"action", "received"},
    "flow_lookup": {"lookup"},
}
"""What a record of each kind has; an action of ``ct`` may have what that says, too."""

VALUES = {
    # actions more often than others: they differ most
    "ovs.kind": st.just(KINDS.index("action_execute")) | st.integers(0, len(KINDS) - 1),
    "ovs.received.op_type": st.integers(0, 2),
    "ovs.action.type": st.just(CT) | st.integers(0, 40),
    "ovs.ct.family": st.sampled_from((0, 2, 10)),
}


class TestContract(CollectorContract):
    collector = "ovs"
    options = (OvsOptions(track=True),)
    values = VALUES
    always = tuple(f"ovs.{name}" for name in OvsRecord._fields if name not in ("kind", "ct"))

    def written(self, sections: dict[str, Any]) -> dict[str, Any]:
        record: OvsRecord | None = sections.get("ovs")
        if record is None:  # all else stands behind it
            return {}
        kept = GROUPS[KINDS[record.kind]]
        if "action" in kept and record.action is not None and record.action.type == CT:
            kept = kept | {"ct"}
        left_out: dict[str, Any] = dict.fromkeys(set(OvsRecord._fields) - kept - {"kind"})
        return sections | {"ovs": record._replace(**left_out)}
