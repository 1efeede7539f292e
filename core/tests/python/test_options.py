"""Options of the command line as keyword arguments."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracer_core.python.options import command_line


def test_options_are_those_of_the_command_line_by_name_or_letter() -> None:
    options = {
        "filter_packet": "-icmp",
        "probe": ["kfree_skb", "tp:net:*"],
        "p": ("consume_skb",),
        "sort": True,
        "utc": False,
        "cmd": None,
        "stop_after": 3,
        "sort_timeout": 0.5,
        "kconf": Path("/boot/config"),
        "log_level": "debug",
        "profile": ["generic", "mine.yaml"],
    }
    assert command_line(("-c", "skb"), options) == [
        *("--log-level=debug", "--profile=generic", "--profile=mine.yaml"),
        "collect",
        *("-c", "skb"),
        "--filter-packet=-icmp",
        *("--probe=kfree_skb", "--probe=tp:net:*", "-p", "consume_skb"),
        *("--sort", "--stop-after=3", "--sort-timeout=0.5", "--kconf=/boot/config"),
    ]


@pytest.mark.parametrize("value", [b"x", {"a": 1}, object(), [[object()]]])
def test_what_no_command_line_can_hold_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=r"probe: .* is no value of an option"):
        command_line((), {"probe": value})
