"""Steps, a model and a source whose receipts the tests of this folder look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from wf_notebook import FatalError, step, step_context
from wf_notebook.definition.steps import Backoff

if TYPE_CHECKING:
    from wf_notebook import Run, World


class Answer(BaseModel):
    ok: bool
    text: str = ""


SECRETS = {
    name: f"canary{number:02}rc"
    for number, name in enumerate((
        "argument", "keyword", "result of a step", "text of an error", "text of a fatal error",
        "payload", "chunk", "reason",
    ))
}  # fmt: skip


@step(name="receipt_look", retries=1, backoff=Backoff(initial=0.001))
def look(word: str) -> dict[str, Any]:
    context = step_context()
    context.stream("log").write(SECRETS["chunk"])
    if context.attempt == 1:
        raise ValueError(SECRETS["text of an error"])
    return {"found": SECRETS["result of a step"], "price": 1.0, "big": 2**70}


@step(name="receipt_breaks")
def breaks(text: str) -> None:
    raise FatalError(SECRETS["text of a fatal error"])


STEPS = {"look": look, "breaks": breaks}

# Every value that it makes comes from outside: its own text, which a receipt shows, holds none.
SOURCE = """
async def order(word, *, key):
    "use workflow"
    found = await steps.look(word)
    print(word, found["found"])
    hook = create_hook(token="answer", schema="Answer", title=f"May {key} have {word}?",
                       metadata={"price": found["price"], "key": key})
    answer = await hook
    await sleep("1ms")
    try:
        await steps.breaks(answer.text)
    except StepError:
        pass
    if word.startswith("fail"):
        raise ValueError(answer.text)
    if word.startswith("stop"):
        await create_hook(token="last")
    return [found, answer.text]
"""


def started(world: World, word: str = "ok", **options: Any) -> Run:
    """A run that waits for its answer."""
    for one in STEPS.values():
        world.host.runner.steps.register(one)
    return world.start(
        SOURCE,
        [f"{word} {SECRETS['argument']}"],
        kwargs={"key": SECRETS["keyword"]},
        steps=STEPS,
        schemas=[Answer],
        **options,
    ).wait_for("hook", timeout=30)


def ended(world: World, word: str = "ok", **options: Any) -> Run:
    """A run that has completed; "fail" for one that has failed, "stop" for a cancelled one."""
    run = started(world, word, **options)
    run.resume("answer", {"ok": True, "text": SECRETS["payload"]})
    if word == "stop":
        run.wait_for("hook", timeout=30)
        run.reached(lambda act: any(h.token == "last" for h in act.state.open_hooks)).result(30)
        run.cancel(SECRETS["reason"])
    return run.wait_for("terminal", timeout=30)
