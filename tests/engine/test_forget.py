"""A run that is forgotten while people hold it, name it, or look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.flows import ask, double, flow, go
from wf_notebook.definition.steps import step
from wf_notebook.errors import (
    RunForgottenError,
    RunNotFoundError,
    RunUnfinishedError,
    WorkflowError,
    WorldFullError,
)
from wf_notebook.notebook.display import CARD, WIDGET, Displays

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook.api import World
    from wf_notebook.run import Run
    from wf_notebook.world.store import EventStore


@pytest.fixture
def world(any_store: EventStore, make_world: Callable[..., World]) -> World:
    return make_world(any_store)


def done(world: World, **options: Any) -> Run:
    run = go(world, "print('hello')\nreturn await steps.double(x=21)", **options)
    assert run.result(timeout=10) == 42
    return run


ASKED: dict[str, Callable[[Run], object]] = {
    "result": lambda run: run.result(timeout=10),
    "state": lambda run: run.state,
    "name": lambda run: run.name,
    "source": lambda run: run.source,
    "events": lambda run: run.events(),
    "history": lambda run: run.history(),
    "view": lambda run: run.view(),
    "why": lambda run: run.why(),
    "steps": lambda run: run.steps,
    "attributes": lambda run: run.attributes,
    "streams": lambda run: run.streams,
    "stream": lambda run: list(run.stream("stdout")),
    "children": lambda run: run.children(),
    "rerun": lambda run: run.rerun(),
    "cancel": lambda run: run.cancel(),
    "wake": lambda run: run.wake(),
    "resume": lambda run: run.resume("t"),
    "label": lambda run: run.set_attributes({"a": "b"}),
    "reached": lambda run: run.wait_for("terminal"),
    "subscribe": lambda run: run.subscribe(lambda: None),
    "actions": lambda run: run.actions,
    "log": lambda run: run.log,
}


def raised(call: Callable[[], object]) -> Exception | None:
    try:
        call()
    except WorkflowError as error:
        return error
    return None


def test_whoever_holds_a_forgotten_run_is_told(world: World) -> None:
    """Whatever is asked of it; its id, its status and its repr say what there is to say."""
    run = done(world, attributes={"customer": "A-17"})
    stream, chunks, log = run.stream("stdout"), run.chunks, run.log
    world.forget(run.id)
    assert run.forgotten
    assert run.status == "forgotten"
    assert repr(run) == f"<Run {run.id} forgotten>"
    assert run._repr_mimebundle_() == {"text/plain": repr(run)}
    for name, asked in ASKED.items():
        assert isinstance(raised(lambda asked=asked: asked(run)), RunForgottenError), name
    for late in (stream.read, chunks.stored().result, log.definition().result):
        with pytest.raises(RunForgottenError):
            late()


def test_a_forgotten_run_is_a_line_in_the_list(world: World) -> None:
    """And no longer one of the runs; whoever asks for it by its id hears why."""
    kept, run = done(world), done(world, attributes={"customer": "A-17"})
    world.forget(run.id)
    assert [found.id for found in world.runs()] == [kept.id]
    assert [found.id for found in world.runs(limit=1)] == [kept.id]
    assert world.runs(status="forgotten") == []
    assert {row.run_id: row.status for row in world.rows()} == {
        run.id: "forgotten", kept.id: "completed",
    }  # fmt: skip
    assert world.rows(attributes={"customer": "A-17"}) == []
    with pytest.raises(RunForgottenError) as caught:
        world.get(run.id)
    assert isinstance(caught.value, RunNotFoundError)


def test_only_what_has_ended_is_forgotten(world: World) -> None:
    """A live run has to be cancelled first; several are all forgotten, or none."""
    run, live = done(world), ask(world)
    with pytest.raises(RunUnfinishedError, match="Cancel it first") as caught:
        world.forget(run.id, live.id)
    assert caught.value.run_id == live.id
    with pytest.raises(RunNotFoundError, match="WF212"):
        world.forget(run.id, "wrun_nobody")
    assert run.result(timeout=10) == 42
    assert live.status == "suspended"
    live.cancel()
    world.forget(run.id, live.id, run.id)
    assert (run.status, live.status) == ("forgotten", "forgotten")
    world.forget(run.id)
    world.forget()


def test_an_idempotency_key_stays_used(world: World) -> None:
    """What the run did outside was done; forgetting it must not do it again."""
    run = done(world, id="order-7")
    world.forget(run.id)
    with pytest.raises(RunForgottenError, match="choose another one"):
        done(world, id="order-7")
    assert done(world, id="order-8").id != run.id


def test_a_child_is_not_started_again_for_a_forgotten_one(
    world: World, make_world: Callable[..., World]
) -> None:
    """The parent's handle lists those that are left; a child says whose it was."""

    @step
    def spawn(word: str) -> str:
        body = flow("return await steps.double(x=1)", "word")
        return world.start(body, [word], steps=[double]).id

    world.host.runner.steps.register(double)
    parent = go(world, "return [await steps.spawn(word=w) for w in 'ab']", spawn)
    one, two = parent.result(timeout=10)
    world.get(one).result(timeout=10)
    world.get(two).result(timeout=10)
    world.forget(one)
    assert [child.id for child in parent.children()] == [two]
    world.forget(parent.id)
    child = world.get(two)
    assert child.parent is not None
    assert child.parent[0] == child.root == parent.id
    with pytest.raises(RunForgottenError):
        world.get(child.root)


def test_others_go_on_while_runs_are_forgotten(world: World) -> None:
    """Those that wait, and those that are started meanwhile."""
    waiting = ask(world)
    runs = [done(world) for _ in range(3)]
    pending = [world.host.forget([run.id]) for run in runs]
    assert done(world).status == "completed"
    waiting.resume("approve", {"ok": True, "amount": 1})
    assert waiting.result(timeout=10) == [True, 1]
    for future in pending:
        future.result(timeout=30)
    assert {run.status for run in runs} == {"forgotten"}


def test_a_run_that_is_gone_in_spite_of_an_error_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file could not be rewritten, but the run is forgotten."""
    run, other = done(world), done(world)
    forget = world.host.store.forget

    def fail(run_ids: list[str], *, now_us: int) -> None:
        forget(run_ids[:1], now_us=now_us).result(timeout=30)
        raise WorldFullError("no space")

    monkeypatch.setattr(world.host.store, "forget", fail)
    with pytest.raises(WorldFullError):
        world.forget(run.id, other.id)
    assert (run.status, other.status) == ("forgotten", "completed")


class Screen:
    """A front end: what is shown, by display id."""

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
        assert transient is not None
        if transient["display_id"] in self.shown or not update:
            self.shown[transient["display_id"]] = data


@pytest.mark.parametrize("kind", [CARD, WIDGET])
def test_outputs_that_show_a_run_let_go_of_it(world: World, kind: str) -> None:
    """Shown while it lived or after, in this cell or an earlier one: the labels go, too."""
    screen = Screen()
    displays = Displays(screen)
    run = ask(world, attributes={"customer": "A-17"})
    displays.show(run, kind)
    run.cancel()
    displays.end_cell()
    displays.show(run, kind)
    other = done(world)
    displays.show(other, CARD)
    assert "A-17" in str(screen.shown)
    world.forget(run.id)
    said = {"text/plain": f"Run {run.id} was forgotten."}
    assert [data for data in screen.shown.values() if data == said] == [said]
    assert "A-17" not in str(screen.shown)
    assert other.id in str(screen.shown)
    displays.close()
    assert world.host.on_forget == []
