"""What fields are in Arrow: their column types, and the ways there and back.

Names of tasks, devices and the like are dictionaries: a column of small numbers, which compress to nothing while they
are equal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tracer_core.events.batch import Blobs, Labels
from tracer_core.events.form import FieldForm, Form, SectionForm, unknown_class

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracer_core.events.batch import Column

NAME = pa.dictionary(pa.int32(), pa.string())
"""Type of names."""

_TYPES = {
    Form.BOOLEAN: pa.bool_(),
    Form.FLOAT: pa.float64(),
    Form.CHARS: NAME,
    Form.BYTES: pa.binary(),
    Form.TEXT: NAME,
}
_BACKSLASH = re.compile(r"\\(\\|x[0-9a-f]{2})")
_LIST = re.compile(r"list<(\w+)>")


@dataclass(frozen=True, slots=True)
class ArrowColumn:
    """A column as Arrow has it.

    Attributes:
        array: The values.
        form: What they are.
    """

    array: pa.Array
    form: FieldForm

    def __len__(self) -> int:
        return len(self.array)

    def tolist(self) -> list[Any]:
        """The values as objects."""
        return _to_python(self.array, self.form)


def escape(name: bytes) -> str:
    r"""Characters as text: UTF-8, bytes that are none as ``\xff``, and ``\\`` for a backslash."""
    return name.replace(b"\\", rb"\\").decode(errors="backslashreplace")


def unescape(text: str) -> bytes:
    """The bytes that :func:`escape` was given."""
    parts = _BACKSLASH.split(text)
    for at in range(1, len(parts), 2):
        parts[at] = "\\" if parts[at] == "\\" else chr(0xDC00 + int(parts[at][1:], 16))
    return "".join(parts).encode(errors="surrogateescape")


def type_of(field: FieldForm) -> pa.DataType:
    """The type of a field's column."""
    if field.form is Form.INTEGER:
        return pa.from_numpy_dtype(np.dtype(field.dtype))
    if field.part is not None:
        return struct_of(field.part)
    if field.item is not None:
        # what is in lists cannot be a dictionary everywhere
        item = type_of(field.item)
        return pa.list_(item.value_type if pa.types.is_dictionary(item) else item)
    return _TYPES[field.form]


def struct_of(form: SectionForm) -> pa.StructType:
    """The type of a section's column."""
    return pa.struct([(field.name, type_of(field)) for field in form.fields])


def fields_to_json(form: SectionForm) -> dict[str, Any]:
    """The forms of a section's fields, as JSON can hold them: ``uint32``, ``list<text>``, or those of a group."""
    return {field.name: _word(field) for field in form.fields}


def _word(field: FieldForm) -> str | dict[str, Any]:
    if field.part is not None:
        return fields_to_json(field.part)
    if field.item is not None:
        return f"list<{_word(field.item)}>"
    return field.dtype or field.form.value


def form_from_json(name: str, version: int, fields: dict[str, Any]) -> SectionForm:
    """The form of a section of which :func:`fields_to_json` wrote the fields; its objects know their names.

    Raises:
        ValueError, TypeError, AttributeError: it is not as written here.
    """
    found = tuple(_field_from_json(f"{name}.{field}", field, version, word) for field, word in fields.items())
    return SectionForm(name, version, unknown_class(tuple(fields)), found)


def _field_from_json(path: str, name: str, version: int, word: Any) -> FieldForm:  # noqa: ANN401 - what JSON can hold
    if isinstance(word, dict):
        return FieldForm(name, Form.PART, part=form_from_json(path, version, word), optional=True)
    if inner := _LIST.fullmatch(word):
        return FieldForm(name, Form.LIST, item=_field_from_json(path, "", version, inner[1]), optional=True)
    if "int" in word:
        return FieldForm(name, Form.INTEGER, np.dtype(word).name, optional=True)
    return FieldForm(name, Form(word), optional=True)


def to_arrow(column: Column, field: FieldForm) -> pa.Array:
    """A column of values as Arrow has it.

    Raises:
        ValueError, TypeError, OverflowError: the values are not of that form.
    """
    kind = type_of(field)
    if isinstance(column, ArrowColumn) and column.form.form is field.form:
        return column.array if column.array.type == kind else column.array.cast(kind)
    if isinstance(column, Blobs):
        offsets = pa.py_buffer(column.offsets.astype(np.int32))
        return pa.Array.from_buffers(kind, len(column), [None, offsets, pa.py_buffer(column.data)])
    if pa.types.is_dictionary(kind):
        return _labels(column) if isinstance(column, Labels) else _names(column, field)
    if isinstance(column, np.ndarray) and column.dtype.kind in "iufb":
        mask = np.ma.getmaskarray(column) if np.ma.is_masked(column) else None
        return pa.array(np.ascontiguousarray(column), mask=mask).cast(kind)
    return pa.array(column.tolist(), kind)


def _names(column: Column, field: FieldForm) -> pa.Array:
    if field.form is Form.TEXT:
        return pa.array(column.tolist(), pa.string()).dictionary_encode()
    if not isinstance(column, np.ndarray) or column.dtype.kind != "S":
        values = [None if value is None else escape(value) for value in column.tolist()]
        return pa.array(values, pa.string()).dictionary_encode()
    width = column.dtype.itemsize
    fixed = pa.py_buffer(np.ascontiguousarray(column))
    found = pa.Array.from_buffers(pa.binary(width), len(column), [None, fixed]).dictionary_encode()
    names = [escape(name.rstrip(b"\0")) for name in found.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(found.indices, pa.array(names, pa.string()))


def _labels(column: Labels) -> pa.DictionaryArray:
    names = [name for name in column.values if name is not None]
    places = np.array([name is not None for name in column.values], bool)
    indices, missing = (np.cumsum(places) - 1)[column.indices], ~places[column.indices]
    values = pa.array(indices.astype(np.int32), mask=missing if missing.any() else None)
    return pa.DictionaryArray.from_arrays(values, pa.array(names, pa.string()))


def _to_python(array: pa.Array, field: FieldForm) -> list[Any]:
    """The values of a column as they were before."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        names = _to_python(array.dictionary, field)
        indices = array.indices
        if indices.null_count:
            return [None if index is None else names[index] for index in indices.to_pylist()]
        return [names[index] for index in indices.to_numpy().tolist()]
    if not array.null_count and field.form is Form.INTEGER:
        return list(array.to_numpy().tolist())
    if not array.null_count and field.form is Form.BYTES:
        return _blobs(array).tolist()
    convert = _FROM_ARROW.get(field.form)
    values = array.to_pylist()
    return [None if value is None else convert(value) for value in values] if convert else list(values)


_FROM_ARROW: dict[Form, Callable[[Any], Any]] = {Form.CHARS: unescape, Form.LIST: tuple}


def _blobs(array: pa.Array) -> Blobs:
    if not len(array):
        return Blobs(np.empty(0, np.uint8), np.zeros(1, np.int64))
    _, offsets, data = array.buffers()
    # a part of a longer array has the buffers of the whole
    places = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1].astype(np.int64)
    values = np.frombuffer(data or b"", np.uint8)[places[0] : places[-1]]
    return Blobs(values, places - places[0])
