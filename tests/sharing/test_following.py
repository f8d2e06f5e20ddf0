"""A second process works with a world that the first one owns."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

import psutil
import pytest
from pydantic import BaseModel

from tests.sharing import flows
from tests.sharing.watching import watched
from wf_notebook import open_world, step
from wf_notebook.approvals import approve, forget_revisions, start_revision
from wf_notebook.errors import (
    HookNotFoundError,
    HookPayloadError,
    NotApprovedError,
    PayloadError,
    RevisionDamagedError,
    RunConflictError,
    RunNotFoundError,
    StepNotRegisteredError,
    WorldClosedError,
    WorldLockedError,
    WorldQueryError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from wf_notebook.sharing.remote import RemoteStore

Here = "Callable[..., World]"
Others = "Callable[..., Other]"


class Approval(BaseModel):
    ok: bool


APPROVE = """
async def approve():
    "use workflow"
    return (await create_hook(token="ok", schema="Approval")).ok
"""


def test_it_says_whose_world_it_is(here: Here, others: Others) -> None:
    """`owned`, `owner` and the repr name the process that moves the runs."""
    owner = others()
    world = here()
    assert (owner.owned, world.owned) == (True, False)
    assert world.owner["pid"] == owner.pid
    assert "token" not in world.owner
    assert f"owned by process {owner.pid}" in repr(world)
    assert owner.ask("[world.owned, world.owner['pid']]") == [True, owner.pid]
    assert world.id == owner.ask("world.id")


def test_a_run_is_started_moved_and_read_from_there(
    here: Here, others: Others, tmp_path: Path
) -> None:
    """Steps run in the owner; events, result, steps and why are the same on both sides."""
    owner = others()
    world = here()
    run = world.start(flows.WORK, (str(tmp_path), "a", 3), steps=[flows.work])
    run.wait_for("hook", timeout=30)
    assert "waits for hook ask-a" in run.why()
    assert [s.status for s in run.steps] == ["completed"] * 3
    seq = run.resume("ask-a", 100)
    assert run.events()[seq - 1].type == "hook_received"
    assert run.result(timeout=30) == 106
    assert owner.ask(f"get_run({run.id!r}).result(timeout=30)") == 106
    theirs = owner.ask(f"[[e.seq, e.event_id] for e in get_run({run.id!r}).events()]")
    assert theirs == [[e.seq, e.event_id] for e in run.events()]
    begun = [line for line in owner.told if line.startswith("begin")]
    assert begun[:3] == ["begin a0", "begin a1", "begin a2"]
    assert sorted(begun[3:]) == ["begin ag0", "begin ag1", "begin ag2"]


def test_a_run_of_the_owner_is_answered_there(here: Here, others: Others) -> None:
    """Resume, resume again by the same id, wake, cancel, label: each is durable when it returns."""
    owner = others()
    run_id = owner.ask('world.start(ASK, ("t",), steps=[work]).wait_for("hook").id')
    world = here()
    run = world.get(run_id)
    seq = run.resume("t", 1, resume_id="once")
    assert run.resume("t", 1, resume_id="once") == seq
    assert [hook.received for hook in run.hooks] == [1]
    assert world.resume("t", {"a": [1.5, None]}) > seq
    assert run.result(timeout=30) == [1, {"a": [1.5, None]}]
    nap = world.get(owner.ask('world.start(NAP, steps=[work]).wait_for("sleep").id'))
    assert nap.set_attributes({"who": "ada"}) > 0
    assert nap.attributes == {"who": "ada"}
    assert nap.wake() > 0
    nap.wait_for("sleep", timeout=30)
    assert nap.wake("wait_unknown") == 0
    assert nap.cancel("enough") == nap.events()[-1].seq
    assert nap.status == "cancelled"
    assert nap.cancel() == 0
    assert [r.id for r in world.runs(attributes={"who": "ada"})] == [nap.id]


def test_what_is_approved_here_is_approved_there(
    here: Here, others: Others, tmp_path: Path
) -> None:
    """Proposals, approvals and runs of revisions are one record, whoever writes it."""
    owner = others()
    owner.ask("from wf_notebook.approvals import get_revision, propose, revisions, start_revision")
    owner.ask("line = propose(WORK, steps=[work], world=world)")
    world = here()
    revision = approve(owner.ask("line.source_hash"), note="ok", by="ada", world=world)
    assert revision.source == flows.WORK
    assert owner.ask("get_revision('workflow', world=world).note") == "ok"
    world.approval = "all"
    with pytest.raises(NotApprovedError):
        world.start(flows.NAP, steps=[flows.work])
    assert owner.ask("world.host.store.reviews(name='nap').result()[0].number") == 1
    run = start_revision("workflow", 1, (str(tmp_path), "a", 1), world=world)
    assert owner.ask(f"get_run({run.id!r}).approval") == {"name": "workflow", "revision": 1}
    run.cancel()
    forget_revisions("workflow", world=world)
    assert owner.ask("[line.lack for line in revisions(world=world)]") == ["erased"]
    with pytest.raises(RevisionDamagedError, match="was erased"):
        start_revision("workflow", world=world)


def test_what_is_refused_is_refused_as_in_the_owner(here: Here, others: Others) -> None:
    """The same classes, codes and attributes; a payload is validated where the model is."""
    owner = others()
    world = here()
    run = world.start(APPROVE, steps=[flows.work], schemas=[Approval], id="once")
    run.wait_for("hook", timeout=30)
    with pytest.raises(HookPayloadError) as wrong:
        run.resume("ok", {"ok": "perhaps"})
    assert [error["path"] for error in wrong.value.errors] == [["ok"]]
    with pytest.raises(HookNotFoundError, match="Open hooks: ok") as unknown:
        world.resume("nothing", 1)
    assert (unknown.value.reason, unknown.value.code) == ("unknown", "WF221")
    with pytest.raises(RunNotFoundError):
        world.get("wrun_nothing")
    with pytest.raises(WorldQueryError):
        world.sql("delete from events")
    again = world.start(APPROVE, steps=[flows.work], schemas=[Approval], id="once")
    assert (again.id, again.attached) == (run.id, True)
    with pytest.raises(RunConflictError, match="another source"):
        world.start(flows.NAP, steps=[flows.work], id="once")
    assert run.resume("ok", Approval(ok=True)) > 0
    assert run.result(timeout=30) is True
    with pytest.raises(HookNotFoundError) as late:
        run.resume("ok", {"ok": True})
    assert late.value.reason == "ended"
    assert owner.ask(f"get_run({run.id!r}).status") == "completed"


def test_lists_queries_and_children_are_the_owners(here: Here, others: Others) -> None:
    """`runs`, `rows`, `sql` with all types of columns, `rerun` and attaching work from there."""
    owner = others()
    world = here()
    run = world.start(flows.ASK, ("t",), steps=[flows.work])
    run.wait_for("hook", timeout=30)
    attached = world.start(flows.ASK, ("t",), steps=[flows.work], attach=True)
    assert (attached.id, attached.attached) == (run.id, True)
    assert [r.id for r in world.runs(status="suspended")] == [run.id]
    assert [r.run_id for r in world.rows()] == owner.ask("[r.run_id for r in world.rows()]")
    table = world.sql(
        "select name, 1::hugeint, 1.5, 2.50::decimal(5,2), null, true, date '2026-01-02', "
        "timestamp '2026-01-02 03:04:05', [1, 2], {'a': 1}, 'x'::blob from runs"
    )
    assert repr(table.rows) == owner.ask(
        'repr(world.sql("select name, 1::hugeint, 1.5, 2.50::decimal(5,2), null, true, '
        "date '2026-01-02', timestamp '2026-01-02 03:04:05', [1, 2], {'a': 1}, 'x'::blob "
        'from runs").rows)'
    )
    again = run.rerun()
    again.wait_for("hook", timeout=30)
    assert again.events()[0].meta["rerun_of"] == run.id
    assert run.children() == []


def test_a_query_passes_with_its_values_and_its_types(here: Here, others: Others) -> None:
    """Bound there, not pasted; the owner opens payloads; frames are those that it would make."""
    owner = others()
    world = here()
    run = world.start(flows.ASK, ("t",), steps=[flows.work]).wait_for("hook", timeout=30)
    for _ in range(2):
        run.resume("t", {"ok": "é"})
    run.wait_for("terminal", timeout=30)
    query = "select payload(run_id, ended_seq) as p, ended, seconds from runs where run_id = $run"
    table = world.sql(query, {"run": run.id})
    assert table.types == ("VARCHAR", "TIMESTAMP", "DOUBLE")
    assert "é" in table.rows[0][0]
    owners = f"repr(world.sql({query!r}, {{'run': {run.id!r}}}).rows)"
    assert repr(table.rows) == owner.ask(owners)
    assert str(table.to_arrow().schema.field("ended").type) == "timestamp[us]"
    with pytest.raises(PayloadError, match="parameter"):
        world.sql("select ?", [object()])


def test_an_answer_that_is_too_large_is_refused(here: Here, others: Others) -> None:
    """With a code and what to do; the line goes on."""
    others()
    world = here()
    assert len(world.sql("from range(150000)").rows) == 150_000
    with pytest.raises(WorldQueryError, match="more than 200,000 rows"):
        world.sql("from range(200001)")
    with pytest.raises(WorldQueryError, match="more than 64 MiB") as caught:
        world.sql("select repeat('x', 1000000) from range(80)")
    assert "fewer columns" in caught.value.hint
    assert world.sql("select 1").rows == [(1,)]


def test_a_query_is_stopped_where_it_runs(here: Here, others: Others) -> None:
    """When its time is up, and when who asked has gone: others are answered after it."""
    owner = others()
    world = here()
    with pytest.raises(WorldQueryError, match=r"longer than 0\.2 s"):
        world.sql(flows.SLOW, timeout=0.2)
    assert world.sql("select 1").rows == [(1,)]
    asked = cast("RemoteStore", world.host.store).sql(flows.SLOW, name="left")
    assert not asked.done()
    world.close()
    assert owner.ask("world.sql('select 1').rows") == [[1]]


def test_streams_are_followed_live(here: Here, others: Others, tmp_path: Path) -> None:
    """A reader in the second process gets each chunk as it is written, and the end."""
    others()
    world = here()
    run = world.start(flows.TALK, (str(tmp_path),), steps=[flows.say])
    words = iter(run.stream("words"))
    assert next(words) == "one"
    run.wait_for("hook", timeout=30)
    run.resume("more")
    assert list(words) == ["two"]
    assert [(s.name, s.chunks, s.closed) for s in run.streams] == [("words", 2, True)]


def test_views_are_live(here: Here, others: Others) -> None:
    """A view in the second process gets a snapshot of each change and of the end."""
    owner = others()
    world = here()
    run_id = owner.ask('world.start(ASK, ("t",), steps=[work]).wait_for("hook").id')
    run = world.get(run_id)
    seen, ended = watched(world, run)
    owner.ask('world.resume("t", 1)')
    owner.ask('world.resume("t", 2)')
    assert run.result(timeout=30) == [1, 2]
    assert ended.wait(30)
    assert (seen[0].status, seen[-1].status) == ("suspended", "completed")


def test_a_step_that_only_we_have_waits_for_the_owner(here: Here, others: Others) -> None:
    """The run is blocked in words that say who lacks the step, and how to go on."""
    owner = others()
    world = here()
    run = world.start(ONLY, steps=[ours])
    with pytest.raises(
        StepNotRegisteredError, match=f"owner of its world, process {owner.pid}"
    ) as e:
        run.result(timeout=30)
    assert "this process then takes over" in e.value.hint
    assert run.status == "blocked"
    assert "has not defined: 'ours'" in run.why()


@step
def ours() -> str:
    return "here"


ONLY = 'async def only():\n    "use workflow"\n    return await steps.ours()\n'


def test_to_read_only_follows_too(here: Here, others: Others) -> None:
    """While somebody owns the world, looking at it goes through the owner."""
    owner = others()
    run_id = owner.ask('world.start(ASK, ("t",), steps=[work]).wait_for("hook").id')
    world = here(read_only=True)
    assert (world.owned, world.owner["pid"]) == (False, owner.pid)
    assert world.get(run_id).status == "suspended"


def test_twice_in_one_process_is_refused(here: Here, others: Others, world_path: str) -> None:
    """Owned or followed: a process has one world of a file."""
    others()
    here()
    with pytest.raises(WorldLockedError, match="already opened"):
        open_world(world_path, key=flows.KEY)


def test_closing_leaves_nothing_behind(here: Here, others: Others, world_path: str) -> None:
    """No socket, no lock, no thread; what is asked afterwards says that the world was closed."""
    before = len(psutil.Process().net_connections("unix"))
    owner = others()
    world = here()
    run = world.start(flows.ASK, ("t",), steps=[flows.work])
    run.wait_for("hook", timeout=30)
    world.close()
    assert len(psutil.Process().net_connections("unix")) == before
    with pytest.raises(WorldClosedError):
        run.resume("t", 1)
    owner.close()
    assert sorted(os.listdir(os.path.dirname(world_path))) == ["world.duckdb", "world.duckdb.head"]


def test_many_followers_of_one_owner(others: Others, here: Here) -> None:
    """Ten processes answer the same hooks at once: each payload is recorded once per resume id."""
    owner = here()
    followers = [others() for _ in range(5)]
    run = owner.start(flows.ASK, ("t",), steps=[flows.work]).wait_for("hook")
    for follower in followers:
        follower.begin('world.resume("t", 1, resume_id="same")')
    answers: list[Any] = [follower.answer() for follower in followers]
    assert len(set(answers)) == 1
    assert [hook.received for hook in run.hooks] == [1]
    followers[0].ask('world.resume("t", 2)')
    assert [f.ask(f"get_run({run.id!r}).result(timeout=30)") for f in followers] == [[1, 2]] * 5


def test_old_runs_are_collected_through_the_owner(
    here: Here, others: Others, tmp_path: Path
) -> None:
    """The follower chooses and asks, the owner erases and rewrites the file; both see it."""
    owner = others()
    world = here()
    run = world.start(flows.WORK, (str(tmp_path), "gc", 1), steps=[flows.work])
    run.wait_for("hook", timeout=30)
    assert world.gc(0.0).run_ids == []
    run.resume("ask-gc", 1)
    run.result(timeout=30)
    assert not world.owned
    found = world.gc(0.0)
    assert (found.run_ids, found.done) == ([run.id], True)
    assert owner.ask("[row.status for row in world.rows()]") == ["forgotten"]
