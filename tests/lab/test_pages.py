"""Pages whose commands need what kernels of the lab have: nftables, connection tracking, Open vSwitch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scripts.pages.blocks import ROOT, pages
from scripts.pages.trial import of_place, tried

from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from pathlib import Path

PAGES = [page for page in pages() if of_place(page, "lab")]
SHOWN = "6.12"
"""The kernel that outputs on pages are of."""
TAKES = 30.0  # seconds, times the patience


@pytest.mark.bpf
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_shows_what_its_commands_print(page: Path, kernel: str) -> None:
    if kernel != SHOWN:
        pytest.skip(f"what the page shows is of {SHOWN}")
    if complaints := tried(page, "lab", patience(TAKES)).complaints():
        pytest.fail(complaints, pytrace=False)
