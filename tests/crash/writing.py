"""A program that is killed: its step writes a stream and tells what was acknowledged."""

from __future__ import annotations

import sys

from wf_notebook import open_world, step, step_context

SOURCE = """
async def workflow():
    "use workflow"
    await steps.count()
"""


@step
def count() -> None:
    out = step_context().stream("numbers")
    for n in range(1_000_000):
        out.write(n)
        if n % 7 == 0:
            out.flush()
            print(n, flush=True)


def main(path: str) -> None:
    with open_world(path, key=b"k" * 32) as world:
        found = world.unfinished()
        run = found[0] if found else world.start(SOURCE, steps=[count])
        run.result(timeout=60)


if __name__ == "__main__":
    main(sys.argv[1])
