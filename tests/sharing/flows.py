"""Steps and a source that several processes know, and where the steps note what they did."""

from __future__ import annotations

import fcntl
import os

from wf_notebook import step

KEY = b"k" * 32
SLOW = "select count(*) from range(1e9::bigint) a, range(1e9::bigint) b"

WORK = """
async def workflow(folder, name, n):
    "use workflow"
    total = 0
    for i in range(n):
        total += await steps.work(folder, f"{name}{i}", i)
    found = await create_hook(token=f"ask-{name}")
    total += sum(await asyncio.gather(*[steps.work(folder, f"{name}g{i}", i) for i in range(3)]))
    return total + found
"""

ASK = """
async def ask(token):
    "use workflow"
    hook = create_hook(token=token)
    return [await hook, await hook]
"""

NAP = """
async def nap():
    "use workflow"
    await sleep("1h")
    await sleep("2h")
    return "rested"
"""

TALK = """
async def talk(folder):
    "use workflow"
    await steps.say("one")
    await create_hook(token="more")
    await steps.say("two")
    return "said"
"""


@step
def work(folder: str, name: str, i: int) -> int:
    """Note that it began, do something, note that it ended; and whether another did it, too."""
    held = os.open(os.path.join(folder, f"{name}.step"), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ours until we return, or die
    except BlockingIOError:
        tell(f"twice {name}")
    tell(f"begin {name}")
    sum(range(20_000))
    tell(f"end {name}")
    os.close(held)
    return i


@step
def say(word: str) -> str:
    """Write to a stream."""
    from wf_notebook import step_context

    out = step_context().stream("words")
    out.write(word)
    out.flush()
    return word


def tell(line: str) -> None:
    """Say a line to the test, whole."""
    os.write(1, f"! {line}\n".encode())
