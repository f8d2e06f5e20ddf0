"""`wf sql` and `%wf sql`: where the answer goes, and how it looks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from wf_notebook import open_world, step
from wf_notebook.commands import Caller, call, split_words, table
from wf_notebook.errors import UsageError, WorldQueryError
from wf_notebook.views.queried import table_bundle, table_text
from wf_notebook.world.tables import Table
from wf_notebook.world.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wf_notebook import World

SOURCE = """
async def refund(order):
    "use workflow"
    return await steps.asked(order)
"""


@step
def asked(order: str) -> str:
    return f"asked {order}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    path = tmp_path_factory.mktemp("sql") / "w.duckdb"
    with open_world(path, key=b"k" * 32, isolation="inline") as found:
        labels = {"who": "Ada | <b>"}
        found.start(SOURCE, ("a",), steps=[asked], attributes=labels).result(timeout=30)
        found.sql("select 1")  # its thread lasts as long as the world
        yield found


@pytest.fixture
def wf(world: World, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def run(line: str, **changes: Any) -> str:
        caller = Caller("wf", lambda write: world, lambda prompt: "", **changes)
        call(table, split_words(line, table.commands), caller)
        return capsys.readouterr().out

    return run


def test_the_rest_of_the_line_is_the_query(wf: Callable[..., str]) -> None:
    """Quotes and all."""
    assert wf("sql select name, 'x' as \"a b\" from runs") == "name    a b\nrefund  x\n"


def test_without_a_query_the_views_are_explained(wf: Callable[..., str]) -> None:
    """Each with all of its columns, and what opens payloads."""
    said = wf("sql")
    for name, view in VIEWS.items():
        assert f"\n{name}: {view.about}\n" in f"\n{said}"
        assert all(f"  {column} " in said for column in view.meanings)
    assert "payload(run_id, seq): " in said


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("sql --format csv select 1 as a, null as b", "a,b\n1,\n"),
        ("sql --format markdown select text as t from attributes", "| t |\n| --- |\n| Ada \\| <b> |\n"),
        ("sql --format table select 1 as a", "a\n1\n"),
        ("sql select payload(run_id, ended_seq) as p from runs", 'p\n{"result": "asked a"}\n'),
    ],
)  # fmt: skip
def test_an_answer_is_printed_as_it_is_wanted(
    wf: Callable[..., str], line: str, printed: str
) -> None:
    """As text for people or for programs."""
    assert wf(line) == printed


def test_json_has_times_and_numbers(wf: Callable[..., str]) -> None:
    """Times in ISO 8601, bytes as hex, what JSON lacks as text."""
    line = (
        "sql --json select timestamp '2026-01-02 03:04:05' t, 'x'::blob b, 'nan'::double n, [1] l"
    )
    assert json.loads(wf(line)) == [{"t": "2026-01-02T03:04:05", "b": "78", "n": "NaN", "l": [1]}]
    assert json.loads(wf("sql --json from runs where false")) == []


def test_a_file_is_written(wf: Callable[..., str], tmp_path: Path) -> None:
    """Parquet with the types of the columns; CSV and JSON; whole, or not at all."""
    place = tmp_path / "steps.parquet"
    assert wf(f"sql -o {place} from steps") == f"Wrote 1 row to {place}.\n"
    found = pq.read_table(place)
    assert found.column_names == list(VIEWS["steps"].meanings)
    assert str(found.schema.field("created").type) == "timestamp[us]"
    wf(f"sql --output {tmp_path}/steps.csv select alias from steps")
    assert (tmp_path / "steps.csv").read_text() == "alias\nasked\n"
    wf(f"sql -o {tmp_path}/steps.json select alias from steps")
    assert json.loads((tmp_path / "steps.json").read_text()) == [{"alias": "asked"}]
    for wrong in (
        f"{tmp_path}/x.txt",
        f"{tmp_path}/nowhere/x.csv",
        f"{tmp_path}/nowhere/x.parquet",
    ):
        with pytest.raises(UsageError) as caught:
            wf(f"sql -o {wrong} from steps")
        assert caught.value.hint
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "steps.csv",
        "steps.json",
        "steps.parquet",
    ]


def test_a_notebook_keeps_the_answer(wf: Callable[..., str]) -> None:
    """As the value of the line, or under a name; as a frame, if one is wanted."""
    kept: list[tuple[object, str | None]] = []

    def gives(value: object, name: str | None) -> bool:
        kept.append((value, name))
        return True

    assert wf("sql select 1 as a", gives=gives) == ""
    assert wf("sql --out x select 2 as a", gives=gives) == ""
    wf("sql --frame pandas select 3 as a", gives=gives)
    (first, none), (second, name), (third, _) = kept
    assert isinstance(first, Table)
    assert isinstance(second, Table)
    assert (first.rows, none, second.rows, name) == ([(1,)], None, [(2,)], "x")
    frame: Any = third
    assert frame["a"].to_list() == [3]
    assert wf("sql --json select 1 as a", gives=gives).startswith("[")
    assert len(kept) == 3


@pytest.mark.parametrize("line", ["sql --out x select 1", "sql --frame pandas select 1"])
def test_a_shell_keeps_nothing(wf: Callable[..., str], line: str) -> None:
    """It says so, with what to do instead."""
    with pytest.raises(UsageError, match="no values"):
        wf(line)


def test_a_query_that_takes_long_is_stopped(wf: Callable[..., str]) -> None:
    """After the time that was given."""
    slow = "select count(*) from range(1e9::bigint) a, range(1e9::bigint) b"
    with pytest.raises(WorldQueryError, match="was stopped"):
        wf(f"sql --timeout 50ms {slow}")
    with pytest.raises(UsageError, match="timeout"):
        wf("sql --timeout soon select 1")
    assert wf("sql --timeout 60s select 1 as a") == "a\n1\n"


def test_of_many_rows_the_first_are_shown() -> None:
    """With how many more there are, and what to do; a long value is cut."""
    found = Table(("n", "text"), [(n, "x" * 500) for n in range(1000)], ("BIGINT", "VARCHAR"))
    lines = table_text(found).split("\n")
    assert len(lines) == 202
    assert lines[-1].startswith("… and 800 more rows: ")
    assert len(lines[1]) < 150
    bundle = table_bundle(found)
    assert bundle["text/html"].count("<tr") == 51
    assert "1,000 rows … and 950 more" in bundle["text/html"]
    assert bundle["text/plain"].endswith(lines[-1].replace("800", "950"))


def test_a_narrow_terminal_is_fitted() -> None:
    """The widest cells are cut."""
    found = Table(("n", "text"), [(1, "x" * 90)], ("BIGINT", "VARCHAR"))
    assert max(map(len, table_text(found, width=40).split("\n"))) == 40
    assert len(table_text(found).split("\n")[1]) == 93


def test_a_plan_is_a_drawing(wf: Callable[..., str]) -> None:
    """What EXPLAIN tells stays in its lines, in a terminal and under a cell."""
    drawing = "╭─ Scan ─╮\n│ <runs> │\n╰────────╯"
    found = Table(("explain_key", "explain_value"), [("physical_plan", drawing)])
    assert table_text(found, width=40) == drawing
    html = table_bundle(found)["text/html"]
    assert html.count("white-space: pre") == 3
    assert "│ &lt;runs&gt; │" in html
    assert wf("sql explain select 1 as a").count("\n") > 3


def test_what_stands_in_a_row_is_text() -> None:
    """Markup and controls in names and values are shown, not obeyed; null is no text."""
    found = Table(("<i>", "n"), [("<script>\x1b[2J", None)], ("VARCHAR", "BIGINT"))
    html = table_bundle(found)["text/html"]
    assert "<script" not in html
    assert "&lt;script&gt;\\x1b[2J" in html
    assert "&lt;i&gt;" in html
    assert ">null<" in html
    assert "\x1b" not in table_text(found)
