from __future__ import annotations

from tracer_core.testing import CollectorContract


class TestContract(CollectorContract):
    collector = "skb_drop"
