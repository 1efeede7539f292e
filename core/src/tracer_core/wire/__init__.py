"""One declaration per section: from a typed class come the C struct, the numpy layout and the reference page.

A section is a :class:`typing.NamedTuple` whose fields are annotated with the types below::

    @section("hello", version=1)
    class Hello(NamedTuple):
        \"\"\"What the example reports.\"\"\"

        length: U32
        \"\"\"Bytes of the packet.\"\"\"

In a record, sections follow the header in the order of the plan, each padded to 8 bytes. A section may end with one
variable part, a :class:`Blob`, stored in whole steps of 64 bytes; the number of steps is in the record's mask, so
that the mask alone determines the layout and records of one mask decode as one numpy array (ADR 0002).

A field may be a group of fields that only some events have, a named tuple of its own::

    @section("parcel")
    class Parcel(NamedTuple):
        weight: U32
        stamp: Stamp | None

A record holds a group as it holds a section, with a bit of its own in the mask, under the name ``parcel.stamp``
(``parcel_stamp`` in C). A section of nothing but groups is there if any of them is.

``U32 | None`` is a number that every record has, but not every event of a file. ``Annotated[str, recorded(U32)]`` is a
number in records, of which a decoder makes a string.

What is in files may be shaped otherwise than what C fills: with groups that are always there, or one of several groups.
Then the section says what its record is, a class like those above, and a decoder makes one of the other (ADR 0026)::

    @section("parcel", record=ParcelRecord)
    class Parcel(NamedTuple):
        state: str
        sender: Address
        stamp: Stamp | None

A section that no program adds has no record: it is what a collector's session reports (ADR 0028). Its fields are of any
type that files can hold::

    @section("parcel-history", reported=True)
    class ParcelHistory(NamedTuple):
        number: U64
        places: tuple[str, ...]
"""

from tracer_core.wire.declaration import (
    BOOL,
    S32,
    S64,
    U8,
    U16,
    U32,
    U64,
    is_group,
    kind_of,
    layout_of,
    recorded,
    section,
    without_none,
)
from tracer_core.wire.layout import ALIGNMENT, BLOB_STEP, Blob, Chars, Field, Kind, Layout, Part, Scalar

__all__ = [
    "ALIGNMENT",
    "BLOB_STEP",
    "BOOL",
    "S32",
    "S64",
    "U8",
    "U16",
    "U32",
    "U64",
    "Blob",
    "Chars",
    "Field",
    "Kind",
    "Layout",
    "Part",
    "Scalar",
    "is_group",
    "kind_of",
    "layout_of",
    "recorded",
    "section",
    "without_none",
]
