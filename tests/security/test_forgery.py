"""What a guest says is not believed: each forged, torn or endless message fails its own run, coded.

The guests are real. Their sources reach the descriptor of their messages and write to it what their
machine never would.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.security.hostile import REACH, hostile_world
from wf_notebook.definition.steps import step
from wf_notebook.errors import RunFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wf_notebook.run import Run


@step
def a(x: int = 0) -> int:
    return x


VICTIM = "async def w():\n    x = await steps.a(1)\n    return x + await create_hook('go')\n"


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[..., Run]]:
    """A world in which an honest run waits; at the end it must go on as if nothing had been."""
    limits = {"activation_seconds": 1.5, "commands_per_activation": 50, "message_bytes": 8 << 20}
    with hostile_world(a, **limits) as start:
        honest = start(VICTIM).wait_for("hook")
        yield start
        honest.resume("go", 41)
        assert honest.result(timeout=30) == 42


def refused(start: Callable[..., Run], body: str) -> RunFailedError:
    source = REACH + "async def w():\n" + "".join(f"    {line}\n" for line in body.splitlines())
    with pytest.raises(RunFailedError) as caught:
        start(source).result(timeout=60)
    return caught.value


def saying(reply: Any) -> str:
    """A body that answers with a reply of its own, and then stands still."""
    text = reply if isinstance(reply, str) else json.dumps(reply)
    return f"message = {text.encode()!r}\nos.write(1, len(message).to_bytes(4, 'little') + message)\nwhile True: pass"


def asking(**command: Any) -> dict[str, Any]:
    return {"status": "suspended", "after": 0, "commands": [{"n": 1, "after": 0, **command}]}


def ending(**outcome: Any) -> dict[str, Any]:
    return {"after": 0, "ended_after": 0, **outcome}


HOOK = {"op": "hook", "token": "t"}
STEP = {"op": "step", "alias": "a", "args": {}}
DEEP = '{"status": "completed", "after": 0, "result": ' + "[" * 5000 + "]" * 5000 + "}"
FORGED = {
    "nothing": "",
    "no JSON": "hello",
    "another shape": {"hello": 1},
    "one more field": {**asking(**STEP), "root": True},
    "an unknown status": {"status": "paused", "after": 0},
    "a step that was not given": asking(op="step", alias="b", args={}),
    "a step by its id": asking(op="step", alias="step//os//system", args={}),
    "arguments that are no object": asking(op="step", alias="a", args=[1]),
    "an argument that is no value": asking(op="step", alias="a", args={"x": {"$t": "part", "v": 9}}),
    "an argument that points into the world": asking(
        op="step", alias="a", args={"x": {"$t": "part", "v": 9}, "y": "z" * 70_000}
    ),
    "an unknown command": asking(op="exec", code="1"),
    "position 0": asking(**STEP, n=0),
    "a huge position": asking(**STEP, n=1 << 40),
    "a position that is a text": asking(**STEP, n="1"),
    "one position twice": {"status": "suspended", "after": 0, "commands": [
        {"n": 1, "after": 0, **STEP}, {"n": 1, "after": 0, **STEP}]},
    "positions backwards": {"status": "suspended", "after": 0, "commands": [
        {"n": 2, "after": 0, **STEP}, {"n": 1, "after": 0, **STEP}]},
    "an event it has not seen": {"status": "suspended", "after": 7, "commands": []},
    "a command after what has not been": asking(**STEP, after=3),
    "a cancel of nothing": asking(op="step_cancel"),
    "a cancel of a wait as a step": {"status": "suspended", "after": 0, "commands": [
        {"n": 1, "after": 0, "op": "wait", "kind": "sleep", "due_us": 5},
        {"n": 1, "after": 0, "op": "step_cancel"}]},
    "a disposal of another's hook": asking(op="hook_dispose", n=1),
    "a schema that was not given": asking(**HOOK, schema="Approval"),
    "an empty token": asking(op="hook", token=""),
    "a long token": asking(op="hook", token="t" * 201),
    "a long title": asking(**HOOK, title="t" * 501),
    "metadata that is no value": asking(**HOOK, metadata={"$t": "pickle", "v": "x"}),
    "a wait before time": asking(op="wait", kind="sleep", due_us=-1),
    "a wait beyond time": asking(op="wait", kind="sleep", due_us=1 << 61),
    "a wait of another kind": asking(op="wait", kind="nap", due_us=5),
    "a line that cannot be": asking(**STEP, line=0),
    "too many commands": {"status": "suspended", "after": 0, "commands": [
        {"n": n, "after": 0, **STEP} for n in range(1, 60)]},
    "too much printed": {"status": "suspended", "after": 0, "prints": [[0, "x" * 2_000_000]]},
    "printed out of order": {"status": "suspended", "after": 0, "prints": [[1, "x"], [0, "y"]]},
    "printed before the beginning": {"status": "suspended", "after": 0, "prints": [[-1, "x"]]},
    "an ending to come": {"status": "completed", "after": 0, "ended_after": 9, "result": 1},
    "a result that is no value": ending(status="completed", result={"$t": "module", "v": "os"}),
    "a result that is no number": '{"status": "completed", "after": 0, "result": NaN}',
    "a result too deep": DEEP,
    "a code of the engine's": ending(status="failed", code="DEFINITION_MISMATCH"),
    "an endless message": ending(status="failed", error={"type": "E", "message": "x" * 30_000}),
    "an endless type": ending(status="failed", error={"type": "E" * 300, "message": ""}),
    "endless frames": ending(status="failed", error={
        "type": "E", "message": "", "frames": [[1, 1, 1, 1, "f"]] * 200}),
    "a frame that cannot be": ending(status="failed", error={
        "type": "E", "message": "", "frames": [[-1, 1, 1, 1, "f"]]}),
}  # fmt: skip


@pytest.mark.parametrize("name", list(FORGED))
def test_a_forged_reply_is_refused(name: str, start: Callable[..., Run]) -> None:
    """Of what a guest claims only what its run may do is done; the run fails with a code."""
    error = refused(start, saying(FORGED[name]))
    assert error.code == "GUEST_PROTOCOL", error


TORN = {
    "half a header": ("os.write(1, b'12')\nwhile True: pass", "BUDGET_EXCEEDED"),
    "half a message": ("os.write(1, b'\\x40\\0\\0\\0{\"sta')\nwhile True: pass", "BUDGET_EXCEEDED"),
    "silence": ("while True: pass", "BUDGET_EXCEEDED"),
    "a death in mid-message": ("os.write(1, b'\\x40\\0\\0\\0{\"sta')\nos._exit(0)", "GUEST_DIED"),
    "a length of 4 GB": ("os.write(1, b'\\xff' * 4)\nwhile True: pass", "BUDGET_EXCEEDED"),
    "two replies": (
        ("m = b'{\"status\": \"suspended\", \"after\": 0}'\n"
        "m = len(m).to_bytes(4, 'little') + m\nos.write(1, m + m)\nwhile True: pass"),
        "GUEST_PROTOCOL",
    ),
    "a flood": ("while True: os.write(1, b'\\0' * 65536)", "GUEST_PROTOCOL"),
    "a flood of reports": ("while True: os.write(2, b'File ' * 9999)", "BUDGET_EXCEEDED"),
    "a handler that ignores the clock": (
        "for n in (10, 24):\n    signal.signal(n, signal.SIG_IGN)\nwhile True: pass",
        "BUDGET_EXCEEDED",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(TORN))
def test_a_torn_or_endless_message_is_given_up(name: str, start: Callable[..., Run]) -> None:
    """Half messages, silence, floods, death: the host waits as long as it may, and no longer."""
    body, code = TORN[name]
    assert refused(start, body).code == code


def test_a_guest_cannot_speak_for_another_run(start: Callable[..., Run]) -> None:
    """Ids are derived from the run's own seed: the same position is another step elsewhere."""
    first = start("async def w():\n    await create_hook('mine')\n").wait_for("hook")
    error = refused(start, saying(asking(op="hook_dispose", n=1)))
    assert error.code == "GUEST_PROTOCOL"
    assert [hook.open for hook in first.hooks] == [True]
    taken = start("async def w():\n    return await create_hook('mine').conflict()\n")
    assert taken.result(timeout=30) == first.id
    first.cancel()
