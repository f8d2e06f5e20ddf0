"""A program that is killed: it opens a world and moves its one run on, telling what its steps do."""

from __future__ import annotations

import sys

from wf_notebook import open_world, step

SOURCE = """
async def workflow(n):
    "use workflow"
    total = 0
    for i in range(n):
        total += await steps.work(i)
    await sleep(0.01)
    total += sum(await asyncio.gather(*[steps.work(100 + i) for i in range(3)]))
    answer = await create_hook(token="ask")
    return total + answer
"""


@step
def work(i: int) -> int:
    print("work", i, flush=True)
    return i


def main(path: str) -> None:
    with open_world(path, key=b"k" * 32) as world:
        found = world.unfinished() or world.runs()
        run = found[0] if found else world.start(SOURCE, (5,), steps=[work])
        run.wait_for("hook", timeout=60)
        print("hook", flush=True)
        if any(hook.open for hook in run.hooks):
            run.resume("ask", 1000, resume_id="only")
            print("resumed", flush=True)
        print("result", run.result(timeout=60), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
