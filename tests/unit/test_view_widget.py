"""The live view's kernel side: what is synced, what is only sent, and what clicks do."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import comm
import pytest

from tests.view_comm import PretendComm
from tests.view_reading import SOURCE, PretendSource, definition_of
from tests.view_runs import RUN_ID, SECRET, T0, Log, many, suspended
from tests.view_streams import PretendStreams
from wf_notebook.errors import (
    HookNotFoundError,
    HookPayloadError,
    RunNotFoundError,
    WorldClosedError,
    WorldKeyError,
)
from wf_notebook.views.reading import Reading
from wf_notebook.views.widget import RunWidget, browser_module, browser_styles, widget_id

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

NOW = T0 + 10_000_000


class PostBox:
    """A loop that runs what was posted when the test says so."""

    def __init__(self) -> None:
        self.posted: list[Callable[[], object]] = []
        self.closed = False

    def call_soon_threadsafe(self, callback: Callable[[], object], /) -> None:
        if self.closed:
            raise RuntimeError("Event loop is closed")
        self.posted.append(callback)

    def run(self) -> None:
        while self.posted:
            self.posted.pop(0)()

    def time(self) -> float:
        raise AssertionError

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Any:
        raise AssertionError(delay, callback)

    def call_exception_handler(self, context: dict[str, Any], /) -> None:
        raise AssertionError(context)


class PretendHost:
    """Where a view is answered: coroutines run at once, what they answer is posted."""

    def __init__(self) -> None:
        self.loop = PostBox()
        self.clock = Clock()

    def submit(self, coroutine: Coroutine[Any, Any, dict[str, Any]], /) -> Future[dict[str, Any]]:
        future: Future[dict[str, Any]] = Future()
        if self.loop.closed:
            coroutine.close()
            raise WorldClosedError("The world was closed.")
        try:
            future.set_result(asyncio.run(coroutine))
        except Exception as error:  # noqa: BLE001 - the future carries it on
            future.set_exception(error)
        return future


class Clock:
    def now_us(self) -> int:
        return NOW

    async def wait_until(self, time_us: int) -> None:
        raise AssertionError(time_us)

    def idle(self) -> None:
        raise AssertionError


class Asked:
    """Actions that keep what was asked; the test completes them."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.futures: list[Future[Any]] = []
        self.error: Exception | None = None

    def _ask(self, *call: Any) -> Future[Any]:
        if self.error is not None:
            raise self.error
        self.calls.append(call)
        self.futures.append(Future())
        return self.futures[-1]

    def resume(self, token: str, payload: object, resume_id: str) -> Future[Any]:
        return self._ask("resume", token, payload, resume_id)

    def wake(self, wait_id: str | None) -> Future[Any]:
        return self._ask("wake", wait_id)

    def cancel(self) -> Future[Any]:
        return self._ask("cancel")


class PretendOpens:
    """Opens runs by keeping what was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []

    async def rerun(self) -> dict[str, Any]:
        self.calls.append(("rerun",))
        return {"run_id": "wrun_again", "model_id": "m2"}

    async def open(self, run_id: str, /) -> dict[str, Any]:
        self.calls.append(("open", run_id))
        if run_id == "gone":
            raise RunNotFoundError("There is no run 'gone' in this world.")
        return {"run_id": run_id, "model_id": "m1"}

    async def shut(self, run_id: str, /) -> dict[str, Any]:
        self.calls.append(("shut", run_id))
        return {}


class Stage:
    """A widget with everything around it."""

    def __init__(self, log: Log | None = None, **options: Any) -> None:
        shown = log or suspended()
        self.host = PretendHost()
        self.loop = self.host.loop
        self.actions = Asked()
        self.opens = PretendOpens()
        self.source = PretendSource(shown)
        self.submitted: str | None = None
        self.streams = PretendStreams(log=[f"stored {SECRET}\n"])
        self.widget: Any = RunWidget(
            shown.view(10),
            actions=self.actions,
            reading=Reading(self.source, submitted=lambda: self.submitted),
            opens=self.opens,
            streams=self.streams,
            host=self.host,
            **options,
        )
        self.comm: PretendComm = self.widget.comm

    def click(self, content: object) -> None:
        """A message from the browser, taken up by the engine's loop."""
        self.comm.receive(content)
        self.loop.run()

    def answer(self, op: str, **content: Any) -> dict[str, Any]:
        """What the kernel says to a message."""
        self.click({"op": op, "id": "q", **content})
        return self.comm.custom[-1]

    def finish(self, result: object = None, error: Exception | None = None) -> None:
        future = self.actions.futures[-1]
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
        self.loop.run()


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(comm, "create_comm", PretendComm)
    found = Stage()
    yield found
    found.widget.close()


def test_the_synced_state_holds_nothing_sealed(stage: Stage) -> None:
    """Widget state is saved into notebooks: no title, argument, payload or source is in it."""
    state = stage.widget.get_state()
    assert SECRET not in json.dumps(state)
    assert {name for name in state if not name.startswith("_")} - {
        "layout", "tabbable", "tooltip",
    } == {"view", "now"}  # fmt: skip


def test_titles_come_by_message(stage: Stage) -> None:
    """A view that has just been drawn asks, and gets titles and the kernel's time."""
    stage.click({"op": "hello", "id": "q1"})
    assert stage.comm.custom[0] == {
        "op": "hello", "id": "q1", "now_us": NOW, "blocked": "", "streams": [],
        "titles": {"h1": f"Approve the refund {SECRET}"},
        "details": {}, "commands": {},
    }  # fmt: skip


def test_metadata_comes_by_message(stage: Stage) -> None:
    """What else whoever answers should know is sealed: as text, beside the title."""
    log = Log().begin().hook("h1", "approve", 1, metadata={"order": SECRET})
    stage.widget.publish(log.view(2))
    assert stage.comm.custom[-1]["details"] == {"h1": f'{{\n  "order": "{SECRET}"\n}}'}
    assert SECRET not in json.dumps(stage.widget.get_state())


def test_streams_come_by_message(stage: Stage) -> None:
    """Once somebody looks, with each snapshot, and all of them to a page that comes later."""
    view = suspended().view(10)
    stage.widget.publish(view)
    stage.loop.run()
    assert stage.streams.reads == []
    stage.click({"op": "hello", "id": "q1"})
    stage.streams.write("log", "more\n")
    stage.widget.publish(view)
    stage.loop.run()
    told = [(c["from"], c["text"]) for c in stage.comm.custom if c["op"] == "stream"]
    assert told == [(None, f"stored {SECRET}\n"), (1, "more\n")]
    stage.click({"op": "hello", "id": "q2"})
    (all_of_it,) = stage.comm.custom[-1]["streams"]
    assert all_of_it["text"] == f"stored {SECRET}\nmore\n"
    assert SECRET not in json.dumps(stage.widget.get_state())


def test_a_snapshot_is_one_update_with_its_moment(stage: Stage) -> None:
    """Snapshot and time go together, and nothing goes when nothing has changed."""
    stage.widget.publish(suspended().view(11))
    assert stage.comm.updates == []
    view = suspended().received("h1", 12).view(12)
    stage.widget.publish(view)
    assert [set(update) for update in stage.comm.updates] == [{"view", "now"}]
    assert stage.comm.updates[0]["now"] == view.now_us


def test_what_is_private_is_sent_when_it_changes(stage: Stage) -> None:
    """New titles and the engine's message of a block go ahead of the snapshot, as a message."""
    view = suspended().view(12, blocked="the replay diverged")
    stage.widget.publish(view, blocked=f"recorded was {SECRET}")
    stage.widget.publish(view, blocked=f"recorded was {SECRET}")
    assert [c["op"] for c in stage.comm.custom] == ["private"]
    assert stage.comm.custom[0]["blocked"] == f"recorded was {SECRET}"
    assert SECRET not in json.dumps(stage.widget.get_state())
    assert [data["method"] for data in stage.comm.sent] == ["custom", "update"]


def test_a_click_only_posts(stage: Stage) -> None:
    """On the thread where a message arrives nothing is done but to post it."""
    stage.comm.receive({"op": "cancel", "id": "c1"})
    assert stage.actions.calls == []
    stage.loop.run()
    assert stage.actions.calls == [("cancel",)]


def test_a_resume_is_answered_once_it_is_recorded(stage: Stage) -> None:
    """The message's id is the resume id; the answer comes when the action is done."""
    stage.click({"op": "resume", "id": "r1", "token": "approve-A-17", "payload": {"ok": True}})
    assert stage.actions.calls == [("resume", "approve-A-17", {"ok": True}, "r1")]
    assert stage.comm.custom == []
    stage.finish(7)
    assert stage.comm.custom == [{"op": "resumed", "id": "r1"}]


def test_field_errors_come_back_beside_their_id(stage: Stage) -> None:
    """A payload that doesn't fit is refused with the errors of its fields."""
    stage.click({"op": "resume", "id": "r1", "token": "t", "payload": None})
    errors = [{"path": ["amount"], "message": "too much"}]
    stage.finish(error=HookPayloadError("1 field is wrong.", errors=errors))
    answer = stage.comm.custom[0]
    assert (answer["op"], answer["id"], answer["errors"]) == ("refused", "r1", errors)
    assert answer["message"].startswith("WF223 1 field is wrong.")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            HookNotFoundError("It was disposed.", reason="disposed", hint=""),
            "WF221 It was disposed.",
        ),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
    ],
)
def test_no_error_is_swallowed(stage: Stage, error: Exception, said: str) -> None:
    """An action that fails, at once or later, is shown to the one who clicked."""
    stage.click({"op": "wake", "id": "w1", "wait": None})
    stage.finish(error=error)
    stage.actions.error = error
    stage.click({"op": "wake", "id": "w2", "wait": "wait_1"})
    assert [(c["op"], c["id"], c["message"]) for c in stage.comm.custom] == [
        ("refused", "w1", said),
        ("refused", "w2", said),
    ]


def test_an_action_given_up_is_said(stage: Stage) -> None:
    """A cancelled future is an answer too."""
    stage.click({"op": "cancel", "id": "c1"})
    stage.actions.futures[0].cancel()
    stage.loop.run()
    assert stage.comm.custom[0]["op"] == "refused"


def test_source_is_sent_only_when_revealed(stage: Stage) -> None:
    """Opened text travels in one message, with its hash and lines, and is kept nowhere."""
    assert stage.answer("reveal") == {
        "op": "revealed", "id": "q", "source": SOURCE, "hash": definition_of().source_hash, "approved": "",
        "reached": [4, 5, 6, 7, 8], "waiting": [6, 7, 8], "compared": False, "changed": None,
    }  # fmt: skip
    assert "steps.charge" not in json.dumps(stage.widget.get_state())


def test_a_cell_that_was_changed_since_is_told_with_a_diff(stage: Stage) -> None:
    """What the cell of that name submitted last, against what runs; the same text is no change."""
    stage.submitted = SOURCE
    found = stage.answer("reveal")
    assert (found["compared"], found["changed"]) == (True, None)
    stage.submitted = SOURCE.replace("order)\n", "order, 5)\n")
    changed = stage.answer("reveal")["changed"].splitlines()
    assert changed[:2] == ["--- the run", "+++ the cell now"]
    assert "+    return await steps.charge(order, 5)" in changed


def test_a_row_is_opened_when_it_is_peeked_at(stage: Stage) -> None:
    """What it holds is read from the world for one message, and kept nowhere."""
    found = stage.answer("peek", entity="s1")
    assert (found["op"], found["entity"]) == ("peeked", "s1")
    assert [part["title"] for part in found["parts"]] == ["Arguments", "Result"]
    assert SECRET in found["parts"][1]["text"]
    assert SECRET not in json.dumps(stage.widget.get_state())


def test_a_locked_world_refuses_with_its_reason(stage: Stage) -> None:
    """Without the key every look at what is sealed says what is missing."""
    stage.source.error = WorldKeyError("The key is missing.", hint="Restore it.")
    asked: list[dict[str, Any]] = [
        {"op": "peek", "entity": "s1"}, {"op": "event", "seq": 1}, {"op": "reveal"},
        {"op": "at", "seq": 1},
    ]  # fmt: skip
    for message in asked:
        answer = stage.answer(**message)
        assert answer["op"] == "refused"
        assert answer["message"].startswith("WF305 The key is missing.")


def test_the_log_comes_in_pages(stage: Stage) -> None:
    """A page of plain events; what one holds sealed is opened when it is asked for."""
    page = stage.answer("events", after=0, limit=2, types=None, entity=None)
    assert [event["type"] for event in page["events"]] == ["run_created", "run_started"]
    assert (page["more"], page["total"]) == (True, len(stage.source.log.events))
    assert SECRET not in json.dumps(page)
    assert SECRET in stage.answer("event", seq=5)["text"]


def test_the_run_is_shown_as_it_stood(stage: Stage) -> None:
    """State, lines and moment after an event, and nothing of it in the synced state."""
    before = stage.widget.get_state()
    found = stage.answer("at", seq=3)
    assert (found["seq"], found["total"]) == (3, len(stage.source.log.events))
    assert [row["label"] for row in found["view"]["rows"]] == ["fetch_order"]
    assert (found["waiting"], found["reached"]) == ([4], [4])
    assert stage.widget.get_state() == before


def test_a_group_is_opened_in_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The members of a group, as they are now or as they were."""
    monkeypatch.setattr(comm, "create_comm", PretendComm)
    stage = Stage(many(500, done=480))
    (group,) = [row["id"] for row in stage.widget.view["rows"]]
    found = stage.answer("rows", group=group, **{"from": 498, "to": 600})
    assert (found["total"], [row["id"] for row in found["rows"]]) == (500, ["s498", "s499"])
    assert stage.answer("rows", group="group:none", **{"from": 0, "to": 9})["op"] == "refused"
    stage.answer("at", seq=300)
    then = stage.answer("rows", group=group, seq=300, **{"from": 0, "to": 999})
    assert (then["total"], len(then["rows"])) == (298, 200)
    assert stage.answer("rows", group=group, seq=9, **{"from": 0, "to": 1})["op"] == "refused"
    stage.widget.close()


def test_other_runs_are_opened(stage: Stage) -> None:
    """A rerun or another run is answered with the model of its view; what fails is said."""
    assert stage.answer("rerun") == {
        "op": "opened", "id": "q", "run_id": "wrun_again", "model_id": "m2",
    }  # fmt: skip
    assert stage.answer("open", run_id="wrun_2")["model_id"] == "m1"
    assert stage.answer("open", run_id="gone")["message"].startswith("WF212")
    assert stage.answer("shut", run_id="wrun_2") == {"op": "shut", "id": "q"}


def test_a_greeting_looks_for_children(stage: Stage) -> None:
    """Which runs the steps have started stands in other logs: it is looked for once somebody looks."""
    assert stage.source.looked == 0
    stage.click({"op": "hello", "id": "q1"})
    assert stage.source.looked == 1


def test_the_line_for_a_shell_comes_by_message(stage: Stage) -> None:
    """It holds a path of this machine: not in what is saved."""
    stage.widget.publish(suspended().view(10, world="/home/ada/orders.duckdb"))
    line = stage.comm.custom[-1]["commands"]["h1"]
    assert line.startswith("wf resume --world /home/ada/orders.duckdb approve-A-17 ")
    assert "/home/ada" not in json.dumps(stage.widget.get_state())


def test_what_is_looked_at_is_let_go(stage: Stage) -> None:
    """The log is read once while somebody looks; after `leave` nothing of it is kept."""
    ask = {"after": 0, "limit": 9, "types": None, "entity": None}
    stage.answer("events", **ask)
    stage.answer("at", seq=2)
    count = len(stage.source.log.events)
    assert stage.source.reads == [(0, None), (count, None)]
    stage.click({"op": "leave"})
    stage.answer("events", **ask)
    assert stage.source.reads[2:] == [(0, None)]


@pytest.mark.parametrize(
    "content",
    [
        None, "hello", 7, [], {}, {"op": "format"}, {"op": "resume", "id": "r", "token": 7},
        {"op": "resume", "token": "t", "payload": 1}, {"op": "wake", "wait": 3},
        {"op": "peek"}, {"op": "at", "seq": "1"}, {"op": "events", "after": 0}, {"op": "open"},
        {"op": "rows", "group": 1, "from": 0, "to": 1},
    ],
)  # fmt: skip
def test_unknown_messages_are_refused(stage: Stage, content: object) -> None:
    """A message that is not one of ours does nothing, and says so."""
    stage.click(content)
    assert stage.actions.calls == []
    assert [c["op"] for c in stage.comm.custom] == ["refused"]


def test_a_click_after_the_world_was_closed_is_answered(stage: Stage) -> None:
    """With the engine gone the user is told, on the spot."""
    stage.loop.closed = True
    stage.comm.receive({"op": "cancel", "id": "c1"})
    assert "closed" in stage.comm.custom[0]["message"]


def test_an_answer_after_the_world_was_closed_is_dropped(stage: Stage) -> None:
    """An action that ends after its world has nobody left to tell."""
    stage.click({"op": "cancel", "id": "c1"})
    stage.loop.closed = True
    stage.actions.futures[0].set_result(None)
    assert stage.comm.custom == []


def test_a_closed_widget_is_silent(stage: Stage) -> None:
    """After `close` neither a snapshot nor an answer is sent."""
    stage.click({"op": "hello", "id": "q1"})
    stage.click({"op": "cancel", "id": "c1"})
    stage.comm.sent.clear()
    stage.widget.close()
    stage.finish()
    stage.streams.write("log", "x")
    stage.widget.publish(suspended().received("h1", 12).view(12))
    stage.loop.run()
    assert [data["method"] for data in stage.comm.sent] == ["closed"]


def test_a_fixed_id_survives_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model id of a run and display is always the same, so an output can be revived."""
    monkeypatch.setattr(comm, "create_comm", PretendComm)
    stage = Stage(model_id=widget_id(RUN_ID, "cell-2"))
    assert stage.widget.model_id == widget_id(RUN_ID, "cell-2")
    assert stage.widget.model_id != widget_id(RUN_ID)
    stage.widget.close()


def test_the_browser_gets_one_module() -> None:
    """Joined, the modules import nothing and export one default; markup is never assigned."""
    text = browser_module()
    assert "import " not in "".join(line for line in text.splitlines() if line[:7] == "import ")
    assert text.count("export default") == 1
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert word not in text
    assert browser_styles().count("{") == browser_styles().count("}")
