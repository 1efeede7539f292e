"""Fixtures that several folders of tests share."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def bpf() -> None:
    """Skip, or fail if ``TRACER_REQUIRE`` names bpf, where we may not load BPF programs."""
    if os.geteuid() == 0:
        return
    reason = "needs root to load BPF programs"
    if "bpf" in os.environ.get("TRACER_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)
