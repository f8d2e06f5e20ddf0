"""Forgetting and changing the key, cut off at every step: all or nothing, and then made up for."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.crash.cutting import (
    DONE,
    NEW_KEY,
    POINTS,
    TwoKeys,
    act,
    cut,
    left_in,
    no_space,
    sealed_bytes,
    wrapped_keys,
)
from tests.sizes import sized
from tests.worlds import KEY, opened, rows
from wf_notebook.errors import RunForgottenError, WorldError, WorldFullError
from wf_notebook.testing.conformance.appends import add, created, event, hook, log, received, step
from wf_notebook.world import opening
from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.keys import GivenKey
from wf_notebook.world.store import Chunk
from wf_notebook.world.vault import key_id

if TYPE_CHECKING:
    from pathlib import Path

    from wf_notebook.world.store import EventStore

PLAIN = ("label-7f3a", "token-7f3a", "notebook-7f3a", "alias-7f3a")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "w.duckdb"


def fill(store: EventStore) -> None:
    """Two runs to be forgotten, one that stays, one that lives."""
    for name in ("gone", "also", "kept"):
        asked = event("step_created", "s", data={"args": {"x": f"{name} " * 20_000}}, n=1,
                      alias="alias-7f3a", step_id="i")  # fmt: skip
        add(
            store, name,
            created(attributes={"a": "label-7f3a"}, origin={"notebook": "notebook-7f3a"}),
            asked, hook("h", "token-7f3a" if name == "gone" else name, 2), received("h", "i"),
            definition={"source": f"source of {name}"}, chunks=(Chunk("out", 0, name * 50),),
        )  # fmt: skip
        add(store, name, event("run_failed", data={"error": {"message": name * 30}}, code="X"))
    add(store, "live", created(), hook("h", "t"))


def check_others(store: EventStore) -> None:
    """Whatever became of the forgotten: the others can be read, and moved on."""
    assert len(log(store, "kept")) == 5
    assert store.definition("kept").result(timeout=30) == {"source": "source of kept"}
    before = len(log(store, "live"))
    add(store, "live", step(f"s{before}", before))
    assert len(log(store, "live")) == before + 1


def is_forgotten(store: EventStore) -> bool:
    """Whether both runs are forgotten; each is so wholly or not at all."""
    rows = {row.run_id: row for row in store.runs(limit=None).result(timeout=30)}
    states = {rows[name].status for name in ("gone", "also")}
    assert len(states) == 1
    found = [store.read(name).exception(timeout=30) for name in ("gone", "also")]
    if states == {"forgotten"}:
        assert all(isinstance(error, RunForgottenError) for error in found)
        return True
    assert found == [None, None]
    assert store.definition("gone").result(timeout=30) == {"source": "source of gone"}
    return False


def test_nothing_of_a_forgotten_run_is_left_in_any_file(place: Path) -> None:
    """Not a piece of what was sealed, nor its key, nor its labels; it was all there before."""
    with closing(opened(place)) as store:
        fill(store)
        pieces = [*sealed_bytes(store, "gone", "also"), b"token-7f3a"]
        kept = sealed_bytes(store, "kept")
        assert left_in(place.parent, pieces) == len(pieces)
        act(store, "forget")
        assert is_forgotten(store)
        assert left_in(place.parent, pieces) == 0
        assert left_in(place.parent, kept) == len(kept)
        check_others(store)
    assert left_in(place.parent, pieces) == 0
    assert sorted(os.listdir(place.parent)) == ["w.duckdb", "w.duckdb.head"]
    with closing(opened(place)) as store:
        assert is_forgotten(store)
        check_others(store)


def test_the_plain_part_of_a_run_goes_too(place: Path) -> None:
    """Labels, tokens, names of steps and of the notebook, when no other run has them."""
    with closing(opened(place)) as store:
        fill(store)
        act(store, "forget")
        store.forget(["kept"], now_us=6000).result(timeout=60)
    assert [word for word in PLAIN if left_in(place.parent, [word.encode()])] == []


def test_several_are_forgotten_with_one_rewriting(place: Path) -> None:
    """And in one commit."""
    with closing(opened(place)) as store:
        fill(store)
        before = store.commits
        act(store, "forget")
        assert store.commits == before + 1
        noted = rows(store, "select what, count(*), min(commit_no) from upkeep group by what")
        assert sorted(noted) == [("forgotten", 2, before + 1), ("rewritten", 1, before + 1)]


def test_without_room_nothing_is_forgotten(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at first: the runs stay, and can be forgotten when there is room."""
    with closing(opened(place)) as store:
        fill(store)
        for what in ("forget", "rotate"):
            with monkeypatch.context() as patch:
                patch.setattr(opening, "has_room", lambda _path: False)
                with pytest.raises(WorldFullError, match="rewritten"):
                    act(store, what)
        assert not is_forgotten(store)
        assert store.key_id == key_id(KEY)
        check_others(store)
        act(store, "forget")
        assert is_forgotten(store)


def test_what_could_not_be_rewritten_is_when_asked_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without opening the world anew."""
    with closing(opened(place)) as store:
        fill(store)
        pieces = sealed_bytes(store, "gone", "also")
        with monkeypatch.context() as patch:
            cut("copied", no_space, patch.setattr)
            with pytest.raises(WorldFullError, match="still in"):
                act(store, "forget")
        assert is_forgotten(store)
        assert left_in(place.parent, pieces) > 0
        act(store, "forget")
        assert left_in(place.parent, pieces) == 0


def test_a_world_without_room_opens_all_the_same(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rewriting waits for a better day; a reader waits for nothing."""
    with closing(opened(place)) as store:
        fill(store)
        pieces = sealed_bytes(store, "gone", "also")
        with monkeypatch.context() as patch:
            cut("copied", no_space, patch.setattr)
            with pytest.raises(WorldFullError):
                act(store, "forget")
    with monkeypatch.context() as patch:
        patch.setattr(opening, "has_room", lambda _path: False)
        with closing(opened(place)) as store:
            assert is_forgotten(store)
            check_others(store)
            assert left_in(place.parent, pieces) > 0
    with closing(opened(place)) as store:
        assert left_in(place.parent, pieces) == 0
    with closing(opened(place, read_only=True)) as store:
        assert is_forgotten(store)
        with pytest.raises(WorldError, match="reading only"):
            act(store, "forget")


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("what", ["forget", "rotate"])
def test_a_failure_at_any_step_harms_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch, what: str, point: str
) -> None:
    """The world goes on, in this process and the next, and the next one makes up for it."""
    with closing(opened(place)) as store:
        fill(store)
        pieces = sealed_bytes(store, "gone", "also") if what == "forget" else wrapped_keys(store)
        with monkeypatch.context() as patch:
            cut(point, no_space, patch.setattr)
            with pytest.raises(WorldError):
                act(store, what)
        if point != "to be opened":  # then only the next process goes on
            check_others(store)
    check_after(place, what, pieces, done=point in DONE)


def check_after(place: Path, what: str, pieces: list[bytes], *, done: bool) -> None:
    """What the next process finds."""
    with closing(DuckDBStore.open(place, key_provider=TwoKeys())) as store:
        assert store.locked is None
        check_others(store)
        if what == "forget":
            assert is_forgotten(store) is done
        else:
            assert store.key_id == key_id(NEW_KEY if done else KEY)
            assert not is_forgotten(store)
        if done:
            assert left_in(place.parent, pieces) == 0
        act(store, what)
        assert left_in(place.parent, pieces) == 0
        check_others(store)
    assert sorted(os.listdir(place.parent)) == ["w.duckdb", "w.duckdb.head"]


def killed() -> list[tuple[str, str]]:
    """Where it is killed: a few places per change, all by night."""
    all_ = [(what, point) for what in ("forget", "rotate") for point in POINTS]
    return random.Random(7).sample(all_, sized(5, len(all_)))


def test_a_kill_at_any_step_harms_nothing(tmp_path: Path) -> None:
    """Kill -9 where it hurts: the next process finds all or nothing, and finishes it."""
    for number, (what, point) in enumerate(killed()):
        place = tmp_path / str(number) / "w.duckdb"
        place.parent.mkdir()
        with closing(opened(place)) as store:
            fill(store)
            pieces = (
                sealed_bytes(store, "gone", "also") if what == "forget" else wrapped_keys(store)
            )
        child = subprocess.run(
            [sys.executable, "-m", "tests.crash.cutting", str(place), what, point],
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert child.returncode == -signal.SIGKILL, (what, point, child.stderr)
        check_after(place, what, pieces, done=point in DONE)


# --- the master key ----------------------------------------------------------------------------


def test_after_a_rotation_the_old_key_opens_nothing(place: Path) -> None:
    """Nor does it in any byte of the file; the new one opens everything, old and new."""
    with closing(opened(place)) as store:
        fill(store)
        old = wrapped_keys(store)
        act(store, "rotate")
        assert store.key_id == key_id(NEW_KEY)
        assert left_in(place.parent, old) == 0
        add(store, "new", created(), definition={"source": "x"})
        check_others(store)
        assert rows(store, "select distinct key_id from run_keys") == [(key_id(NEW_KEY),)]
    with closing(opened(place)) as store:
        assert store.locked is not None
    with closing(DuckDBStore.open(place, key_provider=GivenKey(NEW_KEY))) as store:
        assert store.locked is None
        check_others(store)
        assert len(log(store, "new")) == 1


def test_a_locked_world_gets_no_new_key(place: Path) -> None:
    """Only whoever can open it can seal it anew."""
    with closing(opened(place)) as store:
        fill(store)
    with closing(DuckDBStore.open(place, key_provider=GivenKey(NEW_KEY))) as store:
        with pytest.raises(WorldError, match="sealed with the key"):
            act(store, "rotate")
        act(store, "forget")  # which needs no key
        assert {r.status for r in store.runs(status="forgotten").result(timeout=30)} == {
            "forgotten"
        }
    with closing(opened(place)) as store:
        assert is_forgotten(store)
        check_others(store)
