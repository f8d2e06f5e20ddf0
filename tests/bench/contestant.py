"""One engine in a process of its own: it opens a world, then plays a workload as often as it is told.

`python -m tests.bench.contestant NAME WORKLOAD FOLDER`, with the workload as JSON. It says in lines
of JSON, on what was its standard output, that it is ready, or why it never will be; then for each
line that it reads how long one play took. Whatever else is printed goes to standard error.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from tests.bench.workloads import Workload

if TYPE_CHECKING:
    from collections.abc import Callable

OURS: Final = "wf_notebook"
BARE: Final = "bare commits"
# Name to the module whose `contestant(folder)` makes it.
MODULES: Final = {
    OURS: "tests.bench.ours",
    BARE: "tests.bench.bare",
    "vercel-workflow": "tests.bench.vercel_peer",
    "dbos": "tests.bench.dbos_peer",
}
OTHER_WAY: Final = ", shared sandbox"  # of vercel-workflow: quicker, and not its default yet
PEERS: Final = ("vercel-workflow", f"vercel-workflow{OTHER_WAY}", "dbos")


@dataclass(frozen=True, slots=True)
class Timing:
    """How long one play took.

    Attributes:
        seconds: from before the start to the awaited result, in the caller.
        first: to the first chunk of a stream; None where there is none.
    """

    seconds: float
    first: float | None = None


class LacksError(Exception):
    """A contestant cannot play a workload, and says why."""


class Contestant(Protocol):
    """An engine with a world of its own.

    Attributes:
        about: version, and what its figures don't say of it.
    """

    about: str

    async def open(self, workload: Workload) -> None:
        """Get ready, and store what has to be there before; raises LacksError."""
        ...

    async def play(self, workload: Workload) -> Timing:
        """Do it once."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...


async def serve(contestant: Contestant, workload: Workload, say: Callable[[object], None]) -> None:
    """Play whenever a line comes."""
    try:
        await contestant.open(workload)
    except LacksError as lack:
        say({"lacks": str(lack), "about": contestant.about})
        return
    say({"ready": True, "about": contestant.about})
    while await asyncio.to_thread(sys.stdin.readline):
        try:
            say(asdict(await contestant.play(workload)))
        except LacksError as lack:
            say({"lacks": str(lack)})
            break
    await contestant.close()


def main(name: str, workload: str, folder: str) -> None:
    """Be one contestant until standard input ends."""
    with os.fdopen(os.dup(1), "w") as told:
        os.dup2(2, 1)

        def say(what: object) -> None:
            told.write(json.dumps(what) + "\n")
            told.flush()

        try:
            made = importlib.import_module(MODULES[name]).contestant(Path(folder))
        except ModuleNotFoundError as missing:
            say({"lacks": f"{missing.name} is not installed", "about": ""})
            return
        asyncio.run(serve(made, Workload(**json.loads(workload)), say))


if __name__ == "__main__":
    main(*sys.argv[1:])
