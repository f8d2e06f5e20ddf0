"""A world whose key is missing: what is plain is shown, what is sealed says which key it wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.flows import Approval
from tests.engine.test_scale import reads_of
from wf_notebook import open_world, step
from wf_notebook.errors import RunBlockedError, WorldError, WorldKeyError
from wf_notebook.views.card import card
from wf_notebook.views.text import render_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wf_notebook.api import World
    from wf_notebook.run import Run

KEY, OTHER = b"k" * 32, b"o" * 32

SOURCE = """
async def refund(order):
    "use workflow"
    print("looking at", order)
    await steps.peek(order)
    hook = create_hook(token="go", schema="Approval", title="secret title")
    await sleep("1ms")
    await hook
    return order
"""


@step
def peek(order: str) -> str:
    return f"found {order}"


@pytest.fixture
def ids(world_path: str) -> tuple[str, str]:
    """A run that waits and one that has ended, in a world that was closed."""
    with open_world(world_path, key=KEY, isolation="inline") as world:
        runs = [
            world.start(SOURCE, [name], steps=[peek], schemas=[Approval], attributes={"who": name})
            for name in ("Ada",)
        ]
        runs[0].wait_for("sleep")
        runs[0].wait_for("hook")
        ended = world.start(
            SOURCE.replace('"go"', '"by"'), ["Bob"], steps=[peek], schemas=[Approval]
        )
        ended.wait_for("hook")
        ended.resume("by", {"ok": True, "amount": 1})
        assert ended.result(timeout=10) == "Bob"
        return runs[0].id, ended.id


@pytest.fixture
def locked(world_path: str, ids: tuple[str, str]) -> Iterator[World]:
    with open_world(world_path, key=OTHER, isolation="inline") as world:
        yield world


def test_what_is_plain_is_shown(locked: World, ids: tuple[str, str]) -> None:
    """Lists, states, timelines, names of steps, waits, tokens and labels, with what is missing."""
    assert locked.locked is not None
    assert "WF305" in locked.locked
    live, ended = locked.get(ids[0]), locked.get(ids[1])
    assert (live.locked, live.status, live.name) == (True, "blocked", "refund")
    assert (ended.locked, ended.status) == (True, "completed")
    assert live.attributes == {"who": "Ada"}
    assert [(s.alias, s.status, s.args) for s in live.steps] == [("peek", "completed", None)]
    assert [(h.token, h.open, h.title) for h in live.hooks] == [("go", True, None)]
    assert len(live.waits) == 1
    assert [s.name for s in live.streams] == ["stdout"]
    for text in (render_run(live.view(), titles=True), card(live.view())):
        assert "hook go" in text or "go" in text
        assert "peek" in text
        assert "the key of the world is missing" in text
        assert "secret" not in text
    said = render_run(ended.view())
    assert "completed" in said
    assert "what is sealed is locked: the key is missing" in said
    assert "key" in live.why()


SEALED: dict[str, Callable[[Run], object]] = {
    "source": lambda run: run.source,
    "events": lambda run: run.events(),
    "history": lambda run: run.history(),
    "stream": lambda run: list(run.stream("stdout")),
    "rerun": lambda run: run.rerun(),
}
ASKED: dict[str, Callable[[Run], object]] = {
    "resume": lambda run: run.resume("go", {"ok": True, "amount": 1}),
    "click": lambda run: run.actions.resume("go", {"ok": True}, "c").result(timeout=10),
    "cancel": lambda run: run.cancel(),
    "adopt": lambda run: run.adopt(),
    "label": lambda run: run.set_attributes({"a": "b"}),
}


def test_what_is_sealed_says_which_key_it_wants(locked: World, ids: tuple[str, str]) -> None:
    """Of a run that ended also its result: never None in its place."""
    for run_id in ids:
        for asked in SEALED.values():
            with pytest.raises(WorldKeyError, match="sealed with the key"):
                asked(locked.get(run_id))
    with pytest.raises(WorldKeyError, match="WF305"):
        locked.get(ids[1]).result(timeout=10)
    with pytest.raises(RunBlockedError, match="sealed with the key"):
        locked.get(ids[0]).result(timeout=10)


def test_nothing_moves_and_nothing_is_recorded(locked: World, ids: tuple[str, str]) -> None:
    """Resume, cancel, labels: each is refused; so is whatever would be started."""
    run = locked.get(ids[0])
    commits = locked.commits
    for asked in ASKED.values():
        with pytest.raises(WorldKeyError, match="WF305"):
            asked(run)
    with pytest.raises(WorldKeyError):
        locked.start(SOURCE, ["Ada"], steps=[peek], schemas=[Approval])
    with pytest.raises(WorldKeyError):
        locked.start(SOURCE, ["Ada"], steps=[peek], schemas=[Approval], attach=True)
    assert locked.commits == commits
    assert run.status == "blocked"


def test_when_the_key_comes_back_everything_opens(world_path: str, ids: tuple[str, str]) -> None:
    """The run goes on where it was."""
    with open_world(world_path, key=OTHER, isolation="inline") as world:
        assert world.get(ids[0]).locked
    with open_world(world_path, key=KEY, isolation="inline") as world:
        assert world.locked is None
        assert world.get(ids[1]).result(timeout=10) == "Bob"
        run = world.get(ids[0])
        run.resume("go", {"ok": True, "amount": 1})
        assert run.result(timeout=10) == "Ada"


def test_a_locked_world_is_shown_to_a_reader_too(world_path: str, ids: tuple[str, str]) -> None:
    """Opened to read only it shows the same, and no new key is made."""
    with open_world(world_path, key=OTHER, read_only=True) as world:
        assert [run.status for run in world.runs()] == ["completed", "blocked"]
        with pytest.raises(WorldKeyError):
            world.rotate_key(KEY)


def test_rotating_takes_effect_at_once(world_path: str, ids: tuple[str, str]) -> None:
    """The old key opens nothing any more; runs go on under the new one."""
    with open_world(world_path, key=KEY, isolation="inline") as world:
        done: Any = world.rotate_key(OTHER)
        assert done.place == ""
        assert done.new in world.key_place
        assert "give it from now on" in str(done)
        run = world.get(ids[0])
        run.resume("go", {"ok": True, "amount": 1})
        assert run.result(timeout=10) == "Ada"
        with pytest.raises(WorldKeyError, match="the key that the world has"):
            world.rotate_key(OTHER)
        with pytest.raises(WorldKeyError, match="new="):
            world.rotate_key()
    with open_world(world_path, key=KEY) as world:
        assert world.locked is not None
    with open_world(world_path, key=OTHER) as world:
        assert world.get(ids[0]).result(timeout=10) == "Ada"


def test_a_store_without_a_file_has_no_key(make_world: Callable[..., World]) -> None:
    """In memory nothing is sealed."""
    world = make_world()
    assert world.locked is None
    for asked in (world.rotate_key, lambda: world.key_place):
        with pytest.raises(WorldError, match="no key"):
            asked()


def test_many_are_read_together(world_path: str) -> None:
    """A world that lacks its key asks no more of its file for thirty runs than for two."""
    costs: list[int] = []
    for count in (2, 30):
        with open_world(world_path, key=KEY, isolation="inline") as world:
            for n in range(count):
                source = SOURCE.replace('"go"', f'"go-{count}-{n}"')
                world.start(source, ["Ada"], steps=[peek], schemas=[Approval]).wait_for("hook")
        with open_world(world_path, key=OTHER, isolation="inline") as world:
            world.settle()
            costs.append(reads_of(world._file))
            assert {run.status for run in world.unfinished()} == {"blocked"}
    assert costs[0] == costs[1]
