from __future__ import annotations

import mmap

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_core.backend.machine import running_machine
from tracer_core.cli.options.size import size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1),
        ("4096", 4096),
        ("64K", 65536),
        ("64k", 65536),
        ("32M", 32 << 20),
        ("32 MiB", 32 << 20),
        ("1GB", 1 << 30),
    ],
)
def test_a_size_is_a_number_with_or_without_a_unit(text: str, expected: int) -> None:
    assert size(text) == expected


@pytest.mark.parametrize("text", ["", "0", "0M", "-1", "1.5M", "M", "1T", "2G", "many", "1M1"])
def test_anything_else_is_refused_and_said_what_it_should_be(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a size like 64K, 32M or 1G"):
        size(text)


@given(st.integers(1, 1 << 30))
def test_a_ring_has_at_least_the_bytes_asked_for_and_less_than_twice_that_or_a_page(wanted: int) -> None:
    pages = running_machine(wanted).ring_pages
    assert pages & (pages - 1) == 0
    assert wanted <= pages * mmap.PAGESIZE < max(2 * wanted, mmap.PAGESIZE + 1)
