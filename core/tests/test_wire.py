from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_core.errors import PluginError
from tracer_core.events.form import Form, form_of
from tracer_core.sections import Header, Packet
from tracer_core.wire import BLOB_STEP, S32, S64, U8, U16, U32, U64, Blob, Chars, Layout, layout_of, recorded, section


@section("every-kind", version=3)
class EveryKind(NamedTuple):
    """All kinds of fields."""

    a: U8
    b: S32
    c: U16
    name: Annotated[bytes, Chars(5)]
    d: U64
    size: U32
    data: Annotated[bytes, Blob(100, "size")]


def test_a_section_is_packed_and_padded_to_eight_bytes() -> None:
    layout = layout_of(EveryKind)
    assert (layout.packed_size, layout.size, layout.max_size) == (24, 24, 24 + 2 * BLOB_STEP)
    assert layout_of(Header).size % 8 == 0


def test_the_number_of_steps_takes_just_the_bits_it_needs() -> None:
    assert layout_of(EveryKind).bits == 1 + 2
    assert layout_of(Packet).bits == 1 + 3
    assert layout_of(Header).bits == 1


def test_the_c_struct_states_its_fields_in_order_and_asserts_its_size() -> None:
    text = layout_of(EveryKind).c_struct()
    assert text.index("u8 a;") < text.index("s32 b;") < text.index("char name[5];") < text.index("u32 size;")
    assert "data" not in text
    assert "sizeof(struct section_every_kind) == 24" in text


def test_the_numpy_layout_reads_what_c_would_write() -> None:
    layout = layout_of(EveryKind)
    fields = layout.dtype_fields() | {"data": (f"V{BLOB_STEP}", layout.size)}
    dtype = np.dtype(
        {
            "names": list(fields),
            "formats": [kind for kind, _ in fields.values()],
            "offsets": [offset for _, offset in fields.values()],
        }
    )
    raw = bytes([7]) + (-2).to_bytes(4, "little", signed=True) + b"\x34\x12" + b"eth0\0" + bytes(8) + b"\3\0\0\0"
    record = np.frombuffer(raw + b"xyz".ljust(BLOB_STEP, b"!"), dtype)[0]
    assert (record["a"], record["b"], record["c"], record["name"], record["size"]) == (7, -2, 0x1234, b"eth0", 3)
    assert bytes(record["data"])[:3] == b"xyz"


def test_a_field_can_be_recorded_as_another_type_than_it_is_shown() -> None:
    @section("shown")
    class Shown(NamedTuple):
        verdict: Annotated[str, recorded(S32)]
        size: U8

    assert "s32 verdict;" in layout_of(Shown).c_struct()
    assert layout_of(Shown).dtype_fields() == {"verdict": ("<i4", 0), "size": ("u1", 4)}
    assert [field.form for field in form_of(Shown).fields] == [Form.TEXT, Form.INTEGER]


@pytest.mark.parametrize("number", [U8, U16, U32, U64, S32, S64])
def test_integers_are_called_in_files_as_numpy_calls_them(number: object) -> None:
    from tracer_core.events.form import _field

    assert _field("parcel", 1, "weight", number).dtype == np.dtype(recorded(number).dtype).name


@pytest.mark.parametrize("name", ["", "Parcel", "parcel.stamp", "parcel_2", "2-parcels", "parcel-", "a b"])
def test_a_name_that_readers_could_not_tell_from_others_is_refused(name: str) -> None:
    with pytest.raises(PluginError, match="that is no name"):
        section(name)


def test_a_field_without_a_wire_type_is_refused_by_name() -> None:
    with pytest.raises(PluginError, match="bad: field value has no wire type"):

        @section("bad")
        class Bad(NamedTuple):
            value: int


def test_a_variable_part_must_be_last() -> None:
    with pytest.raises(PluginError, match="must be the last field"):

        @section("bad")
        class Bad(NamedTuple):
            size: U32
            data: Annotated[bytes, Blob(10, "size")]
            after: U32


def test_a_variable_part_needs_its_length_field() -> None:
    with pytest.raises(PluginError, match="length is not a field"):

        @section("bad")
        class Bad(NamedTuple):
            data: Annotated[bytes, Blob(10, "length")]


def test_a_class_that_is_no_section_is_refused() -> None:
    class Plain(NamedTuple):
        value: int

    with pytest.raises(PluginError, match="is not a section"):
        layout_of(Plain)


@given(st.integers(1, 4096))
def test_steps_hold_the_whole_variable_part_and_their_number_fits_its_bits(size: int) -> None:
    blob = Blob(size, "n")
    assert size <= blob.steps * BLOB_STEP < size + BLOB_STEP
    assert blob.steps < 1 << blob.bits


def test_layouts_are_values() -> None:
    layout = layout_of(Packet)
    assert layout == Layout(layout.name, layout.version, Packet, layout.fields, layout.blob)
