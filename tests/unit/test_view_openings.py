"""Runs shown inside the view of another, and what the outputs of a session leave behind."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.view_room import CHILD, PARENT, SOURCE, furnished, never
from wf_notebook.errors import RunNotFoundError, UsageError
from wf_notebook.notebook.openings import OPEN, Openings
from wf_notebook.views.card import WIDGET_MIME
from wf_notebook.views.widget import widget_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.view_comm import PretendComm
    from tests.view_room import Room
    from wf_notebook.run import Run
    from wf_notebook.views.model import RunView


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    yield from furnished(monkeypatch)


def closed(room: Room, model_id: str) -> bool:
    return room.comms[model_id].sent[-1] == {"method": "closed"}


def test_a_run_is_opened_inside_another_s_view(room: Room) -> None:
    """It has a widget of its own, one for that place, and its snapshots follow."""
    first, second = room.start("a"), room.start("b")
    opens = room.show(first)
    found = room.ask(opens.open(second.id))
    place = widget_id(second.id, widget_id(first.id))
    assert found == {"run_id": second.id, "model_id": place}
    assert room.ask(opens.open(second.id)) == found
    assert len(room.comms) == 2 * 2  # each of the two widgets has a layout
    room.end(second, "b")
    (state,) = room.comms[place].updates[-1:]
    assert state["view"]["status"] == "completed"
    assert not closed(room, place)  # people look at what has ended, too


def test_what_cannot_be_opened_says_why(room: Room) -> None:
    """No such run; the very run that is shown; more than are bearable."""
    run = room.start("a")
    opens = room.show(run)
    with pytest.raises(RunNotFoundError):
        room.ask(opens.open("wrun_none"))
    with pytest.raises(UsageError, match="the one that is shown here"):
        room.ask(opens.open(run.id))
    for n in range(OPEN):
        room.ask(opens.open(room.start(f"b{n}").id))
    with pytest.raises(UsageError, match="shown inside this view already"):
        room.ask(opens.open(room.start("c").id))


def test_a_list_opens_its_rows(room: Room) -> None:
    """A view that shows no run opens any, and has none to start anew."""
    run = room.start("a")
    setting = room.displays._setting(room.world.host)
    opens = Openings(room.world.host, setting, display="a list", changed=lambda: None)
    assert room.ask(opens.open(run.id))["model_id"] == widget_id(run.id, "a list")
    with pytest.raises(UsageError, match="no run to start anew"):
        room.ask(opens.rerun())
    opens.close()


def test_a_rerun_is_shown_below_its_run(room: Room) -> None:
    """It is linked to the run that it repeats, and its view opens others in turn."""
    run = room.start("a")
    opens = room.show(run)
    found = room.ask(opens.rerun())
    again = room.world.get(found["run_id"])
    assert again.state.created["rerun_of"] == run.id
    assert room.comms[found["model_id"]].opened["data"]["state"]["view"]["rerun_of"] == run.id
    (inner,) = opens._opened.values()
    back = room.ask(inner.live.openings.open(run.id))
    assert back["model_id"] == widget_id(run.id, found["model_id"])


def test_an_output_stays_while_a_run_is_alive_in_it(room: Room) -> None:
    """When the last of them has ended the cards of all take the place of the widget."""
    run = room.start("a")
    opens = room.show(run)
    found = room.ask(opens.rerun())
    again = room.world.get(found["run_id"])
    again.wait_for("terminal", timeout=30)  # by a conflict: its token is taken
    other = room.start("b")
    room.ask(opens.open(other.id))
    room.end(run, "a")
    (data,) = room.outputs.shown.values()
    assert WIDGET_MIME in data
    room.displays.end_cell()
    room.end(other, "b")
    (data,) = room.outputs.shown.values()
    assert WIDGET_MIME not in data
    for each in (run, again, other):
        assert each.id in data["text/html"]
        assert each.id in data["text/plain"]
    assert closed(room, widget_id(run.id))
    assert closed(room, found["model_id"])
    room.displays.end_cell()
    assert room.displays._shown == {}


def test_a_cell_that_ends_just_when_the_last_run_inside_does_loses_nothing(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cell's look comes between the last snapshot and the word that it was the last."""
    run, other = room.start("a"), room.start("b")
    opens = room.show(run)
    room.ask(opens.open(other.id))
    room.end(run, "a")
    (inner,) = opens._opened.values()
    publish = inner.live.widget.publish

    def publish_and_look(view: RunView, *, blocked: str = "") -> None:
        publish(view, blocked=blocked)
        room.displays.end_cell()

    monkeypatch.setattr(inner.live.widget, "publish", publish_and_look)
    room.end(other, "b")
    (data,) = room.outputs.shown.values()
    assert WIDGET_MIME not in data
    assert closed(room, widget_id(run.id))


def test_a_cell_that_ends_while_a_view_closes_keeps_nothing_of_it(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is still alive when it is over is kept for the session's end, and this is not."""
    run = room.start("a")
    room.show(run)
    publish, looked = room.outputs.publish, threading.Event()

    def publish_and_look(*args: Any, **kwargs: Any) -> None:
        publish(*args, **kwargs)
        if not looked.is_set():
            looked.set()
            room.displays.end_cell()

    monkeypatch.setattr(room.outputs, "publish", publish_and_look)
    room.end(run, "a")
    assert looked.wait(timeout=30)  # on the engine's thread, which may be later than the run's end
    room.settle()
    room.displays.end_cell()
    assert (room.displays._shown, room.displays._left) == ({}, [])


def test_a_view_that_is_shut_is_let_go(room: Room) -> None:
    """Its widget is closed, nothing of it stays in the card, and its run goes on."""
    first, second = room.start("a"), room.start("b")
    opens = room.show(first)
    found = room.ask(opens.open(second.id))
    room.settle()
    assert room.ask(opens.shut(second.id)) == {}
    assert room.ask(opens.shut("wrun_never")) == {}
    room.settle()
    assert closed(room, found["model_id"])
    assert second._act.subscribers == []
    room.end(first, "a")
    (data,) = room.outputs.shown.values()
    assert second.id not in data["text/html"]
    assert second.status == "suspended"


def test_after_the_end_nothing_is_opened(room: Room) -> None:
    """A view that was closed says so, and where the run can be seen."""
    first, second = room.start("a"), room.start("b")
    opens = room.show(first)
    room.end(first, "a")
    with pytest.raises(UsageError, match=f"%wf show {second.id}"):
        room.ask(opens.open(second.id))


def test_a_session_that_ends_closes_all(room: Room) -> None:
    """Views inside views, watches and widgets; the outputs keep their cards."""
    runs = [room.start(token) for token in "abc"]
    opens = room.show(runs[0])
    for run in runs[1:]:
        room.ask(opens.open(run.id))
    room.settle()
    room.displays.close()
    room.settle()
    assert all(closed(room, key) for key, found in room.comms.items() if "view" in state_of(found))
    assert [run._act.subscribers for run in runs] == [[], [], []]
    (data,) = room.outputs.shown.values()
    assert set(data) == {"text/html", "text/plain"}


def state_of(found: PretendComm) -> dict[str, Any]:
    state: dict[str, Any] = found.opened["data"]["state"]
    return state


def test_views_that_come_and_go_leave_nothing(room: Room) -> None:
    """Opened and shut: no widget, no watch, no subscription."""
    first, second = room.start("a"), room.start("b")
    opens = room.show(first)
    before, threads = room.open_widgets, threading.active_count()
    for _ in range(100):
        room.ask(opens.open(second.id))
        room.ask(opens.shut(second.id))
    room.settle()
    assert (room.open_widgets, second._act.subscribers) == (before, [])
    assert threading.active_count() <= threads + 1
    assert opens.views == []


def test_a_child_is_known_to_its_parent_s_view(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step that has started it shows it, at once, and again when its world was read anew."""
    run = room.start("a", PARENT)
    (child,) = run.children()
    view = run.view()
    assert [(row.kind, row.child) for row in view.rows] == [("step", child.id), ("hook", "")]
    assert view.to_json()["children"] == [child.id]
    monkeypatch.setattr(run._act, "children", {})
    assert run.view().rows[0].child == ""
    run.log.find_children().result(timeout=30)
    assert run.view().rows[0].child == child.id


def test_what_was_submitted_last_is_compared(room: Room) -> None:
    """Under the run's name and notebook; a run that nothing was submitted for has no difference."""
    first = room.start("a")
    room.displays.submitted(first)
    reveal: Callable[[Run], Any] = lambda run: room.ask(  # noqa: E731
        room.displays._shown[run.id]._live.widget._reading.reveal()  # type: ignore[union-attr]
    )
    room.show(first)
    assert reveal(first)["changed"] is None
    edited = SOURCE.replace("token=token", "token=token + '!'")
    room.displays.submitted(room.world.start(edited, ("b",), steps=[never]))
    assert "token=token + '!'" in reveal(first)["changed"]
    other = room.start("c", CHILD)
    room.show(other)
    assert reveal(other)["changed"] is None
