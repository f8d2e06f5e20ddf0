"""Data frames and arrays as values: what comes back, what is refused, and what is never loaded."""

from __future__ import annotations

import dataclasses
import json
import pickle
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import polars.testing
import pyarrow as pa
import pytest
from pydantic import BaseModel, ConfigDict

from wf_notebook.definition.schemas import validate_payload
from wf_notebook.definition.steps import step
from wf_notebook.definition.values import from_tree, to_tree
from wf_notebook.errors import PayloadError
from wf_notebook.guest.opaque import Opaque
from wf_notebook.guest.values import decode

if TYPE_CHECKING:
    from wf_notebook.guest.values import Tree


def stored(value: object) -> Tree:
    """The value's tree, as the world gives it back."""
    tree: Tree = json.loads(json.dumps(to_tree(value, "load.return"), allow_nan=False))
    return tree


def crossed(value: object, annotation: Any = Any) -> Any:
    return from_tree(stored(value), annotation, "total.df")


def objects(*cells: object) -> pd.Series[Any]:
    return pd.Series(cells, dtype=object)


# --------------------------------------------------------------------------------------- pandas

WHEN = pd.to_datetime(["2026-01-01", "2026-07-01", None])
PANDAS: dict[str, pd.DataFrame] = {
    "numbers": pd.DataFrame({"a": [1, 2], "b": [0.5, np.nan], "c": np.array([1, 2], dtype="u1")}),
    "half": pd.DataFrame({"a": np.array([1, 2], dtype="f2")}),
    "order of columns": pd.DataFrame({"z": [1], "a": [2], "m": [3]}),
    "texts": pd.DataFrame({"a": ["x", None]}),
    "texts as objects": pd.DataFrame({"a": objects("x", None), "b": objects("x", np.nan)}),
    "string": pd.DataFrame({"a": pd.array(["x", None], dtype="string")}),
    "python objects": pd.DataFrame({
        "int": objects(1, None), "bool": objects(True, None), "bytes": objects(b"x", None),
        "date": objects(date(2026, 1, 2), None), "time": objects(time(1, 2), None),
        "decimal": objects(Decimal("1.10"), None), "uuid": objects(UUID(int=3), None),
        "lists": objects([1], [2, 3]),
    }),
    "categories": pd.DataFrame({
        "a": pd.Categorical(["x", "y", None], categories=["y", "x", "z"], ordered=True),
        "b": pd.Categorical([2, 1, 2]),
    }),
    "times": pd.DataFrame({
        "naive": WHEN, "berlin": WHEN.tz_localize("Europe/Berlin"),
        "offset": WHEN.tz_localize(timezone(timedelta(hours=2))),
        "ns": WHEN.as_unit("ns"), "s": WHEN.as_unit("s"),
        "delta": pd.to_timedelta(["1s", None, "2D"]),
    }),
    "nullable": pd.DataFrame({
        "a": pd.array([1, None], dtype="Int32"), "b": pd.array([True, None], dtype="boolean"),
        "c": pd.array([0.5, None], dtype="Float64"),
    }),
    "periods": pd.DataFrame({"a": pd.period_range("2026-01", periods=2, freq="M")}),
    "intervals": pd.DataFrame({"a": pd.interval_range(0, 2)}),
    "arrow": pd.DataFrame({"a": pd.Series([1, None], dtype="int64[pyarrow]")}),
    "index": pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="key")),
    "range": pd.DataFrame({"a": [1, 2]}, index=pd.RangeIndex(5, 9, 2, name="r")),
    "days": pd.DataFrame({"a": [1, 2]}, index=pd.date_range("2026-01-01", periods=2, name="d")),
    "levels": pd.DataFrame(
        {"a": [1, 2]}, index=pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["p", None])
    ),
    "numbered columns": pd.DataFrame(np.eye(2)),
    "column levels": pd.DataFrame(
        np.eye(2), columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])
    ),
    "named columns": pd.DataFrame({"a": [1]}).rename_axis(columns="c"),
    "empty": pd.DataFrame(),
    "no rows": pd.DataFrame({"a": np.array([], dtype="i4")}),
}  # fmt: skip


@pytest.mark.parametrize("frame", PANDAS.values(), ids=PANDAS)
def test_pandas_frames_come_back(frame: pd.DataFrame) -> None:
    """Values, dtypes, order of columns, index and its frequency are the same."""
    back = crossed(frame, pd.DataFrame)
    pd.testing.assert_frame_equal(back, frame, check_exact=True, check_freq=True)
    assert type(back.index) is type(frame.index)
    assert type(back.columns) is type(frame.columns)
    assert frame.empty or list(map(type, back.iloc[:, 0])) == list(map(type, frame.iloc[:, 0]))


@pytest.mark.parametrize("name", [None, "a", 3, ("a", 1), pd.Timestamp("2026-01-02")])
def test_pandas_series_come_back(name: Any) -> None:
    """With their name and their index."""
    series = pd.Series([1.5, None], index=["x", "y"], name=name)
    pd.testing.assert_series_equal(crossed(series), series)


def test_what_comes_back_can_be_changed() -> None:
    """A step gets values of its own, not views of what is recorded."""
    tree = stored({"frame": pd.DataFrame({"a": [1, 2]}), "array": np.array([1, 2])})
    mine, again = from_tree(tree), from_tree(tree)
    mine["frame"].loc[0, "a"] = 7
    mine["array"][0] = 7
    assert again["frame"].loc[0, "a"] == again["array"][0] == 1


def test_attributes_of_a_frame_come_back() -> None:
    """A unit noted beside the values is not lost without a word."""
    frame = pd.DataFrame({"a": [1]})
    frame.attrs = {"unit": "EUR"}
    assert crossed(frame).attrs == {"unit": "EUR"}
    frame.attrs = {"unit": object()}
    with pytest.raises(PayloadError):
        to_tree(frame)


REFUSED: dict[str, tuple[Any, str]] = {
    "two types": (pd.DataFrame({"ok": [1, 2], "bad": objects("s3cret", 2)}), "['bad']"),
    "objects": (pd.DataFrame({"bad": objects(object())}), "['bad']"),
    "sets": (pd.DataFrame({"bad": objects({1}, {2})}), "['bad']"),
    "dicts of two shapes": (pd.DataFrame({"bad": objects({"x": 1}, {"y": 2})}), "['bad']"),
    "None and nan": (pd.DataFrame({"bad": objects("x", None, np.nan)}), "['bad']"),
    "timestamps as objects": (
        pd.DataFrame({"bad": objects(pd.Timestamp("2026-01-02"))}),
        "['bad']",
    ),
    "complex": (pd.DataFrame({"bad": [1j]}), "['bad']"),
    "sparse": (pd.DataFrame({"bad": pd.arrays.SparseArray([0, 1])}), "['bad']"),
    "a name twice": (pd.DataFrame([[1, 2]], columns=["a", "a"]), ""),
    "labels of two types": (pd.DataFrame([[1, 2]], columns=[1, "a"]), ""),
    "an index without columns": (pd.DataFrame(index=pd.RangeIndex(3)), ""),
    "polars objects": (pl.DataFrame({"bad": pl.Series([object()], dtype=pl.Object)}), "['bad']"),
    "objects in an array": (np.array([object()]), ""),
    "two types in an array": (np.array([1, "s3cret"], dtype=object), ""),
    "a structured array": (np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]), ""),
    "long doubles": (np.array([1], dtype=np.longdouble), ""),
    "a masked array": (np.ma.array([1]), ""),
}


@pytest.mark.parametrize(("value", "path"), REFUSED.values(), ids=REFUSED)
def test_what_arrow_would_change_is_refused(value: Any, path: str) -> None:
    """The error names the step, the place and the column, and no value; nothing is pickled."""
    with pytest.raises(PayloadError) as caught:
        to_tree({"rows": [value]}, "load.return")
    assert caught.value.code == "WF201"
    assert caught.value.path.startswith("load.return.rows[0]" + path)
    assert caught.value.hint
    assert "s3cret" not in str(caught.value)


# -------------------------------------------------------------------------------- polars, pyarrow

POLARS: dict[str, pl.DataFrame] = {
    "numbers": pl.DataFrame({"z": [1, None], "a": [0.5, None]}),
    "texts": pl.DataFrame({"a": ["x", None]}),
    "categories": pl.DataFrame({"a": pl.Series(["x", "y", None], dtype=pl.Categorical)}),
    "enum": pl.DataFrame({"a": pl.Series(["x", "y", None], dtype=pl.Enum(["y", "x"]))}),
    "times": pl.DataFrame({
        "a": [datetime(2026, 1, 2, tzinfo=UTC)], "d": [date(2026, 1, 2)], "t": [time(1, 2)],
        "u": [timedelta(days=1)],
    }),
    "nested": pl.DataFrame({"a": [[1], None], "s": [{"x": 1, "y": "a"}, None]}),
    "decimal": pl.DataFrame({"a": [Decimal("1.10")]}),
    "binary": pl.DataFrame({"a": [b"x", None]}),
    "empty": pl.DataFrame(),
}  # fmt: skip


@pytest.mark.parametrize("frame", POLARS.values(), ids=POLARS)
def test_polars_frames_come_back(frame: pl.DataFrame) -> None:
    """Values, types and the order of columns are the same."""
    back = crossed(frame, pl.DataFrame)
    polars.testing.assert_frame_equal(back, frame, check_exact=True, categorical_as_str=False)
    assert back.schema == frame.schema


def test_polars_series_come_back() -> None:
    """With their name."""
    series = pl.Series("a", [1, None], dtype=pl.Int8)
    polars.testing.assert_series_equal(crossed(series, pl.Series), series)


def test_arrow_tables_come_back() -> None:
    """With their schema and its metadata."""
    table = pa.table({"a": [1, None], "b": [["x"], []]}).replace_schema_metadata({"k": "v"})
    back = crossed(table, pa.Table)
    assert back.equals(table, check_metadata=True)


class Cents(pa.ExtensionType):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(pa.int64(), "tests.cents")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: object, serialized: bytes) -> Cents:
        raise AssertionError("code of somebody's was run to read a value")


@pytest.mark.parametrize("wrap", [lambda a: a, lambda a: pa.ListArray.from_arrays([0, 1], a)])
def test_types_with_code_are_refused(wrap: Any) -> None:
    """An extension type is read by whoever registered it: only Arrow's and pandas' own cross."""
    cents = pa.ExtensionArray.from_storage(Cents(), pa.array([1]))
    with pytest.raises(PayloadError, match=r"tests\.cents"):
        to_tree(pa.table({"a": wrap(cents)}))


# ---------------------------------------------------------------------------------------- numpy

ARRAYS: dict[str, npt.NDArray[Any]] = {
    "integers": np.arange(6, dtype="i2").reshape(2, 3),
    "no dimension": np.array(5),
    "three dimensions": np.arange(24.0).reshape(2, 3, 4),
    "columns first": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "transposed": np.arange(6).reshape(2, 3).T,
    "every other": np.arange(10)[::2],
    "nothing": np.zeros((0, 3), dtype="f4"),
    "half": np.array([1.5, np.inf], dtype="f2"),
    "not a number": np.array([np.nan, -0.0]),
    "large": np.array([2**64 - 1], dtype="u8"),
    "big-endian": np.array([1, 2], dtype=">f8"),
    "booleans": np.array([[True, False]]),
    "complex": np.array([1j, complex(np.nan, 2)]),
    "texts": np.array(["a", "bcü"]),
    "bytes": np.array([b"a\0b"]),
    "hours": np.array(["2026-01-01T03", "NaT"], dtype="M8[h]"),
    "nanoseconds": np.array([1, 2], dtype="m8[ns]"),
    "objects": np.array([["x", None]], dtype=object),
    "integers as objects": np.array([2**40, None], dtype=object),
    "decimals": np.array([Decimal("1.10")], dtype=object),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_arrays_come_back(array: npt.NDArray[Any]) -> None:
    """Every bit, the dtype, the shape and the order in memory; and they can be written to."""
    back = crossed(array, np.ndarray)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert (
        array.tolist() == back.tolist()
        if array.dtype == object
        else back.tobytes() == array.tobytes()
    )
    assert back.flags.f_contiguous >= array.flags.f_contiguous
    assert back.flags.writeable


# ------------------------------------------------------------------------------- by annotation

FRAME = pd.DataFrame({"id": [1, 2], "name": ["x", "y"]})


class Report(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    title: str
    rows: pl.DataFrame


@dataclasses.dataclass
class Batch:
    rows: pl.DataFrame
    weights: npt.NDArray[np.float64]


class Pair(NamedTuple):
    rows: pl.DataFrame
    more: pd.DataFrame | None = None


@pytest.mark.parametrize(
    ("value", "annotation", "found"),
    [
        (FRAME, pl.DataFrame, pl.DataFrame),
        (FRAME, pa.Table, pa.Table),
        (FRAME, pl.DataFrame | None, pl.DataFrame),
        (FRAME, pl.DataFrame | pd.DataFrame, pd.DataFrame),
        (FRAME, Any, pd.DataFrame),
        (FRAME, None, pd.DataFrame),
        (FRAME, object, pd.DataFrame),
        (pl.from_pandas(FRAME), pd.DataFrame, pd.DataFrame),
        (pa.table({"id": [1]}), pd.DataFrame, pd.DataFrame),
        (FRAME["name"], pl.Series, pl.Series),
        (pl.Series("a", [1]), pd.Series, pd.Series),
        (np.eye(2), npt.NDArray[np.float64], np.ndarray),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_step_gets_what_its_annotation_says(value: Any, annotation: Any, found: type) -> None:
    """Frames of one library become those of another; without a say they stay what they were."""
    assert type(crossed(value, annotation)) is found


@pytest.mark.parametrize(
    "annotation", [dict[str, list[pl.DataFrame]], dict[str, tuple[pl.DataFrame, ...]]], ids=str
)
def test_frames_inside_of_containers(annotation: Any) -> None:
    """The annotation decides about frames at any depth."""
    back = crossed({"a": [FRAME, FRAME]}, annotation)
    assert [type(frame) for frame in back["a"]] == [pl.DataFrame, pl.DataFrame]


def test_frames_inside_of_models() -> None:
    """A field's type counts like a parameter's: in models, dataclasses and named tuples."""
    rows, weights = pl.DataFrame({"a": [1]}), np.eye(2)
    as_pandas = {"title": "t", "rows": rows.to_pandas()}
    assert crossed(as_pandas, Report).rows.equals(rows)
    assert crossed(Report(title="t", rows=rows), list[Report] | Report).rows.equals(rows)
    batch = crossed(Batch(rows, weights), Batch)
    assert batch.rows.equals(rows)
    assert (batch.weights == weights).all()
    assert crossed(Pair(rows), Pair).rows.equals(rows)


@pytest.mark.parametrize(
    ("value", "annotation"), [(FRAME, dict[str, int]), (FRAME, np.ndarray), (3, pd.DataFrame)]
)
def test_a_frame_where_none_fits(value: Any, annotation: Any) -> None:
    """It is refused as any other value of another type, by its place."""
    with pytest.raises(PayloadError) as caught:
        crossed(value, annotation)
    assert caught.value.path == "total.df"


def test_the_catalogue_names_them() -> None:
    """A step with frames has JSON Schemas, in which a frame is its type's name."""

    @step
    def total(df: pd.DataFrame, batch: Batch, weights: npt.NDArray[np.float64]) -> Report:
        raise AssertionError(df, batch, weights)

    schema = total.schema()
    assert schema["parameters"]["properties"]["df"] == {"description": "pandas.DataFrame"}
    assert set(schema["parameters"]["properties"]["batch"]["properties"]) == {"rows", "weights"}
    assert schema["return"]["properties"]["title"]["type"] == "string"
    json.dumps(schema)


# ------------------------------------------------------------------------------- how they cross


def test_what_the_source_gets() -> None:
    """Kind, shape, columns and dtype; none of the values."""
    tree = to_tree([FRAME, np.eye(2)])
    frame, array = decode(tree)  # type: ignore[misc]
    assert isinstance(frame, Opaque)
    assert (frame.kind, frame.shape, frame.columns) == ("pandas.DataFrame", (2, 2), ("id", "name"))
    assert (array.kind, array.shape, array.dtype) == ("numpy.ndarray", (2, 2), "float64")


def test_equal_frames_have_equal_trees() -> None:
    """A cell run again with the same data attaches to its run."""
    assert to_tree(FRAME) == to_tree(FRAME.copy())
    assert to_tree(FRAME) != to_tree(FRAME.assign(id=[1, 3]))
    assert decode(to_tree(FRAME)) == decode(to_tree(FRAME.copy()))
    assert decode(to_tree(FRAME)) != decode(to_tree(pl.from_pandas(FRAME)))


def test_nothing_is_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither on the way in nor on the way out."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("pickle")

    for name in ("dump", "dumps", "load", "loads", "Pickler", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    for frame in PANDAS.values():
        crossed(frame)
    for array in ARRAYS.values():
        crossed(array)


def test_a_payload_may_hold_a_frame() -> None:
    """Who resumes a hook from Python may hand a frame to the run."""
    tree = validate_payload(None, None, {"rows": FRAME})
    pd.testing.assert_frame_equal(from_tree(tree)["rows"], FRAME)


FRESH = """
import json, sys
from typing import Any
{before}
from wf_notebook.definition.values import from_tree, to_tree
from wf_notebook.errors import PayloadError
try:
    {do}
except PayloadError as error:
    print(error)
"""


def in_a_fresh_process(do: str, text: str = "", *, without: str = "") -> str:
    before = f"sys.modules[{without!r}] = None" if without else ""
    code = FRESH.format(do=do, before=before)
    found = subprocess.run(
        [sys.executable, "-c", code], input=text, capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


READ = "print(repr(from_tree(json.load(sys.stdin), Any, 'total.df')))"


def test_another_process_reads_them() -> None:
    """Also types that pandas itself tells Arrow about, where pandas was not used before."""
    text = json.dumps(to_tree(PANDAS["periods"].assign(b=pd.interval_range(0, 2))))
    said = in_a_fresh_process(READ.replace("repr(", "str(").replace("'))", "').dtypes)"), text)
    assert "period[M]" in said
    assert "interval[int64, right]" in said


@pytest.mark.parametrize("missing", ["pandas", "pyarrow"])
def test_a_library_that_is_missing_where_it_is_read(missing: str) -> None:
    """The error names the library and what to install."""
    said = in_a_fresh_process(READ, json.dumps(to_tree(FRAME)), without=missing)
    assert said.startswith("WF201 total.df: ")
    assert f"{missing} is not installed here" in said
    assert "wf-notebook[data]" in said


def test_arrow_is_missing_where_they_are_written() -> None:
    """Then frames are refused; the error says what to install, or to make rows of them."""
    do = "import pandas; to_tree(pandas.DataFrame({'a': [1]}), 'load.return')"
    said = in_a_fresh_process(do, without="pyarrow")
    assert said.startswith("WF201 load.return: ")
    assert "pyarrow is not installed here" in said
    assert "to_dict('records')" in said


def test_pandas_is_not_needed_for_polars() -> None:
    """A frame of pandas' is read as one of polars' where there is no pandas."""
    do = "import polars; print(from_tree(json.load(sys.stdin), polars.DataFrame).shape)"
    said = in_a_fresh_process(do, json.dumps(to_tree(FRAME)), without="pandas")
    assert said == "(2, 2)"


def test_no_library_is_loaded_without_need() -> None:
    """Values of other types load none of them."""
    do = "to_tree([1, {'a': (2,)}]); print([m for m in ('numpy', 'pandas', 'polars', 'pyarrow') if m in sys.modules])"
    assert in_a_fresh_process(do) == "[]"
