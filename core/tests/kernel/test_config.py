"""Kernel configurations, good and bad."""

from __future__ import annotations

import gzip

import pytest

from tracer_core.kernel.config import parse_config

_TEXT = b"""\
#
# Automatically generated file; DO NOT EDIT.
#
CONFIG_BPF=y
CONFIG_OPENVSWITCH=m
# CONFIG_FPROBE is not set
CONFIG_LOCALVERSION="-test"
CONFIG_EMPTY=""
CONFIG_HZ=250
CONFIG_START=0xffff
"""
_OPTIONS = {
    "CONFIG_BPF": "y",
    "CONFIG_OPENVSWITCH": "m",
    "CONFIG_FPROBE": "n",
    "CONFIG_LOCALVERSION": "-test",
    "CONFIG_EMPTY": "",
    "CONFIG_HZ": "250",
    "CONFIG_START": "0xffff",
}


@pytest.mark.parametrize("content", [_TEXT, gzip.compress(_TEXT)], ids=["plain", "gzip"])
def test_options_are_read_without_quotes(content: bytes):
    assert parse_config(content) == _OPTIONS


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no line sets"),
        (b"hello\nworld\n", "no line sets"),
        (b"\xff\xfe\x00", "neither text nor gzip"),
        (gzip.compress(_TEXT)[:40], "damaged gzip"),
        (b"\x1f\x8b" + b"x" * 30, "damaged gzip"),
        (gzip.compress(_TEXT)[:12] + b"\xff" * 40, "damaged gzip"),
    ],
)
def test_what_is_no_configuration_is_refused_with_a_reason(content: bytes, reason: str):
    with pytest.raises(ValueError, match=reason):
        parse_config(content)
