"""What a step says for its run while it runs: labels and streams; and what a hook carries."""

from __future__ import annotations

from tests.behaviour.behaviour import Behaviour, resume
from wf_notebook import step, step_context


@step
async def labelled(stage: str) -> str:
    step_context().set_attributes({"stage": stage})
    return stage


@step
async def recited(poem: str) -> int:
    words = step_context().stream("words")
    for word in poem.split():
        words.write(word)
    await words.drain()
    words.close()
    return len(poem.split())


SPEAKING = [
    Behaviour(
        name="step_labels_its_run",
        promise="Attributes that a step sets are recorded before its outcome.",
        source="""
            async def stages():
                return [await steps.labelled("begun"), await steps.labelled("over")]
            """,
        steps=[labelled],
        returns=["begun", "over"],
        log="""
            run_created | run_started | step_created labelled#1 | step_started labelled#1 1
            attr_set | step_completed labelled#1 | step_created labelled#2
            step_started labelled#2 1 | attr_set | step_completed labelled#2 | run_completed
            """,
    ),
    Behaviour(
        name="step_writes_a_stream",
        promise="A stream is closed before its step is over; an attempt made again adds nothing.",
        source="""
            async def poet():
                return await steps.recited("so much depends")
            """,
        steps=[recited],
        returns=3,
        log="""
            run_created | run_started | step_created recited | step_started recited 1
            stream_closed | step_completed recited | run_completed
            """,
    ),
    Behaviour(
        name="hook_with_metadata",
        promise="What comes with a hook is part of what was asked, and the same on every replay.",
        source="""
            async def ask():
                order = {"id": "A-17", "lines": (1, 2), "when": now()}
                return await create_hook(token="go", title="Go?", metadata=order)
            """,
        script=[resume("go", "yes")],
        returns="yes",
        log="run_created | run_started | hook_created go 'Go?' | hook_received go | run_completed",
    ),
]
