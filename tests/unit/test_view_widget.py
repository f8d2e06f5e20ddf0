"""The live view's kernel side: what is synced, what is only sent, and what clicks do."""

from __future__ import annotations

import json
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import comm
import pytest

from tests.view_runs import RUN_ID, SECRET, T0, Log, suspended
from tests.view_streams import PretendStreams
from wf_notebook.errors import HookNotFoundError, HookPayloadError
from wf_notebook.views.widget import RunWidget, browser_module, browser_styles, widget_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW = T0 + 10_000_000


class PretendComm:
    """Keeps what would go to the browser."""

    kernel = "a kernel"

    def __init__(self, **opened: Any) -> None:
        self.opened = opened
        self.comm_id = opened.get("comm_id") or "made-up"
        self.sent: list[dict[str, Any]] = []
        self.callback: Callable[[dict[str, Any]], None] = lambda _: None

    def on_msg(self, callback: Callable[[dict[str, Any]], None]) -> None:
        self.callback = callback

    def send(self, data: dict[str, Any], **_: Any) -> None:
        self.sent.append(data)

    def close(self, *_: Any, **__: Any) -> None:
        self.sent.append({"method": "closed"})

    def receive(self, content: object) -> None:
        """A custom message from the browser."""
        data = {"method": "custom", "content": content}
        self.callback({"content": {"data": data}, "buffers": []})

    @property
    def custom(self) -> list[dict[str, Any]]:
        return [data["content"] for data in self.sent if data["method"] == "custom"]

    @property
    def updates(self) -> list[dict[str, Any]]:
        return [data["state"] for data in self.sent if data["method"] == "update"]


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

    def source(self) -> Future[str]:
        return self._ask("source")


class Stage:
    """A widget with everything around it."""

    def __init__(self, **options: Any) -> None:
        self.loop = PostBox()
        self.actions = Asked()
        self.streams = PretendStreams(log=[f"stored {SECRET}\n"])
        self.widget: Any = RunWidget(
            suspended().view(10),
            actions=self.actions,
            streams=self.streams,
            loop=self.loop,
            clock=Clock(),
            **options,
        )
        self.comm: PretendComm = self.widget.comm

    def click(self, content: object) -> None:
        """A message from the browser, taken up by the engine's loop."""
        self.comm.receive(content)
        self.loop.run()

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
        "details": {},
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
    """Opened text travels in one message and is kept nowhere."""
    stage.click({"op": "reveal", "id": "s1"})
    stage.finish(f"# {SECRET}\n")
    assert stage.comm.custom == [{"op": "revealed", "id": "s1", "source": f"# {SECRET}\n"}]
    assert SECRET not in json.dumps(stage.widget.get_state())


@pytest.mark.parametrize(
    "content",
    [
        None, "hello", 7, [], {}, {"op": "format"}, {"op": "resume", "id": "r", "token": 7},
        {"op": "resume", "token": "t", "payload": 1}, {"op": "wake", "wait": 3},
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
