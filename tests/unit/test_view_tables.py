"""The life of a table of runs: what it hears, what is asked of it, and what it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.view_room import SOURCE, Shown, furnished, never
from wf_notebook.errors import WorldError, WorldKeyError
from wf_notebook.notebook.tables import LIVE
from wf_notebook.views.card import WIDGET_MIME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.view_room import Room


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    yield from furnished(monkeypatch)


def test_runs_come_change_and_end_in_it(room: Room) -> None:
    """Those that there were, those that begin, how each stands; and nothing is sent at rest."""
    old = room.start("old")
    room.end(old, "old")
    shown = Shown(room)
    assert shown.statuses == {old.id: "completed"}
    run = room.start("a")
    room.until(lambda: shown.statuses.get(run.id) == "suspended")
    (row,) = [row for row in shown.table["rows"] if row["run_id"] == run.id]
    assert row["waits"][0] == "hook a (open for "
    room.end(run, "a")
    room.until(lambda: shown.statuses[run.id] == "completed")
    assert shown.table["counts"] == {"completed": 2}
    (table,) = room.displays._tables._live
    room.world.host.call(table._show)
    sent = len(shown.comm.sent)
    room.world.host.runner.notify(run._activity)  # which stands as it did
    room.world.host.call(table._show)
    assert len(shown.comm.sent) == sent


def test_what_happens_while_it_is_being_shown_is_in_it(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that begins after the first snapshot was made, and before anybody could be told."""
    publish, begun = room.outputs.publish, []
    runner: Any = room.world.host.runner

    def slow(*data: Any, **options: Any) -> None:
        begun.append(room.start("a"))
        while runner._turns:  # whose end is told, too
            room.settle()
        publish(*data, **options)

    monkeypatch.setattr(room.outputs, "publish", slow)
    shown = Shown(room)
    room.until(lambda: shown.statuses == {begun[0].id: "suspended"})
    monkeypatch.setattr(room.outputs, "publish", publish)


def test_one_that_leaves_the_snapshot_is_told_after_it(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it the browser would take the older snapshot for newer."""
    monkeypatch.setattr("wf_notebook.views.roster.ROWS", 1)
    runs = {run.id: (run, token) for token in "ab" for run in [room.start(token)]}
    old, new = sorted(runs)  # at the same time: by their ids
    room.end(*runs[new])
    shown = Shown(room)
    assert shown.statuses == {old: "suspended"}
    room.end(*runs[old])
    room.until(lambda: bool(shown.comm.custom))
    snapshot, told = (data for data in shown.comm.sent if data["method"] in ("update", "custom"))
    assert old not in str(snapshot["state"])
    assert [row["status"] for row in told["content"]["rows"]] == ["completed"]


def test_several_are_cancelled(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Done, too late or refused is told of each; an unknown one has ended as far as anyone knows."""
    runs = [room.start(token) for token in "abc"]
    room.end(runs[2], "c")
    shown = Shown(room)
    cancel = room.world.host.cancel

    def locked(run_id: str, reason: str | None) -> Any:
        if run_id == runs[1].id:
            raise WorldKeyError("The key is missing.")
        return cancel(run_id, reason)

    monkeypatch.setattr(room.world.host, "cancel", locked)
    shown = Shown(room)
    ids = [run.id for run in runs]
    told = shown.ask("cancel", runs=[*ids, "wrun_none"])
    assert told["done"] == [ids[0]]
    assert told["late"] == [ids[2], "wrun_none"]
    assert "The key is missing." in told["refused"][ids[1]]
    room.until(lambda: shown.statuses[ids[0]] == "cancelled")
    assert shown.statuses[ids[1]] == "suspended"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"op": "cancel", "runs": []}, "No run was named"),
        ({"op": "cancel", "runs": ["wrun_1", 7]}, "No run was named"),
        ({"op": "cancel", "runs": [str(n) for n in range(2000)]}, "2000 runs are too many"),
        ({"op": "cancel", "runs": "wrun_1"}, "No run was named"),
        ({"op": "older", "status": "", "text": "", "before": ["x"]}, "after which run"),
        ({"op": "older", "status": 1, "text": "", "before": None}, "does not know"),
        ({"op": "rerun"}, "does not know"),
        ({"op": "open", "run_id": "wrun_none"}, "There is no run 'wrun_none'"),
        ({"op": "resume"}, "does not know"),
    ],
)
def test_what_cannot_be_done_is_refused_with_words(
    room: Room, message: dict[str, Any], said: str
) -> None:
    """Whatever a browser sends, it is answered, and the table lives on."""
    shown = Shown(room)
    told = shown.ask(**message)
    assert told["op"] == "refused"
    assert said in told["message"]
    shown.comm.receive("nonsense")
    assert shown.ask("hello")["now_us"] == room.world.host.clock.now_us()


def test_a_run_is_opened_below_and_its_card_stays(room: Room) -> None:
    """It has a live view; when the table goes, both leave what is static."""
    run = room.start("a")
    shown = Shown(room)
    opened = shown.ask("open", run_id=run.id)
    assert room.comms[opened["model_id"]].opened["data"]["state"]["view"]["run_id"] == run.id
    model = shown.model
    room.displays.close()
    assert set(shown.output) == {"text/plain", "text/html"}
    assert shown.output["text/html"].count("max-width: 960px") == 2  # the table and the card
    for one in (model, opened["model_id"]):
        assert room.comms[one].sent[-1] == {"method": "closed"}
    assert room.world.host.runner.watchers == []


def test_it_leaves_how_runs_stood_last(room: Room) -> None:
    """Not how they stood when it was shown."""
    run = room.start("a")
    shown = Shown(room)
    assert "suspended" in shown.output["text/html"]
    room.end(run, "a")
    room.displays.close()
    assert "completed" in shown.output["text/html"]
    assert "suspended" not in shown.output["text/html"]


def test_only_the_newest_live(room: Room) -> None:
    """A cell that is run again and again leaves static tables, and no more widgets."""
    tables = [Shown(room) for _ in range(LIVE + 2)]
    assert [WIDGET_MIME in shown.output for shown in tables] == [False] * 2 + [True] * LIVE
    assert len({shown.display for shown in tables}) == LIVE + 2
    assert len(room.world.host.runner.watchers) == LIVE


def test_a_card_is_static_from_the_start(room: Room) -> None:
    """As headless runs need it: nothing listens."""
    room.start("a")
    shown = Shown(room, "card")
    assert set(shown.output) == {"text/plain", "text/html"}
    assert room.world.host.runner.watchers == []


def test_labels_choose(room: Room) -> None:
    """Only runs that are labelled so, those that begin later too."""
    shown = Shown(room, labels={"customer": "A"})
    room.start("a")
    mine = room.world.start(SOURCE, ("b",), steps=[never], attributes={"customer": "A"})
    room.until(lambda: shown.statuses == {mine.id: "suspended"})


def test_what_was_forgotten_stays_as_a_line(room: Room) -> None:
    """Its name and id are in the list still, and nothing can be opened."""
    run = room.start("a")
    room.end(run, "a")
    shown = Shown(room)
    room.world.forget(run.id)
    room.until(lambda: shown.statuses[run.id] == "forgotten")


def test_one_that_cannot_be_shown_is_given_up(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine goes on, and says so once; what was shown last stays."""
    shown = Shown(room)
    (table,) = room.displays._tables._live
    heard: list[dict[str, Any]] = []
    loop = room.world.host.loop
    loop.set_exception_handler(lambda _loop, context: heard.append(context))
    monkeypatch.setattr(table, "_put", lambda *_: 1 / 0)
    run = room.start("a")
    room.end(run, "a")
    room.world.host.call(table._show)
    assert room.world.host.runner.watchers == []
    assert [type(context["exception"]) for context in heard] == [ZeroDivisionError]
    room.displays.close()
    assert set(shown.output) == {"text/plain", "text/html"}


def test_one_that_cannot_be_read_leaves_nothing(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked is told why, and nobody listens on."""

    def broken(**_: Any) -> Any:
        raise WorldError("The world cannot be read.")

    monkeypatch.setattr(room.world.host.store, "runs", broken)
    with pytest.raises(WorldError, match="cannot be read"):
        Shown(room)
    room.settle()
    assert room.world.host.runner.watchers == []
    assert room.outputs.shown == {}


def test_a_world_that_was_closed_leaves_its_tables(room: Room) -> None:
    """At the end of the cell; what is asked before is refused with words."""
    room.start("a")
    shown = Shown(room)
    comm = shown.comm
    room.world.close()
    comm.receive({"op": "hello", "id": "h"})
    assert "was closed" in comm.custom[-1]["message"]
    room.displays.end_cell()
    assert set(shown.output) == {"text/plain", "text/html"}
    assert comm.sent[-1] == {"method": "closed"}
