"""A world and a session's outputs, with pretend comms."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import comm
from ipywidgets.widgets import widget as widgets

from tests.view_comm import PretendComm
from wf_notebook import step
from wf_notebook.api import World
from wf_notebook.definition.steps import StepRegistry
from wf_notebook.notebook.display import WIDGET, Displays
from wf_notebook.testing import VirtualClock
from wf_notebook.views.card import WIDGET_MIME
from wf_notebook.views.listing import Chosen
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pytest

    from wf_notebook.notebook.openings import Openings
    from wf_notebook.run import Run

SOURCE = """
async def ask(token):
    "use workflow"
    return await create_hook(token=token)
"""
CHILD = """
async def child(token):
    "use workflow"
    return await create_hook(token=f"child-{token}")
"""
PARENT = """
async def parent(token):
    "use workflow"
    found = await steps.begin(token)
    await create_hook(token=token)
    return found
"""


@step
def never() -> None:
    raise AssertionError


@step
def begin(token: str) -> str:
    from wf_notebook import start

    return start(CHILD, (token,), steps=[never]).id


class Outputs:
    """What was published: by display id the newest, in the order of first showing."""

    def __init__(self) -> None:
        self.shown: dict[str, dict[str, Any]] = {}

    def publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        *,
        transient: dict[str, Any] | None = None,
        update: bool = False,
    ) -> None:
        assert metadata == {}
        assert transient is not None
        assert update == (transient["display_id"] in self.shown)
        self.shown[transient["display_id"]] = data


class HeardComm(PretendComm):
    """Tells a room of what is sent."""

    def __init__(self, news: threading.Condition, **opened: Any) -> None:
        super().__init__(**opened)
        self._news = news

    def send(self, data: dict[str, Any], **more: Any) -> None:
        with self._news:
            super().send(data, **more)
            self._news.notify_all()


class Room:
    """A world and a session's outputs; comms are kept by their ids."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world or World(
            MemoryStore(),
            steps=StepRegistry([never, begin]),
            clock=VirtualClock(autojump=True),
            isolation="inline",
        )
        self.outputs = Outputs()
        self.displays = Displays(self.outputs)
        self.comms: dict[str, PretendComm] = {}
        self._news = threading.Condition()

    def comm(self, **opened: Any) -> PretendComm:
        comm_id = opened.get("comm_id") or f"c{len(self.comms)}"
        found = HeardComm(self._news, **{**opened, "comm_id": comm_id})
        self.comms[found.comm_id] = found
        return found

    def start(self, token: str, source: str = SOURCE, **options: Any) -> Run:
        run = self.world.start(source, (token,), steps=[never, begin], **options)
        return run.wait_for("hook")

    def show(self, run: Run) -> Openings:
        """Show a run under a cell, and return what is opened from there."""
        self.displays.show(run, WIDGET)
        return self.openings_of(run)

    def openings_of(self, run: Run) -> Openings:
        live = self.displays._shown[run.id]._live
        assert live is not None
        return live.openings

    def ask(self, coroutine: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.world.host.submit(coroutine).result(timeout=30)
        return found

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds; looked at whenever something was sent."""
        with self._news:
            assert self._news.wait_for(holds, timeout=30)

    def settle(self) -> None:
        """Until what was posted to the engine's loop has been done, twice over."""
        for _ in range(2):
            done: Future[None] = Future()
            self.world.host.post(lambda done=done: done.set_result(None))  # type: ignore[misc]
            done.result(timeout=30)

    def end(self, run: Run, token: str) -> None:
        run.resume(token, {"ok": True})
        run.wait_for("terminal", timeout=30)
        while run.moving:  # it has ended; whoever shows it is told at the end of its turn
            self.settle()
        self.settle()

    @property
    def open_widgets(self) -> int:
        return len(widgets._instances)


class Shown:
    """A table of runs under a cell, with its comm."""

    def __init__(self, room: Room, kind: str = "widget", **chosen: Any) -> None:
        before = list(room.outputs.shown)
        room.displays.table(room.world.host, Chosen(**chosen), kind)
        (self.display,) = [key for key in room.outputs.shown if key not in before]
        self.room = room

    @property
    def output(self) -> dict[str, Any]:
        return self.room.outputs.shown[self.display]

    @property
    def model(self) -> str:
        return str(self.output[WIDGET_MIME]["model_id"])

    @property
    def comm(self) -> PretendComm:
        return self.room.comms[self.model]

    @property
    def table(self) -> Mapping[str, Any]:
        """The snapshot as a browser has it."""
        states = [self.comm.opened["data"]["state"], *self.comm.updates]
        return [state["table"] for state in states if "table" in state][-1]  # type: ignore[no-any-return]

    @property
    def statuses(self) -> dict[str, str]:
        return {row["run_id"]: row["status"] for row in self.table["rows"]}

    def ask(self, op: str, **content: Any) -> dict[str, Any]:
        """Send a message as the browser does; the answer to it."""
        key = f"{op}-{len(self.comm.custom)}"
        self.comm.receive({"op": op, "id": key, **content})
        self.room.until(lambda: any(told.get("id") == key for told in self.comm.custom))
        return next(told for told in self.comm.custom if told.get("id") == key)


def furnished(monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """A room whose widgets are all gone afterwards: the body of a fixture."""
    before = len(widgets._instances)
    found = Room()
    monkeypatch.setattr(comm, "create_comm", found.comm)
    with found.world:
        yield found
        found.displays.close()
        if not found.world.host.closed:
            found.settle()
        assert len(widgets._instances) == before
