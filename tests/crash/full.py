"""A program whose disk gets full: it tells what was acknowledged, makes room, and goes on.

`python -m tests.crash.full PATH MOMENT SEED [again]`; `again` after it has died of it. The disk is a limit on the length of any file: a
write beyond it fails as on a full disk. When there is room again nobody asks for anything twice:
the run goes on by itself.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from typing import TYPE_CHECKING, Final

from tests.crash.flow import KEY, tell, tell_what_is_acknowledged
from wf_notebook import WorldFullError, open_world, step, step_context
from wf_notebook.world import opening, worldfile, writer
from wf_notebook.world.database import Connection
from wf_notebook.world.duckdb import DuckDBStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from wf_notebook.engine.writer import StreamWriter
    from wf_notebook.world.events import Event
    from wf_notebook.world.store import Append

# The first four are tried per change.
MOMENTS: Final = ("opening", "small", "checkpoint", "streaming", "making", "large")
PIECES: Final = 40
SIZES: Final = 4
DEATHS: Final = 0.3  # of those that see it full
DIED: Final = 9
SOURCE: Final = """
async def workflow(sizes, pieces):
    "use workflow"
    await steps.tighten()
    filled = [len(await steps.fill(size)) for size in sizes]
    written = await steps.write(pieces)
    answer = await create_hook(token="ask")
    return [filled, written, answer]
"""
full: Final = threading.Event()  # set when a commit or a checkpoint has found no space
rooms: Final[list[int]] = []  # what `tighten` shall leave; it takes it


def leave(path: str, room: int) -> None:
    """Let no file get longer than the world's log is, and so many bytes."""
    limit(opening.wal_bytes(path) + room)


def make_room() -> None:
    limit(None)


def limit(length: int | None) -> None:
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most if length is None else length, most))


# ---------------------------------------------------------------------------------- the steps


@step(retries=0)
def tighten() -> None:
    for room in rooms:
        leave(sys.argv[1], room)
    rooms.clear()


@step(retries=0)
def fill(size: int) -> str:
    return "x" * size


@step(retries=0)
def write(pieces: int) -> int:
    """Write a stream, each piece durable before the next, however often that fails."""
    out = step_context().stream("numbers")
    for number in range(pieces):
        out.write([number, "x" * 2000])
        while not flushed(out):
            full.set()
        tell("chunk", number)
    return pieces


def flushed(out: StreamWriter) -> bool:
    try:
        out.flush()
    except WorldFullError:
        return False
    return True


# --------------------------------------------------------------------------- who sees it full


def watch_commits() -> None:
    commit = DuckDBStore.commit

    def look(written: Future[tuple[Event, ...]]) -> None:
        if isinstance(written.exception(), WorldFullError):
            full.set()

    def watched(store: DuckDBStore, append: Append) -> Future[tuple[Event, ...]]:
        written = commit(store, append)
        written.add_done_callback(look)
        return written

    DuckDBStore.commit = watched  # type: ignore[method-assign]


def watch_checkpoints() -> None:
    """There is one in each idle moment, however short the log."""
    worldfile.CHECKPOINT_BYTES = 1  # type: ignore[misc]
    writer.IDLE_SECONDS = 0.01  # type: ignore[misc]
    checkpoint: Callable[[Connection], None] = Connection.checkpoint

    def watched(connection: Connection) -> None:
        try:
            checkpoint(connection)
        except WorldFullError:
            full.set()
            raise

    Connection.checkpoint = watched  # type: ignore[method-assign]


# -------------------------------------------------------------------------------- the program


def main(path: str, moment: str, seed: int, *, again: bool) -> None:
    chance = random.Random(seed)
    most = 2_000_000 if moment == "large" else 3_000
    sizes = [chance.randint(most // 2, most) for _ in range(SIZES)]
    tell_what_is_acknowledged()
    if not again:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        rooms.extend(room(moment, chance))
        watch_checkpoints() if moment == "checkpoint" else watch_commits()
        if moment in ("making", "opening"):
            be_refused(path, moment, chance)
    tight = bool(rooms)
    with open_world(path, key=KEY) as world:
        made = [tighten, fill, write]
        found = world.unfinished()
        run = found[0] if found else world.start(SOURCE, (sizes, PIECES), steps=made)
        if tight:
            see_it_full(chance)
        run.wait_for("hook", timeout=120)
        run.resume("ask", 1000)
        tell("result", run.result(timeout=60) == [sizes, PIECES, 1000])


def see_it_full(chance: random.Random) -> None:
    """Wait until there is no room; then make some, or die of it."""
    assert full.wait(60), "it was never full"
    tell("full")
    if chance.random() < DEATHS:
        os._exit(DIED)
    make_room()


def room(moment: str, chance: random.Random) -> list[int]:
    """How much is left while the run goes on; nothing if it shall not be tight."""
    most = {"small": 8_000, "large": 3_000_000, "streaming": 60_000}
    least = {"large": 100_000, "streaming": 15_000}
    if moment == "checkpoint":
        return [300_000]  # enough for the log, and less than a checkpoint adds to the file
    return [chance.randint(least.get(moment, 0), most[moment])] if moment in most else []


def be_refused(path: str, moment: str, chance: random.Random) -> None:
    """A world that is opened, or made, where there is no room: one error, and nothing is left."""
    if moment == "opening":
        with open_world(path, key=KEY, paused=True) as world:
            world.start(SOURCE, ([0] * SIZES, PIECES), steps=[tighten, fill, write]).cancel()
    folder = os.path.dirname(path)
    before = sorted(os.listdir(folder))
    leave(path, 0 if moment == "opening" else chance.choice([0, 20, 5_000, 100_000, 400_000]))
    try:
        open_world(path, key=KEY)
    except WorldFullError:
        tell("full")
    make_room()
    assert sorted(os.listdir(folder)) == before


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), again=len(sys.argv) > 4)
