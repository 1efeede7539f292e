"""Reading USDT notes."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_core.userspace.notes import UsdtNote, parse_note


def descriptor(
    pc: int = 0x1000, base: int = 0x5000, semaphore: int = 0, strings: bytes = b"ovs\0upcall\08@%rax\0"
) -> bytes:
    return struct.pack("<QQQ", pc, base, semaphore) + strings


def test_a_note_names_a_probe_and_its_place():
    note = parse_note(descriptor(semaphore=0x2000), 0x5000)

    assert note == UsdtNote("ovs", "upcall", 0x1000, 0x2000, "8@%rax")
    assert note.target == "ovs:upcall"


@pytest.mark.parametrize(("moved", "pc", "semaphore"), [(0x100, 0x1100, 0x2100), (-0x100, 0xF00, 0x1F00)])
def test_what_prelinking_moved_is_found_where_it_is_now(moved: int, pc: int, semaphore: int):
    note = parse_note(descriptor(semaphore=0x2000), 0x5000 + moved)

    assert (note.pc, note.semaphore) == (pc, semaphore)


def test_no_semaphore_stays_none_wherever_the_program_was_moved():
    assert parse_note(descriptor(semaphore=0), 0x6000).semaphore == 0


def test_without_the_section_addresses_are_as_noted():
    assert parse_note(descriptor(), 0).pc == 0x1000


@pytest.mark.parametrize("strings", [b"", b"ovs", b"ovs\0upcall\0", b"ovs\0upcall\08@%rax"])
def test_a_note_without_all_of_its_strings_is_refused(strings: bytes):
    with pytest.raises(ValueError, match="USDT note"):
        parse_note(descriptor(strings=strings), 0)


@given(st.binary(max_size=80), st.integers(0, (1 << 64) - 1))
def test_any_bytes_are_a_note_or_refused(data: bytes, base: int):
    with contextlib.suppress(ValueError):
        parse_note(data, base)
