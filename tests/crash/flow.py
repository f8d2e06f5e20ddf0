"""A program that is killed: it opens a world and moves its one run on, and tells what it did.

A line for each event that was acknowledged, before anything could act on it; and one for each
effect of a step, which no log can take back.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from wf_notebook import RetryableError, open_world, step, step_context
from wf_notebook.world.duckdb import DuckDBStore

if TYPE_CHECKING:
    from concurrent.futures import Future

    from wf_notebook.world.events import Event
    from wf_notebook.world.store import Append

KEY = b"k" * 32
RESULT = sum(range(12)) + 100 + 101 + 102 + 7 + 5 + 1000
SOURCE = """
async def workflow(n):
    "use workflow"
    total = 0
    for i in range(n):
        total += await steps.work(i)
    await sleep(0.01)
    total += sum(await asyncio.gather(*[steps.work(100 + i) for i in range(3)]))
    total += await steps.fail_once(7)
    total += await steps.count(5)
    answer = await create_hook(token="ask")
    return total + answer
"""


def tell(*words: object) -> None:
    """One line, at once: a process that is killed afterwards has said it."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def effect() -> None:
    tell("effect", step_context().step_id, step_context().attempt)


@step
def work(i: int) -> int:
    effect()
    return i


@step
async def fail_once(i: int) -> int:
    effect()
    if step_context().attempt == 1:
        raise RetryableError("not yet", retry_after=0.01)
    return i


@step
async def count(n: int) -> int:
    effect()
    out = step_context().stream("numbers")
    for i in range(n):
        out.write(i)
        await out.drain()
    return n


def tell_what_is_acknowledged() -> None:
    """From here on each commit tells its events, before those who wait for it hear of it."""
    commit = DuckDBStore.commit

    def acknowledge(written: Future[tuple[Event, ...]]) -> None:
        if written.exception() is None:
            for event in written.result():
                tell("event", event.run_id, event.seq, event.event_id)

    def told(self: DuckDBStore, append: Append) -> Future[tuple[Event, ...]]:
        written = commit(self, append)
        written.add_done_callback(acknowledge)
        return written

    DuckDBStore.commit = told  # type: ignore[method-assign]


def main(path: str) -> None:
    tell_what_is_acknowledged()
    with open_world(path, key=KEY) as world:
        found = world.unfinished() or world.runs()
        run = found[0] if found else world.start(SOURCE, (12,), steps=[work, fail_once, count])
        run.wait_for("hook", timeout=60)
        if any(hook.open for hook in run.hooks):
            run.resume("ask", 1000, resume_id="only")
        tell("result", run.result(timeout=60))


if __name__ == "__main__":
    main(sys.argv[1])
