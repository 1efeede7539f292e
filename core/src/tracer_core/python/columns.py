"""Events as columns: Arrow's, without an object per event, and what others make of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracer_core.files.tables import RecordBatchReader


class Columns(ABC):
    """What gives events as columns: a column for each section, structs whose fields are those of the section.

    Whatever takes Arrow streams takes it as it is: ``polars.DataFrame(file)``, ``pyarrow.table(file)``.
    """

    @abstractmethod
    def arrow(self) -> RecordBatchReader:
        """A ``pyarrow.RecordBatchReader`` of the events, a batch at a time; ``.read_all()`` gives the table."""

    def polars(self) -> Any:  # noqa: ANN401 - its types are there if it is
        """A ``polars.DataFrame``, of the same memory where polars can take it.

        Raises:
            ImportError: polars is not installed.
        """
        return _optional("polars").from_arrow(self.arrow().read_all())

    def pandas(self) -> Any:  # noqa: ANN401 - ditto
        """A ``pandas.DataFrame`` on Arrow's memory, with a column for each field: ``kernel.symbol``, ``packet.len``.

        Raises:
            ImportError: pandas is not installed.
        """
        from tracer_core.files.tables import flat  # noqa: PLC0415 - pyarrow takes its time

        pandas = _optional("pandas")
        return flat(self.arrow().read_all()).to_pandas(types_mapper=pandas.ArrowDtype)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.arrow().__arrow_c_stream__(requested_schema)


def _optional(name: str) -> Any:  # noqa: ANN401 - a module
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(f"{name} is not installed: pip install 'tracer-core[{name}]'", name=name) from error
