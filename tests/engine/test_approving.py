"""What was approved runs, exactly that, and nothing else where an approval is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from pydantic import BaseModel

from tests.worlds import KEY, contents, opened
from wf_notebook import approving, open_world, start, step
from wf_notebook.approvals import (
    approve,
    forget_revisions,
    get_revision,
    propose,
    revisions,
    start_revision,
)
from wf_notebook.errors import (
    DefinitionError,
    IsolationUnavailable,
    NotApprovedError,
    RevisionChangedError,
    RevisionDamagedError,
    RevisionNotFoundError,
    UsageError,
)
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wf_notebook.api import World
    from wf_notebook.config import ApprovalPolicy
    from wf_notebook.definition.steps import Step, StepRegistry

SOURCE = """
async def refund(order_id):
    "use workflow"
    return await steps.pay(order_id)
"""
EDITED = SOURCE.replace("pay(order_id)", "pay(order_id + '!')")


POLICIES: tuple[ApprovalPolicy, ...] = ("off", "drafts", "all")


class Answer(BaseModel):
    ok: bool


def pay(order_id: str) -> str:
    return f"paid {order_id}"


def pay_again(order_id: str) -> str:
    return f"paid {order_id} twice"


@pytest.fixture(params=["memory", "duckdb"])
def world(
    request: pytest.FixtureRequest, make_world: Callable[..., World], registry: StepRegistry
) -> World:
    registry.register(stepped(pay))
    return make_world(MemoryStore() if request.param == "memory" else opened(":memory:"))


def stepped(function: Callable[..., Any], as_name: str = "pay", **options: Any) -> Step:
    """A step of the id `step//shop//pay`, whatever its code."""
    function.__module__, function.__qualname__ = "shop", as_name
    made: Step = step(name=as_name, **options)(function)
    return made


def run(world: World, source: str = SOURCE, *, steps: Any = None, **options: Any) -> Any:
    given = {"pay": stepped(pay)} if steps is None else steps
    return world.start(source, ("A-17",), steps=given, **options)


def refused(world: World, source: str = SOURCE, **options: Any) -> NotApprovedError:
    with pytest.raises(NotApprovedError) as caught:
        run(world, source, **options)
    return caught.value


def approved(world: World, source: str = SOURCE, **options: Any) -> Any:
    """What a person does who reads what was refused, and agrees."""
    return approve(refused(world, source, **options).source_hash, by="ada", world=world)


def test_nothing_is_asked_unless_it_is_set(world: World) -> None:
    """A world asks for no approval by itself, and a run of it says nothing of one."""
    assert world.approval == "off"
    assert run(world).result(timeout=30) == "paid A-17"
    assert run(world).approval is None
    assert revisions(world=world) == []


def test_an_unapproved_source_is_refused_and_kept(world: World) -> None:
    """Nothing runs; what was refused can be approved by the hash that the error names."""
    world.approval = "all"
    error = refused(world)
    assert error.reasons == ("nothing of that name was approved",)
    assert error.source_hash[:12] in error.hint
    assert world.runs() == []
    revision = approve(error.source_hash[:8].upper(), note="looks right", by="ada", world=world)
    assert (str(revision), revision.note, revision.approved_by) == (
        "refund@1",
        "looks right",
        "ada",
    )
    found = run(world)
    assert found.result(timeout=30) == "paid A-17"
    assert found.approval == {"name": "refund", "revision": 1}


def test_an_edit_asks_again_and_shows_what_changed(world: World) -> None:
    """The difference from the last source of that name that was approved."""
    world.approval = "all"
    approved(world)
    error = refused(world, EDITED)
    assert error.reasons == ("the source is another one",)
    assert "-    return await steps.pay(order_id)" in error.diff
    assert str(approve(error.source_hash, world=world)) == "refund@2"
    assert run(world).approval == {"name": "refund", "revision": 1}
    assert run(world, EDITED).approval == {"name": "refund", "revision": 2}


def test_the_code_of_a_step_was_approved_too(world: World) -> None:
    """Another body, another signature, other options, another step, one more: asked again."""
    world.approval = "all"
    approved(world)

    def more(order_id: str, *, twice: bool = False) -> str:
        return f"{order_id} {twice}"

    cases = [
        ({"pay": stepped(pay_again)}, "the code of the step `pay` has changed"),
        ({"pay": stepped(more)}, "the code of the step `pay` has changed"),
        ({"pay": stepped(pay, retries=0)}, "signature, schema or options of the step `pay`"),
        ({"pay": stepped(pay, "other")}, "`pay` is another step, step//shop//other"),
        ({"pay": stepped(pay), "b": stepped(pay_again, "b")}, "the step `b` was added"),
    ]
    for steps, reason in cases:
        (found,) = refused(world, steps=steps).reasons
        assert found.startswith(reason)


def test_the_schemas_of_hooks_were_approved_too(world: World) -> None:
    """A field more is something else that a person may be asked for."""
    world.approval = "all"
    approved(world, schemas=[Answer])
    run(world, schemas=[Answer]).result(timeout=30)
    wider = type("Answer", (Answer,), {"__annotations__": {"amount": int}})
    assert refused(world, schemas={"Answer": wider}).reasons == ("the schema Answer has changed",)
    assert refused(world).reasons == ("the schema Answer has changed",)


def test_only_what_a_model_wrote_has_to_be_approved(world: World) -> None:
    """Under "drafts": what was drafted under that name, edits of it, and its text under any name."""
    world.approval = "drafts"
    run(world).result(timeout=30)
    line = propose(SOURCE, steps=[stepped(pay)], draft={"model": "m"}, world=world)
    refused(world)
    refused(world, EDITED)
    refused(world, name="other")
    approve(line.source_hash, world=world)
    assert run(world).approval == run(world, name="other").approval
    refused(world, EDITED)


def test_an_approval_keeps_what_the_model_was_asked(world: World) -> None:
    """A year later it can be shown; that the cell was refused before it makes no difference."""
    world.approval = "drafts"
    line = propose(SOURCE, steps=[stepped(pay)], draft={"model": "m"}, world=world)
    assert refused(world).source_hash == line.source_hash
    approve(line.source_hash, world=world)
    assert get_revision("refund", world=world).proposal.draft == {"model": "m"}


def test_a_proposal_is_kept_once(world: World) -> None:
    """However often a cell is refused; one with other code of its steps is another one."""
    first = propose(SOURCE, steps=[stepped(pay)], world=world)
    assert propose(SOURCE, steps=[stepped(pay)], world=world) == first
    assert propose(SOURCE, steps=[stepped(pay_again)], world=world).number == 2
    with pytest.raises(DefinitionError):
        propose("async def refund(): pass\n", steps=[stepped(pay)], world=world)


@pytest.mark.parametrize("wanted", ["", "abc", "ffffffff", "sha256:" + "0" * 64, "refund"])
def test_what_was_not_proposed_cannot_be_approved(world: World, wanted: str) -> None:
    """A hash of nothing, or one that is too short to mean anything."""
    propose(SOURCE, steps=[stepped(pay)], world=world)
    with pytest.raises(RevisionNotFoundError, match="No proposed source"):
        approve(wanted, world=world)


def test_rerun_asks_as_a_start_does(world: World) -> None:
    """A button is no way around."""
    found = run(world)
    found.result(timeout=30)
    world.approval = "all"
    with pytest.raises(NotApprovedError):
        found.rerun()
    approve(found.source_hash, by="ada", world=world)
    again = found.rerun()
    assert again.result(timeout=30) == "paid A-17"
    assert again.approval == {"name": "refund", "revision": 1}


def test_a_step_that_starts_a_run_asks_too(world: World, registry: StepRegistry) -> None:
    """What was approved may start only what was approved."""

    async def launch(order_id: str) -> str:
        child = start(EDITED, (order_id,), steps={"pay": stepped(pay)})
        return str(await child)

    starter = stepped(launch, "launch", retries=0)
    registry.register(starter)
    source = SOURCE.replace("steps.pay", "steps.launch").replace("refund", "parent")
    world.approval = "all"
    approved(world, source, steps={"launch": starter})
    parent = run(world, source, steps={"launch": starter}).wait_for("terminal", timeout=30)
    assert parent.status == "failed"
    assert "WF611" in str(parent.events()[-1].data)
    approve(refused(world, EDITED).source_hash, world=world)
    again = run(world, source, steps={"launch": starter})
    assert again.result(timeout=30) == "paid A-17!"


def test_what_was_shown_is_approved_and_no_later_one(world: World) -> None:
    """A card's button means the proposal on the card, though another one has the same hash."""
    shown = propose(SOURCE, steps=[stepped(pay)], world=world)
    later = propose(SOURCE, steps=[stepped(pay_again)], world=world)
    assert (later.source_hash, later.number) == (shown.source_hash, 2)
    host = world.host
    found = host.wait(host.submit(approving.approve(host, shown, by="ada")))
    world.approval = "all"
    assert run(world).approval == found.reference
    assert refused(world, steps={"pay": stepped(pay_again)}).reasons == (
        "the code of the step `pay` has changed",
    )


# --- revisions -----------------------------------------------------------------------------------


def test_a_revision_runs_as_it_was_approved(world: World) -> None:
    """The old one as well as the newest, by name and number alone."""
    world.approval = "all"
    for source in (SOURCE, EDITED):
        approved(world, source)
    for policy in POLICIES:
        world.approval = policy
        old = start_revision("refund", 1, ("A-17",), world=world)
        new = start_revision("refund", args=("A-17",), world=world)
        assert (old.result(timeout=30), new.result(timeout=30)) == ("paid A-17", "paid A-17!")
        assert (old.approval["revision"], new.approval["revision"]) == (1, 2)
    assert [(line.name, line.number) for line in revisions(world=world)] == [
        ("refund", 2),
        ("refund", 1),
    ]


def test_a_revision_that_is_not_there(world: World) -> None:
    """The error lists those that are."""
    with pytest.raises(RevisionNotFoundError, match="refund was never approved"):
        start_revision("refund", world=world)
    world.approval = "all"
    approved(world)
    with pytest.raises(RevisionNotFoundError, match="There are refund@1"):
        get_revision("refund", 7, world=world)


def test_a_revision_does_not_run_with_other_steps(world: World, registry: StepRegistry) -> None:
    """Code, signature and options are what was reviewed, or it is refused; nothing ran."""
    world.approval = "all"
    approved(world)
    for changed in (stepped(pay_again), stepped(pay, retries=0)):
        registry.register(changed)
        with pytest.raises(RevisionChangedError, match="step `pay` ha") as caught:
            start_revision("refund", 1, ("A-17",), world=world)
        assert len(caught.value.reasons) == 1
    assert world.runs() == []
    registry.register(stepped(pay))
    assert start_revision("refund", 1, ("A-17",), world=world).result(timeout=30) == "paid A-17"


def test_a_revision_of_a_step_that_is_gone(make_world: Callable[..., World]) -> None:
    """Another process, which does not define it."""
    empty = make_world()
    propose(SOURCE, steps=[stepped(pay)], world=empty)
    approve(revision_hash(empty), world=empty)
    with pytest.raises(RevisionChangedError, match="the step `pay` was taken away"):
        start_revision("refund", world=empty)


def revision_hash(world: World) -> str:
    (line,) = world.host.store.reviews(kind="proposal").result(timeout=30)
    return line.source_hash


def test_the_same_key_is_the_same_run(world: World) -> None:
    """As for `start`."""
    world.approval = "all"
    approved(world)
    first = start_revision("refund", 1, ("A-17",), id="k", world=world)
    assert start_revision("refund", 1, ("A-17",), id="k", world=world).id == first.id


def test_erased_revisions_do_not_run(world: World) -> None:
    """Their lines stay, their sources go, and their numbers stay used."""
    world.approval = "all"
    approved(world)
    forget_revisions("refund", world=world)
    with pytest.raises(RevisionDamagedError, match="was erased"):
        start_revision("refund", world=world)
    assert str(approved(world)) == "refund@2"


# --- in a file -----------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A world with an approved revision and a key that is turned after it."""
    place = tmp_path / "w.duckdb"
    with open_world(place, key=KEY, isolation="inline", steps=[stepped(pay)]) as world:
        propose(SOURCE, steps=[stepped(pay)], draft={"request": "canary of a request"}, world=world)
        approve(revision_hash(world), note="canary of a note", by="canary of a name", world=world)
        propose(EDITED, steps=[stepped(pay)], world=world)
    return place


def reopened(place: Path, key: Any = KEY) -> Any:
    return open_world(place, key=key, isolation="inline", steps=[stepped(pay)])


def test_of_a_review_only_its_line_is_plain(place: Path) -> None:
    """Name, number, hash and time; what is erased leaves no byte."""
    for data in contents(place).values():
        assert b"canary" not in data
        assert b"steps.pay" not in data
    with reopened(place) as world:
        table = world.sql("select name, revision, erased, approved is not null from approvals")
        assert table.rows == [("refund", 1, False, True)]
        sealed = world.sql("select record from reviews").rows
        forget_revisions("refund", world=world)
        table = world.sql("select erased from approvals")
        assert table.rows == [(True,)]
    for data in contents(place).values():
        assert not any(record in data for (record,) in sealed)


def test_an_approval_survives_another_master_key(place: Path) -> None:
    """And a world without the key lists what was approved, and opens none of it."""
    new = bytes(range(32, 64))
    with reopened(place) as world:
        world.rotate_key(new)
    with reopened(place, new) as world:
        found = get_revision("refund", world=world)
        assert (found.note, found.approved_by) == ("canary of a note", "canary of a name")
        assert start_revision("refund", 1, ("A-17",), world=world).result(timeout=30) == "paid A-17"
    with reopened(place, KEY) as world:
        assert [line.lack for line in revisions(world=world)] == ["locked"]
        with pytest.raises(RevisionDamagedError, match="key of the world is missing"):
            get_revision("refund", world=world)


FORGED = """
    insert into reviews select commit_no, 'approval', name, 9, source_hash, time_us + 9, record
    from reviews where
"""
SWAPPED = """
    update reviews set record = (select record from reviews where number = 2),
        source_hash = (select source_hash from reviews where number = 2) where kind = 'approval'
"""
OF_THE_APPROVAL = "where kind = 'approval'"


@pytest.mark.parametrize(
    "change",
    [
        f"update reviews set record = record || '\\x00'::blob {OF_THE_APPROVAL}",
        f"update reviews set name = 'other' {OF_THE_APPROVAL}",
        f"update reviews set number = 2 {OF_THE_APPROVAL}",
        f"update reviews set source_hash = repeat('0', 64) {OF_THE_APPROVAL}",
        SWAPPED,
        f"{FORGED} kind = 'approval'",
        f"{FORGED} kind = 'proposal' and number = 2",
    ],
    ids=["bytes", "name", "number", "hash", "swapped", "copied", "promoted"],
)
def test_an_edited_record_does_not_open(place: Path, change: str) -> None:
    """It is refused with its code, and no run starts from it."""
    with duckdb.connect(str(place)) as file:
        file.execute(change)
    with reopened(place) as world:
        (line, *_) = revisions(world=world)
        assert line.lack == "damaged"
        with pytest.raises(RevisionDamagedError, match="altered or moved"):
            start_revision(line.name, line.number, ("A-17",), world=world)
        world.approval = "all"
        with pytest.raises(NotApprovedError):
            run(world, EDITED)
        assert world.runs() == []


def test_a_draft_does_not_run_with_less_than_strict_unasked(
    make_world: Callable[..., World], registry: StepRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where strict isolation is not to be had, somebody has to choose another one by name."""
    registry.register(stepped(pay))
    world = make_world(isolation=None)
    real = world.host.mode
    monkeypatch.setattr(world.host, "mode", lambda wanted: wanted or real("process"))
    run(world).result(timeout=60)
    propose(SOURCE, steps=[stepped(pay)], draft={"model": "m"}, world=world)
    with pytest.raises(IsolationUnavailable, match="A model wrote refund"):
        run(world)
    assert run(world, isolation="inline").result(timeout=60) == "paid A-17"


def test_policies_are_those_of_the_settings() -> None:
    """A word that is none of them is not taken for one."""
    with open_world(":memory:", isolation="inline") as world:
        for policy in POLICIES:
            world.approval = policy
        wrong: Any = "maybe"
        with pytest.raises(UsageError, match="off, drafts or all"):
            world.approval = wrong
        assert world.approval == "all"
