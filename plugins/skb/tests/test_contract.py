from __future__ import annotations

from tracer_core.testing import CollectorContract
from tracer_skb.plugin import SkbOptions


class TestContract(CollectorContract):
    collector = "skb"
    options = (SkbOptions(("all",)),)
