"""``tracer collect`` alone: something useful on any kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tracer_core.testing import kernels

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Result

PLACES = ("tp:net:netif_receive_skb", "tp:net:net_dev_start_xmit")


@pytest.mark.parametrize("kernel", kernels.recorded_names())
def test_what_is_received_sent_and_dropped_is_traced_on_any_kernel(run: Callable[..., Result], kernel: str) -> None:
    result = run("collect", "--dry-run", "--kernel", str(kernels.recorded_folder(kernel)))
    assert result.code == 0
    assert result.err == f"No probe(s) given: using {', '.join(PLACES)}\n"
    for place in (*PLACES, "tp:skb:kfree_skb"):
        assert f" {place}: program " in result.out
    for collector in ("skb", "skb-drop", "skb-tracking", "dev", "ns"):
        assert f"collector {collector} " in result.out
    assert "tracking: functions cannot" not in result.out


def test_who_says_what_to_collect_is_not_given_more_places(run: Callable[..., Result]) -> None:
    result = run("collect", "--dry-run", "-c", "skb_drop", "--kernel", str(kernels.recorded_folder("6.18")))
    assert (result.code, result.err) == (0, "")
    assert not any(place in result.out for place in PLACES)
