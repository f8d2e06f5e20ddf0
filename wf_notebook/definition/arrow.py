"""How values of data libraries become Arrow tables, and tables such values, the same as before.

What Arrow would change on the way is refused: every value is read back before it counts as
written. No pickle is involved, on either side.
"""

from __future__ import annotations

import importlib
import json
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.guest.values import Unencodable, canonical, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["KINDS", "Kind", "Unheld", "check_types", "library"]

_OURS: Final = b"wf_notebook"  # in the schema's metadata: what Arrow has no place for
# Arrow's own and pandas' extension types are read from plain metadata.
_EXTENSIONS: Final = frozenset({
    "arrow.bool8", "arrow.fixed_shape_tensor", "arrow.json", "arrow.uuid",
    "pandas.interval", "pandas.period",
})  # fmt: skip


class Unheld(Unencodable):
    """Arrow cannot hold a value, or would give back another one."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of a data library.

    Attributes:
        name: the type's, such as "pandas.DataFrame".
        group: kinds of one group can be made of each other's tables.
        to_table: makes an Arrow table of a value.
        of_table: makes a value of a table, whichever kind wrote it.
        same: whether a value that was read back is what was written.
        facts: `shape, columns, dtype` of a value, for its reference.
    """

    name: str
    group: str
    to_table: Callable[[Any], Any]
    of_table: Callable[[Any], Any]
    same: Callable[[Any, Any], bool]
    facts: Callable[[Any], Mapping[str, Any]]

    @property
    def module(self) -> str:
        """The library that has the type."""
        return self.name.partition(".")[0]


def library(name: str) -> Any:
    """Return a data library, imported now.

    Raises:
        ImportError: it is not installed.
    """
    return importlib.import_module(name)


def _noted(table: Any, notes: Mapping[str, Any]) -> Any:
    """Return a table that also holds what Arrow has no place for."""
    held: dict[bytes, bytes] = table.schema.metadata or {}
    metadata = {**held, _OURS: json.dumps(notes).encode()}
    return table.replace_schema_metadata(metadata)


def _notes(table: Any) -> dict[str, Any]:
    """Return what `_noted` added, and nothing for a table of another origin."""
    held: dict[bytes, bytes] = table.schema.metadata or {}
    return cast("dict[str, Any]", json.loads(held.get(_OURS, b"{}")))


def _alike(before: Any, after: Any) -> bool:
    """Whether one cell of Python objects came back: the same type, equal or both not a number."""
    if type(before) is not type(after):
        return False
    if isinstance(before, list | dict):
        return _exact(before) == _exact(after)
    return bool(before == after) or before != before  # noqa: PLR0124 - nan


def _exact(value: Any) -> str:
    return canonical(encode(value))


# --------------------------------------------------------------------------------------- pandas


def _pandas_to_table(frame: Any) -> Any:
    pa = library("pyarrow")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of labels it changes: those are refused
        table = pa.Table.from_pandas(frame)
    objects = {
        str(position): _missing(frame.iloc[:, position])
        for position, dtype in enumerate(frame.dtypes)
        if str(dtype) == "object"
    }
    freq = getattr(frame.index, "freqstr", None)
    return _noted(table, {"objects": objects, "freq": freq, "labels": _range(frame.columns)})


def _range(labels: Any) -> list[int] | None:
    """Return what makes a RangeIndex of column labels again; Arrow keeps them one by one."""
    pd = library("pandas")
    found = isinstance(labels, pd.RangeIndex)
    return [labels.start, labels.stop, labels.step] if found else None


def _missing(column: Any) -> str:
    """Say what stands for a missing value in a column of objects: Arrow knows only null."""
    missing = column[column.isna()]
    return "nan" if len(missing) and isinstance(missing.iloc[0], float) else "none"


def _pandas_of_table(table: Any) -> Any:
    pd = library("pandas")
    notes = _notes(table)
    frame = table.to_pandas()
    for position, missing in notes.get("objects", {}).items():
        cells = table.column(int(position)).to_pylist()
        if missing == "nan":
            cells = [float("nan") if cell is None else cell for cell in cells]
        frame.isetitem(int(position), pd.Series(cells, index=frame.index, dtype=object))
    if notes.get("freq") is not None and hasattr(frame.index, "inferred_freq"):
        frame.index.freq = notes["freq"]
    if notes.get("labels") is not None:
        frame.columns = pd.RangeIndex(*notes["labels"], name=frame.columns.name)
    return frame


def _same_pandas(before: Any, after: Any) -> bool:
    axes = ((before.index, after.index), (before.columns, after.columns))
    return (
        all(_same_labels(a, b) for a, b in axes)
        and list(before.dtypes) == list(after.dtypes)
        and before.attrs == after.attrs
        and all(_same_column(before.iloc[:, n], after.iloc[:, n]) for n in range(before.shape[1]))
    )


def _same_labels(before: Any, after: Any) -> bool:
    types = (getattr(before, "dtypes", before.dtype), getattr(after, "dtypes", after.dtype))
    return (
        type(before) is type(after)
        and str(types[0]) == str(types[1])
        and list(before.names) == list(after.names)
        and bool(before.equals(after))
    )


def _same_column(before: Any, after: Any) -> bool:
    if str(before.dtype) == "object":
        return all(map(_alike, before, after))
    return bool(before.equals(after))


def _pandas_facts(frame: Any) -> Mapping[str, Any]:
    return {"shape": list(frame.shape), "columns": [str(c) for c in frame.columns], "dtype": None}


def _series_to_table(series: Any) -> Any:
    table = _pandas_to_table(series.to_frame())
    return _noted(table, {**_notes(table), "unnamed": series.name is None})


def _series_of_table(table: Any) -> Any:
    series = _pandas_of_table(table).iloc[:, 0]
    return series.rename(None) if _notes(table).get("unnamed") else series


def _same_series(before: Any, after: Any) -> bool:
    names = (before.name, after.name)
    same_name = names == (None, None) or bool(names[0] == names[1])
    return same_name and _same_pandas(before.to_frame(), after.to_frame())


def _series_facts(series: Any) -> Mapping[str, Any]:
    return {"shape": list(series.shape), "columns": None, "dtype": str(series.dtype)}


# ------------------------------------------------------------------------------ polars, pyarrow


def _polars_to_table(frame: Any) -> Any:
    for name, dtype in frame.schema.items():
        if str(dtype) == "Object":  # polars would write their addresses
            raise Unheld("Arrow cannot hold Python objects", f"[{name!r}]")
    return frame.to_arrow()


def _polars_of_table(table: Any) -> Any:
    return library("polars").from_arrow(table)


def _same_polars(before: Any, after: Any) -> bool:
    return before.schema == after.schema and bool(before.equals(after))


def _polars_facts(frame: Any) -> Mapping[str, Any]:
    return {"shape": list(frame.shape), "columns": list(frame.columns), "dtype": None}


def _polars_series_to_table(series: Any) -> Any:
    return _polars_to_table(series.to_frame())


def _polars_series_of_table(table: Any) -> Any:
    return _polars_of_table(table).to_series(0)


def _same_polars_series(before: Any, after: Any) -> bool:
    return _same_polars(before.to_frame(), after.to_frame())


def _same_table(before: Any, after: Any) -> bool:
    return bool(after.schema.equals(before.schema, check_metadata=True))


def _table_facts(table: Any) -> Mapping[str, Any]:
    return {"shape": list(table.shape), "columns": list(table.column_names), "dtype": None}


def _itself(value: Any) -> Any:
    return value


# ---------------------------------------------------------------------------------------- numpy


def _array_to_table(array: Any) -> Any:
    """Make a table of one column; for what Arrow has no type, of its bytes or numbers."""
    pa, dtype = library("pyarrow"), array.dtype
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    flat = array.ravel(order=order)
    if dtype.kind == "O":
        column = pa.array(flat.tolist())
    elif dtype.kind in _STORED and dtype.itemsize <= _WIDEST.get(dtype.kind, dtype.itemsize):
        column = pa.array(flat.astype(dtype.newbyteorder("="), copy=False).view(_stored(dtype)))
    else:
        raise Unheld(f"a numpy.ndarray of dtype {dtype} has no counterpart in Arrow")
    table = pa.table({"value": column})
    return _noted(table, {"dtype": dtype.str, "shape": list(array.shape), "order": order})


_STORED: Final = "biufcmMSU"  # kinds of dtypes whose elements are of fixed width
_WIDEST: Final = {"f": 8, "c": 16}  # no long doubles


def _stored(dtype: Any) -> Any:
    """Return the dtype under which Arrow keeps the elements of another one."""
    as_parts = {"c": f"f{dtype.itemsize // 2}", "m": "i8", "M": "i8", "S": "u1", "U": "u1"}
    return as_parts.get(dtype.kind, dtype.newbyteorder("="))


def _array_of_table(table: Any) -> Any:
    np, notes = library("numpy"), _notes(table)
    dtype, column = np.dtype(notes["dtype"]), table.column("value")
    if dtype.kind == "O":
        flat = np.empty(len(column), dtype=object)
        flat[:] = column.to_pylist()
    else:
        flat = np.array(column.to_numpy(), dtype=_stored(dtype))  # a copy, which can be written to
        flat = flat.view(dtype.newbyteorder("=")).astype(dtype, copy=False)
    return flat.reshape(notes["shape"], order=notes["order"])


def _same_array(before: Any, after: Any) -> bool:
    if (before.dtype, before.shape) != (after.dtype, after.shape):
        return False
    if before.dtype.kind == "O":
        return all(map(_alike, before.ravel().tolist(), after.ravel().tolist()))
    return bool(before.tobytes() == after.tobytes())


def _array_facts(array: Any) -> Mapping[str, Any]:
    return {"shape": list(array.shape), "columns": None, "dtype": str(array.dtype)}


# ------------------------------------------------------------------------------------ the table


def check_types(table: Any) -> None:
    """Refuse a table whose types would be read with code of somebody's.

    Raises:
        Unheld: a column has such a type.
    """
    for field in table.schema:
        _check_type(field.type, field.name)


def _check_type(kind: Any, path: str) -> None:
    name = getattr(kind, "extension_name", None)
    if name is not None and name not in _EXTENSIONS:
        raise Unheld(f"Arrow knows its type {name} only by code of somebody's", f"[{path!r}]")
    inner: Sequence[Any] = [kind.field(n) for n in range(getattr(kind, "num_fields", 0))]
    for field in inner:
        _check_type(field.type, path)


KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("pandas.DataFrame", "table", _pandas_to_table, _pandas_of_table, _same_pandas, _pandas_facts),
        Kind("polars.DataFrame", "table", _polars_to_table, _polars_of_table, _same_polars, _polars_facts),
        Kind("pyarrow.Table", "table", _itself, _itself, _same_table, _table_facts),
        Kind("pandas.Series", "series", _series_to_table, _series_of_table, _same_series, _series_facts),
        Kind("polars.Series", "series", _polars_series_to_table, _polars_series_of_table, _same_polars_series, _series_facts),
        Kind("numpy.ndarray", "array", _array_to_table, _array_of_table, _same_array, _array_facts),
    )
}  # fmt: skip
"""The types that cross, by name."""
