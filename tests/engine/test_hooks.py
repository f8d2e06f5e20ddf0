"""Waits for a person: resumed, refused, taken, timed out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engine.flows import ASK, Approval, ask, go, types
from wf_notebook.errors import HookNotFoundError, HookPayloadError, RunFailedError, WaitingForHook

if TYPE_CHECKING:
    from wf_notebook.api import World


def test_resume(world: World) -> None:
    """A resumed hook gives its payload to the body."""
    run = ask(world)
    assert run.status == "suspended"
    assert [h.title for h in run.hooks] == ["May I?"]
    run.resume("approve", {"ok": True, "amount": 7})
    assert run.result(timeout=10) == [True, 7]


def test_wrong_payload(world: World) -> None:
    """A payload that doesn't fit is refused with field errors; nothing changes."""
    run = ask(world)
    before = len(run.events())
    with pytest.raises(HookPayloadError) as caught:
        run.resume("approve", {"ok": True, "amount": 700})
    assert [e["path"] for e in caught.value.errors] == [["amount"]]
    assert len(run.events()) == before
    assert run.status == "suspended"


def test_resume_is_idempotent(world: World) -> None:
    """A resumed hook is delivered once per resume id, even after the run has ended."""
    run = ask(world)
    first = world.resume("approve", Approval(ok=False, amount=1), resume_id="click-1")
    assert run.result(timeout=10) == [False, 1]
    assert world.resume("approve", Approval(ok=False, amount=1), resume_id="click-1") == first
    assert types(run).count("hook_received") == 1


def test_too_late(world: World) -> None:
    """An unknown token and a finished run are told apart."""
    run = ask(world)
    with pytest.raises(HookNotFoundError, match=r"No hook has the token 'aprove'.*approve"):
        world.resume("aprove", {})
    run.resume("approve", {"ok": True, "amount": 7})
    run.result(timeout=10)
    with pytest.raises(HookNotFoundError, match="has ended"):
        world.resume("approve", {"ok": True, "amount": 7})


def test_conflict(world: World) -> None:
    """A token belongs to one live run; the second run is told who owns it."""
    first = ask(world)
    second = go(world, ASK, schemas=[Approval])
    with pytest.raises(RunFailedError, match=first.id) as caught:
        second.result(timeout=10)
    assert caught.value.error["type"] == "HookConflictError"
    first.cancel()
    third = go(world, "return await create_hook(token='approve').conflict()")
    assert third.result(timeout=10) is None


def test_conflict_disposed_at_once(world: World) -> None:
    """A hook disposed of before the body knew of its conflict replays like any other."""
    ask(world)
    body = """
hook = create_hook(token="approve")
hook.dispose()
await steps.double(1)
return await hook.conflict()
"""
    run = go(world, body)
    assert run.result(timeout=10) == world.unfinished()[0].id
    assert [h.status for h in run.hooks] == ["conflict"]


def test_race_of_hook_and_sleep(world: World) -> None:
    """A hook with a timeout is disposed when that is over."""
    body = """
try:
    await create_hook(token="slow", timeout="1h")
except TimeoutError:
    return "nobody came"
"""
    run = go(world, body)
    assert run.result(timeout=10) == "nobody came"
    assert "hook_disposed" in types(run)


def test_result_on_the_main_thread(world: World) -> None:
    """Waiting for a person without end, where no click can arrive, is an error with ways on."""
    run = ask(world)
    with pytest.raises(WaitingForHook, match="approve"):
        run.result()


def test_metadata(world: World) -> None:
    """What whoever answers should know comes with the hook, and is part of what was asked."""
    body = """
order = {"id": "A-17", "lines": (1, 2)}
await create_hook(token="approve", metadata=order)
"""
    run = go(world, body).wait_for("hook")
    assert run.hooks[0].metadata == {"id": "A-17", "lines": (1, 2)}
    (created,) = [e for e in run.events() if e.type == "hook_created"]
    assert "A-17" not in str(created.meta)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [("steps", "metadata"), ("'x' * 70_000", "64000 characters")],
)
def test_metadata_refused(world: World, metadata: str, said: str) -> None:
    """Metadata that cannot be recorded, or is too long, is an error at the call."""
    run = go(world, f"create_hook(metadata={metadata})")
    with pytest.raises(RunFailedError, match=said):
        run.result(timeout=10)


def test_which_refusal(world: World) -> None:
    """Unknown, disposed, ended and another run's hook are told apart by a word."""
    body = """
create_hook(token="first").dispose()
await create_hook(token="second")
"""
    run = go(world, body).wait_for("hook")
    other = ask(world)

    def reason(token: str) -> str:
        with pytest.raises(HookNotFoundError) as caught:
            run.resume(token)
        return caught.value.reason

    assert [reason(t) for t in ("nobody", "first", "approve")] == [
        "unknown",
        "disposed",
        "elsewhere",
    ]
    run.resume("second")
    run.result(timeout=10)
    assert reason("second") == "ended"
    other.cancel()


def test_one_token_twice_at_once(world: World) -> None:
    """Of two hooks of one run with one token, made in one go, the first is open."""
    body = """
first, second = create_hook(token="t"), create_hook(token="t")
owner = await second.conflict()
return [owner, await first]
"""
    run = go(world, body).wait_for("hook")
    run.resume("t", 5)
    assert run.result(timeout=10) == [run.id, 5]


def test_a_resume_sent_again_reaches_no_other_hook(world: World) -> None:
    """A resume sent again after its hook was disposed isn't taken for the token's next hook."""
    body = """
found = []
for level in range(2):
    async with create_hook(token="t") as hook:
        found.append(await hook)
return found
"""
    run = go(world, body).wait_for("hook")
    first = run.resume("t", "yes", resume_id="click-1")
    run.wait_for("hook")
    assert run.resume("t", "yes", resume_id="click-1") == first
    assert run.resume("t", "no", resume_id="click-2") > first
    assert run.result(timeout=10) == ["yes", "no"]


def test_a_resume_sent_again_reaches_no_other_run(world: World) -> None:
    """Nor for the hook of another run, which has the token now that the first run has ended."""
    first = go(world, "return await create_hook(token='t')").wait_for("hook")
    seq = world.resume("t", "for the first", resume_id="click-1")
    assert first.result(timeout=10) == "for the first"
    second = go(world, "return await create_hook(token='t')\n").wait_for("hook")
    assert world.resume("t", "for the first", resume_id="click-1") == seq
    assert second.status == "suspended"
    world.resume("t", "for the second", resume_id="click-2")
    assert second.result(timeout=10) == "for the second"


def test_who_waits_no_longer_harms_no_run(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A future that its holder has cancelled is answered to nobody; the run goes on."""
    run = ask(world)

    def asked_and_given_up() -> None:
        for future in (run.actions.wake(None), world.host.adopt(run.id)):
            assert future.cancel()

    world.host.call(asked_and_given_up)
    run.resume("approve", {"ok": True, "amount": 1})
    assert run.result(timeout=10) == [True, 1]
    assert [record.getMessage() for record in caplog.records] == []
