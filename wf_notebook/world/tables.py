"""What is the answer to a query: columns, their types, and rows; as a data frame, if one is wanted."""

from __future__ import annotations

import importlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.errors import UsageError, WorldQueryError
from wf_notebook.world.formats import FORMATS
from wf_notebook.world.replacing import replacing

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FRAMES", "INSTALL", "Table", "library"]

INSTALL: Final = "Install what is missing: pip install 'wf-notebook[data]'."
FRAMES: Final = ("pandas", "polars", "arrow")

_DECIMAL: Final = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
# DuckDB's types by the constructors of Arrow's. Of others, such as lists and structs, Arrow finds
# the type by their values.
_ARROW: Final[dict[str, Callable[[Any], Any]]] = {
    "BOOLEAN": lambda pa: pa.bool_(),
    "TINYINT": lambda pa: pa.int8(),
    "SMALLINT": lambda pa: pa.int16(),
    "INTEGER": lambda pa: pa.int32(),
    "BIGINT": lambda pa: pa.int64(),
    "UTINYINT": lambda pa: pa.uint8(),
    "USMALLINT": lambda pa: pa.uint16(),
    "UINTEGER": lambda pa: pa.uint32(),
    "UBIGINT": lambda pa: pa.uint64(),
    "HUGEINT": lambda pa: pa.decimal128(38, 0),
    "FLOAT": lambda pa: pa.float32(),
    "DOUBLE": lambda pa: pa.float64(),
    "VARCHAR": lambda pa: pa.string(),
    "JSON": lambda pa: pa.string(),
    "BLOB": lambda pa: pa.binary(),
    "DATE": lambda pa: pa.date32(),
    "TIME": lambda pa: pa.time64("us"),
    "TIMESTAMP": lambda pa: pa.timestamp("us"),
    "TIMESTAMP WITH TIME ZONE": lambda pa: pa.timestamp("us", "UTC"),
    "INTERVAL": lambda pa: pa.duration("us"),
}


@dataclass(frozen=True, slots=True, repr=False)
class Table:
    """The answer to a query.

    In a notebook it shows itself as a table.

    Attributes:
        columns: their names.
        rows: one tuple for each row, as DuckDB gives it.
        types: DuckDB's name for the type of each column.

    >>> table = Table(("name", "runs"), [("refund", 3)], ("VARCHAR", "BIGINT"))
    >>> table, table.records()
    (<Table of 1 row: name, runs>, [{'name': 'refund', 'runs': 3}])
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    types: tuple[str, ...] = ()

    def __repr__(self) -> str:
        count = f"{len(self.rows)} row" + ("" if len(self.rows) == 1 else "s")
        return f"<Table of {count}: {', '.join(self.columns)}>"

    def __len__(self) -> int:
        return len(self.rows)

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as dicts, by the names of the columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def text(self, kind: str) -> str:
        r"""Return all of it as text: "json", "csv" or "markdown".

        >>> Table(("a", "b"), [(1, None)]).text("csv")
        'a,b\n1,'
        """
        if kind not in FORMATS:
            raise UsageError(f"{kind!r} is no format.", hint=f"One of {', '.join(FORMATS)}.")
        return FORMATS[kind](self.columns, self.rows)

    def save(self, path: str) -> None:
        """Write it into a file, in the format that the name ends with; an old one is replaced.

        Args:
            path: ends with `.parquet` (written by Arrow, with types), `.csv` or `.json`.

        Raises:
            UsageError: another ending, a place that cannot be written, or pyarrow is not installed.
            WorldQueryError: as for `to_arrow`.
        """
        ending = os.path.splitext(path)[1].lower().removeprefix(".")
        if ending not in ("parquet", "csv", "json"):
            msg = f"A table is not written as {ending or 'a file without an ending'}."
            raise UsageError(msg, hint="Let the name end with .parquet, .csv or .json.")
        try:
            with replacing(path) as draft:
                self._write(draft, ending)
        except OSError as error:
            msg = f"{path} cannot be written: {error.strerror or error}."
            raise UsageError(msg, hint="Choose another place.") from None

    def _write(self, path: str, ending: str) -> None:
        if ending == "parquet":
            arrow = self.to_arrow()
            library("pyarrow.parquet").write_table(arrow, path)
            return
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(f"{self.text(ending)}\n")

    def frame(self, kind: str) -> Any:
        """Return it as a frame of that library: "pandas", "polars" or "arrow"."""
        makers = {"pandas": self.to_pandas, "polars": self.to_polars, "arrow": self.to_arrow}
        if kind not in makers:
            raise UsageError(f"{kind!r} is no kind of frame.", hint=f"One of {', '.join(FRAMES)}.")
        return makers[kind]()

    def to_arrow(self) -> Any:
        """Return it as a `pyarrow.Table`, each column with the type that DuckDB gave it.

        Raises:
            UsageError: pyarrow is not installed (the extra `data`).
            WorldQueryError: Arrow cannot hold a column.
        """
        pa: Any = library("pyarrow")
        types = self.types or ("",) * len(self.columns)
        made = [
            self._column(pa, index, name, kind)
            for index, (name, kind) in enumerate(zip(self.columns, types, strict=True))
        ]
        return pa.Table.from_arrays(made, names=list(self.columns))

    def _column(self, pa: Any, index: int, name: str, kind: str) -> Any:
        values = [row[index] for row in self.rows]
        if kind == "UUID" or kind.startswith("ENUM"):
            values, kind = [None if value is None else str(value) for value in values], "VARCHAR"
        try:
            return pa.array(values, type=_arrow_type(pa, kind))
        except (pa.ArrowException, TypeError, OverflowError) as error:
            raise WorldQueryError(
                f"Arrow cannot hold the column {name} ({kind}): {error}.",
                hint=f"Cast it in the query, for instance {name}::varchar.",
            ) from error

    def to_pandas(self) -> Any:
        """Return it as a `pandas.DataFrame`; times are datetime64, whole numbers with gaps floats.

        Raises:
            UsageError: pandas or pyarrow is not installed (the extra `data`).
            WorldQueryError: as for `to_arrow`.
        """
        library("pandas")
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """Return it as a `polars.DataFrame`.

        Raises:
            UsageError: polars or pyarrow is not installed (the extra `data`).
            WorldQueryError: as for `to_arrow`.
        """
        return library("polars").from_arrow(self.to_arrow())


def _arrow_type(pa: Any, kind: str) -> Any:
    if found := _DECIMAL.fullmatch(kind):
        return pa.decimal128(int(found[1]), int(found[2]))
    maker = _ARROW.get(kind)
    return None if maker is None else maker(pa)


def library(name: str) -> Any:
    """Return a data library, imported now.

    Raises:
        UsageError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise UsageError(f"{name} is not installed here.", hint=INSTALL) from None
