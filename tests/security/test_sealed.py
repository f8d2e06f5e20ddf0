"""What is sealed opens in its place only: swapped between runs, worlds, events or fields, it does not."""

from __future__ import annotations

import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tests.worlds import KEY, opened
from wf_notebook.errors import WorldDamagedError
from wf_notebook.testing.conformance.appends import add, created, event, hook, received
from wf_notebook.world.store import Chunk
from wf_notebook.world.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

A, OF_B = "run_id = 'a'", "run_id = 'b'"
CREATED = f"{A} and type = 'run_created'"
ASKED = f"{A} and type = 'step_created'"
OUT = f"{A} and stream = 'out'"

# The table and its column; where it is overwritten; with what; which reading must find out.
SWAPS = {
    "the same event of another run": (
        "events payload", ASKED, f"select payload from events where {OF_B} and type = 'step_created'", "read"),
    "another event of the run": (
        "events payload", ASKED, f"select payload from events where {A} and type = 'hook_received'", "read"),
    "arguments as a result": (
        "events payload", f"{A} and type = 'run_completed'", f"select payload from events where {ASKED}", "read"),
    "an event under another id": ("events event_id", CREATED, "select 'x'", "read"),
    "a definition of another run": (
        "definitions record", A, f"select record from definitions where {OF_B}", "definition"),
    "an event as a definition": (
        "definitions record", A, f"select payload from events where {CREATED}", "definition"),
    "a key of another run": ("run_keys wrapped", A, f"select wrapped from run_keys where {OF_B}", "read"),
    "another master key's id": ("run_keys key_id", A, "select '0123456789abcdef'", "read"),
    "a chunk as the next one": (
        "stream_chunks bytes", f"{OUT} and idx = 1", f"select bytes from stream_chunks where {OUT} and idx = 0", "chunks"),
    "a chunk of another stream": (
        "stream_chunks bytes", OUT, f"select bytes from stream_chunks where {A} and stream = 'err'", "chunks"),
    "a chunk of another run": (
        "stream_chunks bytes", OUT, f"select bytes from stream_chunks where {OF_B} and stream = 'out' and idx = 0", "chunks"),
    "a large value of another run": ("blobs bytes", A, f"select max(bytes) from blobs where {OF_B}", "read"),
    "another large value of the run": ("blobs bytes", A, f"select max(bytes) from blobs where {A}", "read"),
    "an altered byte": (
        "events payload", CREATED, f"select payload[:20] || 'xx'::blob || payload[23:] from events where {CREATED}", "read"),
    "an emptied value": ("events payload", CREATED, "select ''::blob", "read"),
}  # fmt: skip


def fill(path: Path) -> None:
    with closing(opened(path)) as store:
        for name in ("a", "b"):
            large = {"x": name * 70_000, "y": f"{name}y" * 70_000}
            add(
                store, name, created(), hook("h", f"token {name}", 2), received("h", "i"),
                event("step_created", "s", data={"args": large}, n=1, alias="a", step_id="i"),
                definition={"source": name},
                chunks=(Chunk("out", 0, "first"), Chunk("out", 1, "second"), Chunk("err", 0, "e")),
            )  # fmt: skip
            add(store, name, event("run_completed", data={"result": 1}))


def reads(path: Path, what: str) -> Any:
    with closing(opened(path)) as store:
        found = store.chunks("a", "out") if what == "chunks" else getattr(store, what)("a")
        return found.result(timeout=30)


@pytest.mark.parametrize("name", SWAPS)
def test_what_was_moved_does_not_open(tmp_path: Path, name: str) -> None:
    """A coded error names run and place; untouched, it opens."""
    path = tmp_path / "w.duckdb"
    fill(path)
    place, where, value, what = SWAPS[name]
    table, column = place.split()
    assert reads(path, what)
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"update {table} set {column} = ({value}) where {where}")
    with pytest.raises(WorldDamagedError, match=r"WF302 .*[Rr]un a\b") as caught:
        reads(path, what)
    assert caught.value.hint
    with closing(opened(path)) as store:
        assert store.read("b").result(timeout=30)
        assert store.definition("b").result(timeout=30) == {"source": "b"}


def test_a_run_moved_into_another_world_does_not_open(tmp_path: Path) -> None:
    """Even under the same master key, with all of its rows."""
    one, two = tmp_path / "one.duckdb", tmp_path / "two.duckdb"
    fill(one)
    fill(two)
    with duckdb.connect(str(two)) as connection:
        connection.execute(f"attach '{one}' as one (read_only)")
        for table in ("events", "definitions", "run_keys", "stream_chunks", "blobs"):
            connection.execute(f"delete from {table} where run_id = 'a'")
            connection.execute(f"insert into {table} from one.{table} where run_id = 'a'")
    for what in ("read", "definition", "chunks"):
        with pytest.raises(WorldDamagedError, match="key of run a"):
            reads(two, what)
    assert reads(shutil.copy(one, tmp_path / "copy.duckdb"), "read")


def test_a_key_is_rewrapped_for_its_run_only() -> None:
    """As another master key wraps it, it opens the same, and nothing that was moved."""
    old, new = Vault("w", KEY), Vault("w", bytes(32))
    key, wrapped = old.new_run("r")
    sealed = key.seal(b"secret", item="e", field="data")
    again = old.rewrapped("r", wrapped, new)
    assert new.open_run("r", again).open(sealed, item="e", field="data") == b"secret"
    for vault, run_id, bytes_ in ((old, "r", again), (new, "r", wrapped), (new, "s", again)):
        with pytest.raises(WorldDamagedError):
            vault.open_run(run_id, bytes_)
    with pytest.raises(WorldDamagedError):
        old.rewrapped("s", wrapped, new)
