"""A program that forks with its world open: the child asks of it, tells the answers, and stays."""

from __future__ import annotations

import multiprocessing
import os
import sys
from typing import TYPE_CHECKING, Any

from wf_notebook import open_world, step
from wf_notebook.errors import WorldClosedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from wf_notebook import Run

SOURCE = """
async def workflow():
    "use workflow"
    return await steps.one() + await create_hook(token="ask")
"""


@step
def one() -> int:
    return 1


def ask(run: Run, pipe: Connection) -> None:
    """What a child may try, each answered at once; then stay until told to go."""
    questions: list[Callable[[], Any]] = [
        run.result,
        run.events,
        run.cancel,
        lambda: run.state,
        lambda: run.resume("ask", 7),
    ]
    refused = 0
    for question in questions:
        try:
            question()
        except WorldClosedError:
            refused += 1
    pipe.send((os.getpid(), refused == len(questions)))
    pipe.recv()


def main(path: str) -> None:
    world = open_world(path, key=b"k" * 32, isolation="process")
    run = world.start(SOURCE, steps=[one]).wait_for("hook", timeout=60)
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=ask, args=(run, there), daemon=False)
    child.start()
    print(*here.recv(), flush=True)
    if sys.stdin.readline().strip() == "close":
        run.resume("ask", 2)
        print(run.result(timeout=60), flush=True)
        world.close()
        print("closed", flush=True)
    sys.stdin.readline()
    here.send("go")
    child.join()
    print("left", child.exitcode, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
