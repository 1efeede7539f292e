from __future__ import annotations

from tracer_core.api import TextOptions
from tracer_core.testing import CollectorContract
from tracer_skb_tracking.plugin import SkbTracking, skb_tracking_text

OPTIONS = TextOptions()


class TestContract(CollectorContract):
    collector = "skb_tracking"


def test_the_identity_is_128_bits_in_hexadecimal_and_the_skb_stands_behind_it() -> None:
    tracking = SkbTracking(orig_head=0xFFFF88812A517200, timestamp=0x1503C90C92BA, skb=0xFFFF8881125F4C00)
    assert skb_tracking_text(tracking, OPTIONS) == "#1503c90c92baffff88812a517200 (skb ffff8881125f4c00)"


def test_the_lower_half_keeps_its_zeros() -> None:
    assert skb_tracking_text(SkbTracking(0x12, 1, 2), OPTIONS) == "#10000000000000012 (skb 2)"
