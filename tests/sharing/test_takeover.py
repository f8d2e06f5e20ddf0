"""The owner goes; a follower owns the world, and what people hold goes on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.sharing import flows
from tests.sharing.watching import watched
from wf_notebook.errors import WorldClosedError, WorldError, WorldLockedError
from wf_notebook.sharing import protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sharing.other import Other
    from wf_notebook import Run, World

Here = "Callable[..., World]"
Others = "Callable[..., Other]"


def asleep(owner: Other) -> str:
    """Start a run that sleeps for an hour; its id."""
    return str(owner.ask('world.start(NAP, steps=[work]).wait_for("sleep").id'))


def until_owned(world: World, run: Run) -> None:
    """Return once this process owns the world; nothing is polled: a question waits for that."""
    run.set_attributes({"asked": "while nobody owned it"})
    assert world.owned


@pytest.mark.parametrize("how", ["kill", "close"])
def test_a_follower_takes_over(here: Here, others: Others, how: str) -> None:
    """Killed or closed in good order: handles, awaiting callers and labels go on in place."""
    owner = others()
    run_id = asleep(owner)
    world = here()
    run = world.get(run_id)
    waiting = run.reached(lambda act: act.state.terminal)
    before = [(e.seq, e.event_id) for e in run.events()]
    getattr(owner, how)()
    until_owned(world, run)
    assert run.wake() > 0
    run.wait_for("sleep", timeout=30)
    assert run.wake() > 0
    assert run.result(timeout=30) == "rested"
    waiting.result(timeout=30)
    assert [(e.seq, e.event_id) for e in run.events()][: len(before)] == before
    assert world.owner["pid"] == os.getpid()


def test_views_and_streams_go_on(here: Here, others: Others, tmp_path: Path) -> None:
    """A live view and a reader of a stream don't notice that somebody else moves the run."""
    owner = others()
    run_id = owner.ask('world.start(TALK, ("",), steps=[say]).wait_for("hook").id')
    world = here()
    run = world.get(run_id)
    seen, ended = watched(world, run)
    words = iter(run.stream("words"))
    assert next(words) == "one"
    owner.kill()
    until_owned(world, run)
    run.resume("more")
    assert list(words) == ["two"]
    assert run.result(timeout=30) == "said"
    assert ended.wait(30)
    assert seen[-1].status == "completed"


def test_a_run_of_ours_that_waited_for_our_step_goes_on(here: Here, others: Others) -> None:
    """What the owner could not do, this process does once it owns the world."""
    owner = others()
    world = here()
    source = flows.TALK.replace("steps.say", "steps.mine").replace("talk", "alone")
    from wf_notebook import step

    @step
    def mine(word: str) -> str:
        return word

    run = world.start(source, ("",), steps=[mine])
    run.reached(lambda act: act.blocked is not None).result(timeout=30)
    owner.close()
    run.wait_for("hook", timeout=30)
    assert world.owned
    run.resume("more")
    assert run.result(timeout=30) == "said"


def test_what_was_asked_in_vain_is_answered_after_the_takeover(here: Here, others: Others) -> None:
    """A stopped owner is killed: what waits for its answer is done by the next owner, once."""
    owner = others()
    world = here()
    run = world.start(flows.ASK, ("t",), steps=[flows.work])
    run.wait_for("hook", timeout=30)
    owner.stop()
    resuming = world.host.resume("t", 1, "once")
    owner.kill()
    seq = resuming.result(timeout=30)
    assert run.events()[seq - 1].meta["resume_id"] == "once"
    started = world.start(flows.ASK, ("u",), steps=[flows.work])
    assert started.wait_for("hook", timeout=30).hooks[0].token == "u"
    assert [hook.received for hook in run.hooks] == [1]


def test_of_three_followers_one_takes_over(here: Here, others: Others) -> None:
    """The others find it and follow it; all of them still have their handles."""
    owner = others()
    run_id = asleep(owner)
    followers = [others() for _ in range(2)]
    for follower in followers:
        follower.ask(f"run = get_run({run_id!r})")
    world = here()
    run = world.get(run_id)
    owner.kill()
    run.set_attributes({"n": "here"})
    for n, follower in enumerate(followers):
        follower.ask(f'run.set_attributes({{"n": "{n}"}})')
    owned = [world.owned, *[follower.ask("world.owned") for follower in followers]]
    assert sorted(owned) == [False, False, True]
    pids = {world.owner["pid"], *[f.ask("world.owner['pid']") for f in followers]}
    assert len(pids) == 1
    assert run.cancel() > 0
    assert [f.ask('run.wait_for("terminal").status') for f in followers] == ["cancelled"] * 2


def test_one_owner_after_another(here: Here, others: Others) -> None:
    """The world wanders through four processes, and a run with it."""
    first = others()
    run_id = asleep(first)
    chain = [first, *[others() for _ in range(3)]]
    last = here()
    run = last.get(run_id)
    for n, owner in enumerate(chain):
        (owner.kill if n % 2 else owner.close)()
        run.set_attributes({"n": str(n)})
    while not last.owned:  # whoever was quicker is gone by now, so the next question is ours
        run.set_attributes({"n": "last"})
    assert run.attributes["n"] in ("3", "last")
    assert [e.seq for e in run.events()] == list(range(1, len(run.events()) + 1))


def test_a_stopped_owner_keeps_the_world(here: Here, others: Others) -> None:
    """Nobody takes its place; questions fail with its name, and go through when it goes on."""
    owner = others()
    world = here()
    run = world.start(flows.ASK, ("t",), steps=[flows.work])
    run.wait_for("hook", timeout=30)
    owner.stop()
    with pytest.raises(WorldLockedError, match=f"process {owner.pid}.*does not answer") as silent:
        run.resume("t", 1, resume_id="a")
    assert silent.value.owner["pid"] == owner.pid
    assert not world.owned
    owner.go_on()
    # it may have read the question before it was stopped: a resume id is recorded once
    seq = _patiently(lambda: run.resume("t", 1, resume_id="a"))
    assert run.events()[seq - 1].meta["resume_id"] == "a"
    run.resume("t", 2)
    assert run.result(timeout=30) == [1, 2]
    assert not world.owned


def _patiently(ask: Callable[[], int]) -> int:
    """Ask until the owner is found again."""
    for _ in range(20):
        try:
            return ask()
        except WorldLockedError:
            continue
    return ask()


def test_who_does_not_take_over_says_so(here: Here, others: Others) -> None:
    """A short-lived follower leaves the world to others: its questions fail with a code."""
    owner = others()
    world = here(takeover=False)
    run = world.start(flows.ASK, ("t",), steps=[flows.work])
    run.wait_for("hook", timeout=30)
    owner.kill()
    with pytest.raises(WorldClosedError, match="nobody else owns it yet"):
        run.resume("t", 1)
    assert not world.owned
    following = others()
    assert following.owned
    assert _patiently(lambda: run.resume("t", 1)) > 0


def test_a_reader_reads_on(here: Here, others: Others) -> None:
    """Opened to read only, it looks for the next owner, then reads the file itself."""
    owner = others()
    run_id = asleep(owner)
    world = here(read_only=True)
    assert world.get(run_id).status == "suspended"
    owner.kill()
    assert [row.run_id for row in world.rows()] == [run_id]
    assert (world.owned, world.owner) == (False, {})


def test_an_owner_without_a_socket_is_named(here: Here, others: Others, world_path: str) -> None:
    """One of an older version: who has the world, and the ways out, as ever."""
    owner = others()
    lock = Path(f"{world_path}.lock")
    said = json.loads(lock.read_text())
    lock.write_text(json.dumps({k: v for k, v in said.items() if k not in ("socket", "token")}))
    with pytest.raises(WorldLockedError, match=f"process {owner.pid}") as locked:
        here()
    assert "Close the world there" in locked.value.hint


def test_a_wrong_token_is_not_let_in(here: Here, others: Others, world_path: str) -> None:
    """Who has the lock file's path but not its token hears nothing."""
    owner = others()
    lock = Path(f"{world_path}.lock")
    lock.write_text(json.dumps({**json.loads(lock.read_text()), "token": "0" * 32}))
    with pytest.raises(WorldLockedError, match="does not answer"):
        here()
    assert owner.ask("world.owned") is True


OTHER_VERSION = """
import sys
from wf_notebook import open_world
from wf_notebook.sharing import protocol
protocol.VERSION = 999
open_world(sys.argv[1], key=b"k" * 32)
"""


def test_another_version_of_the_protocol_is_named(here: Here, world_path: str) -> None:
    """A process that speaks another one is refused, and told what to do."""
    here()
    code = [sys.executable, "-c", OTHER_VERSION, world_path]
    done = subprocess.run(code, capture_output=True, text=True, check=False)
    assert "WF301" in done.stderr
    assert "this process version 999. Use the same version" in done.stderr


def test_an_awaiting_caller_goes_on(here: Here, others: Others) -> None:
    """`await run` in a follower gives the result that the next owner has brought about."""
    owner = others()
    world = here()
    run = world.start(flows.ASK, ("t",), steps=[flows.work])
    run.wait_for("hook", timeout=30)

    async def wait() -> Any:
        awaiting = asyncio.ensure_future(run._outcome())
        await asyncio.to_thread(owner.kill)
        for answer in (1, 2):
            await asyncio.to_thread(run.resume, "t", answer)
        return await asyncio.wait_for(awaiting, 30)

    assert asyncio.run(wait()) == [1, 2]


def test_a_dead_owners_socket_is_removed(here: Here, others: Others, world_path: str) -> None:
    """The next owner leaves one socket and one lock: its own."""
    folder = os.path.dirname(world_path)
    owner = others()
    left = json.loads(Path(f"{world_path}.lock").read_text())["socket"]
    owner.kill()
    assert os.path.exists(left)
    world = here()
    assert not os.path.exists(left)
    assert world.owned
    world.close()
    assert [name for name in os.listdir(folder) if "sock" in name or "lock" in name] == []


def test_no_world_is_made_in_the_place_of_one_that_is_gone(
    here: Here, others: Others, world_path: str
) -> None:
    """A follower takes over what it has followed, or says that it can't."""
    owner = others()
    run_id = asleep(owner)
    world = here()
    run = world.get(run_id)
    owner.stop()
    os.rename(world_path, f"{world_path}.moved")
    owner.kill()
    with pytest.raises(WorldError, match="is gone, while this process followed it"):
        run.wake()
    assert not os.path.exists(world_path)
    os.rename(f"{world_path}.moved", world_path)
    until_owned(world, run)


FORK = """
import os
forked = os.fork()
if forked == 0:
    for descriptor in range(3):
        os.close(descriptor)  # the test reads until the owner has ended
    import signal
    signal.pause()
"""


def test_a_child_of_the_owner_does_not_stand_in_for_it(here: Here, others: Others) -> None:
    """A process that the owner forked lives on: it holds neither lock nor connection."""
    owner = others()
    run_id = asleep(owner)
    world = here()
    run = world.get(run_id)
    owner.ask(f"exec({FORK!r})")
    forked = owner.ask("forked")
    try:
        owner.kill()
        until_owned(world, run)
    finally:
        os.kill(forked, signal.SIGKILL)
        os.waitpid(forked, 0)


def test_what_was_on_its_way_is_answered_here(here: Here, others: Others) -> None:
    """A question that was meant for the last owner, and asked as this process became the next."""
    owner = others()
    run_id = asleep(owner)
    world = here()
    assert world.seat is not None
    line = world.seat._line
    owner.close()
    until_owned(world, world.get(run_id))
    asked = world.host.submit(line.ask(protocol.Streams(run=run_id)))
    assert asked.result(timeout=30).value == {}
