from __future__ import annotations

from hypothesis import strategies as st

from tracer_core.testing import CollectorContract
from tracer_ct.decode import STATES

UNTRACKED = 7


VALUES = {
    "ct.state": st.sampled_from(sorted(STATES.keys() - {UNTRACKED})),
    "ct-other.state": st.sampled_from(sorted(STATES)),
}


class TestContract(CollectorContract):
    collector = "ct"
    values = VALUES
    always = ("ct.connection",)
