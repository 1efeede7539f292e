"""What a field is in Arrow files: its column type, and the ways there and back.

A field's wire type decides, or where a collector decodes it, its Python type. Names of tasks, devices and the like are
dictionaries: a column of small numbers, which compress to nothing while they are equal.
"""

from __future__ import annotations

import re
import types
import typing
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tracer_core.decode.columns import Blobs
from tracer_core.errors import PluginError
from tracer_core.wire import Chars, Scalar

if TYPE_CHECKING:
    from tracer_core.decode.columns import Column
    from tracer_core.wire import Field, Layout

CHARS = "chars"
"""The form of bytes that are characters: see :func:`escape`. The forms of other fields are their types in Arrow."""

NAME = pa.dictionary(pa.int32(), pa.string())
"""Type of names."""

_PYTHON: dict[Any, pa.DataType] = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    bytes: pa.binary(),
    str: NAME,
}
_BACKSLASH = re.compile(r"\\(\\|x[0-9a-f]{2})")


def escape(name: bytes) -> str:
    r"""Characters as text: UTF-8, bytes that are none as ``\xff``, and ``\\`` for a backslash."""
    return name.replace(b"\\", rb"\\").decode(errors="backslashreplace")


def unescape(text: str) -> bytes:
    """The bytes that :func:`escape` was given."""
    parts = _BACKSLASH.split(text)
    for at in range(1, len(parts), 2):
        parts[at] = "\\" if parts[at] == "\\" else chr(0xDC00 + int(parts[at][1:], 16))
    return "".join(parts).encode(errors="surrogateescape")


def forms(layout: Layout, *, decoded: bool) -> dict[str, tuple[str, pa.DataType]]:
    """Form and column type of each field of a section.

    Args:
        layout: Of the section.
        decoded: A collector decodes it.

    Raises:
        PluginError: a field has a type that files do not know.
    """
    hints = typing.get_type_hints(layout.cls)
    return {field.name: _form(layout, field, hints[field.name] if decoded else None) for field in layout.fields}


def _form(layout: Layout, field: Field, hint: Any) -> tuple[str, pa.DataType]:  # noqa: ANN401 - any annotation
    if hint is None:
        hint = int if isinstance(field.kind, Scalar) else bytes
    if hint is bytes and isinstance(field.kind, Chars):
        return CHARS, NAME
    if hint is int and isinstance(field.kind, Scalar):
        found = pa.from_numpy_dtype(np.dtype(field.kind.dtype))
    else:
        found = _type(hint)
    if found is None:
        what = f"section {layout.name}: field {field.name} is {hint}, which Arrow files cannot hold"
        raise PluginError(what, hint="use int, float, bool, bytes, str, or tuple[one of them, ...]")
    return str(found), found


def _type(hint: Any) -> pa.DataType | None:  # noqa: ANN401 - any annotation
    arguments = [argument for argument in typing.get_args(hint) if argument not in (Ellipsis, types.NoneType)]
    if len(arguments) != 1:
        return _PYTHON.get(hint)
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return _type(arguments[0])
    inner = pa.string() if arguments[0] is str else _PYTHON.get(arguments[0])
    if inner is None or typing.get_origin(hint) is not tuple or typing.get_args(hint)[-1] is not Ellipsis:
        return None
    return pa.list_(inner)


def to_arrow(column: Column, form: str, kind: pa.DataType) -> pa.Array:
    """A column of values as Arrow has it.

    Raises:
        ValueError, TypeError, OverflowError: the values are not of that form.
    """
    if isinstance(column, Blobs):
        offsets = pa.py_buffer(column.offsets.astype(np.int32))
        return pa.Array.from_buffers(kind, len(column), [None, offsets, pa.py_buffer(column.data)])
    if form == CHARS:
        return _names(column)
    if isinstance(column, np.ndarray) and column.dtype.kind in "iuf":
        return pa.array(np.ascontiguousarray(column)).cast(kind)
    values = column if isinstance(column, list) else column.tolist()
    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).dictionary_encode()
    return pa.array(values, kind)


def _names(column: np.ndarray[Any, Any] | list[Any]) -> pa.Array:
    if not isinstance(column, np.ndarray) or column.dtype.kind != "S":
        column = [None if value is None else escape(value) for value in column]
        return pa.array(column, pa.string()).dictionary_encode()
    width = column.dtype.itemsize
    fixed = pa.py_buffer(np.ascontiguousarray(column))
    found = pa.Array.from_buffers(pa.binary(width), len(column), [None, fixed]).dictionary_encode()
    names = [escape(name.rstrip(b"\0")) for name in found.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(found.indices, pa.array(names, pa.string()))


def to_python(array: pa.Array, form: str) -> list[Any]:
    """The values of a column as they were before."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        names = (
            [unescape(name) for name in array.dictionary.to_pylist()] if form == CHARS else array.dictionary.to_pylist()
        )
        return [None if index is None else names[index] for index in to_python(array.indices, "")]
    if pa.types.is_integer(kind) and not array.null_count:
        return list(array.to_numpy().tolist())
    if pa.types.is_binary(kind) and not array.null_count:
        return _blobs(array).tolist()
    values = array.to_pylist()
    if pa.types.is_list(kind):
        return [None if value is None else tuple(value) for value in values]
    return list(values)


def _blobs(array: pa.Array) -> Blobs:
    if not len(array):
        return Blobs(np.empty(0, np.uint8), np.zeros(1, np.int64))
    _, offsets, data = array.buffers()
    # a part of a longer array has the buffers of the whole
    places = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1].astype(np.int64)
    values = np.frombuffer(data or b"", np.uint8)[places[0] : places[-1]]
    return Blobs(values, places - places[0])
