"""The comparison with pwru, which only a guest can make, finds what is to be found."""

from __future__ import annotations

import pytest
from tests.lab.pwru import UNSET, Met, unexplained

from tracer_core.testing.kernels import recorded_kernel

WAY = [Met(name, "ffff1") for name in ("ip_output", "nf_hook_slow", "ip_finish_output", "nf_hook_slow", "skb_push")]
KERNEL = recorded_kernel("6.12")


def differences(theirs: list[Met], ours: list[Met]) -> list[str]:
    return unexplained(theirs, ours, KERNEL.btf)


def test_the_same_way_is_no_difference_nor_is_an_identity_that_is_not_told() -> None:
    assert differences(WAY, WAY) == []
    assert differences(WAY, [Met(met.function, "") for met in WAY]) == []


@pytest.mark.parametrize("lost", range(len(WAY)))
def test_a_function_that_we_lose_is_one(lost: int) -> None:
    assert differences(WAY, WAY[:lost] + WAY[lost + 1 :]) == [f"not seen: {WAY[lost]}"]


def test_another_order_is_one_and_so_is_another_packet() -> None:
    assert differences(WAY, [WAY[2], *WAY[:2], *WAY[3:]])
    assert differences(WAY, [*WAY[:4], Met(WAY[4].function, "ffff2")])


def test_a_function_that_pwru_would_attach_to_is_one_if_it_does_not_tell_of_it() -> None:
    assert differences(WAY, [*WAY, Met("ip_rcv", "ffff1")]) == ["pwru has no: Met(function='ip_rcv', skb='ffff1')"]


def test_a_function_of_a_module_is_explained() -> None:
    assert KERNEL.function("nf_conntrack_in") is not None
    assert differences(WAY, [*WAY[:2], Met("nf_conntrack_in", "ffff1"), *WAY[2:]]) == []


def test_a_message_of_a_unix_socket_in_the_buffer_of_an_earlier_packet_is_explained() -> None:
    message = [Met(name, "ffff3") for name in ("__build_skb_around", "unix_scm_to_skb", "skb_free_head")]
    assert differences([*WAY[:2], *message, *WAY[2:]], WAY) == []
    assert differences([*WAY[:2], *message[:1], *WAY[2:]], WAY) == [f"not seen: {message[0]}"]
    strange = Met("skb_put", "ffff4")
    assert f"not seen: {strange}" in differences([*WAY[:2], *message, strange, *WAY[2:]], WAY)


@pytest.mark.parametrize("function", UNSET)
def test_what_has_no_identity_for_us_is_explained(function: str) -> None:
    assert differences([*WAY[:2], Met(function, "ffff1"), *WAY[2:]], WAY) == []
