"""Records with any values, as programs of a plan might write them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tracer_core.testing.records import Record
from tracer_core.wire import Blob, Chars, Part, Scalar, layout_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from hypothesis.strategies import SearchStrategy

    from tracer_core.plan.plan import Plan
    from tracer_core.wire import Field, Layout

_MOST = 6  # records of a list
_BLANKS = bytes(range(0x21)) + b"\x7f"  # what the names that the kernel gives have none of, whatever their encoding


def records_of(
    plan: Plan,
    values: Mapping[str, SearchStrategy[Any]],
    always: Collection[str],
    written: Callable[[dict[str, Any]], dict[str, Any]],
) -> SearchStrategy[list[Record]]:
    """Lists of records of the plan's sections and probes.

    Args:
        plan: It.
        values: Of some fields, by ``section.field`` or ``section.group.field``.
        always: Groups that are never missing, by ``section.group``.
        written: Makes of any sections those that C writes.

    Raises:
        ValueError: the plan has no such field or group.
    """
    made = _Made(values, always)
    sections = {layout.name: made.section(layout) for layout in plan.layouts if not _is_of_core(layout)}
    if unknown := {*values, *always} - made.named:
        raise ValueError(f"no field or group {', '.join(sorted(unknown))} in {', '.join(sorted(made.named))}")
    present = st.fixed_dictionaries({}, optional=sections).map(written)
    return st.lists(st.builds(Record, present, probe=st.integers(0, len(plan.probes) - 1)), max_size=_MOST)


class _Made:
    """Strategies for sections, and the names of all fields on the way."""

    def __init__(self, values: Mapping[str, SearchStrategy[Any]], always: Collection[str]) -> None:
        self._values = values
        self._always = always
        self.named: set[str] = set()

    def section(self, layout: Layout) -> SearchStrategy[Any]:
        """What C fills of a section, or of a group in one."""
        fields = {field.name: self._field(f"{layout.name}.{field.name}", field) for field in layout.fields}
        return st.fixed_dictionaries(fields).map(partial(_filled, layout))

    def _field(self, name: str, field: Field) -> SearchStrategy[Any]:
        self.named.add(name)
        if isinstance(field.kind, Part):
            group = self.section(field.kind.layout)
            return group if name in self._always else st.none() | group
        return self._values[name] if name in self._values else _any_value(field.kind)


def _filled(layout: Layout, values: dict[str, Any]) -> Any:  # noqa: ANN401 - a named tuple of any class
    if layout.blob is not None and layout.variable is not None:
        values = {**values, layout.blob.length: len(values[layout.variable.name])}
    return (layout.record or layout.cls)(**values)


def _any_value(kind: Scalar | Chars | Blob) -> SearchStrategy[Any]:
    match kind:
        case Chars(size=size):
            return st.binary(max_size=size).map(lambda name: name.translate(None, _BLANKS))
        case Blob(max=most):
            return st.binary(max_size=most)
        case Scalar(dtype="?"):
            return st.booleans()
        case Scalar(dtype=dtype, size=size):
            bits = 8 * size
            signed = dtype.lstrip("<").startswith("i")
            least, greatest = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
            return st.integers(least, greatest)


def _is_of_core(layout: Layout) -> bool:
    from tracer_core.own import SECTIONS  # noqa: PLC0415 - nothing else needs it

    return layout in map(layout_of, SECTIONS)
