"""Look at a world that is stocked, from a process of its own: what it costs in time and memory.

`python -m tests.bench.looking LOOK PATH ROUNDS [COUNT]` prints one line of JSON: a name for each
measure, and what was measured, in seconds or bytes. With GROWTH_CPU set the seconds are the
processor's, spent in this process: guests are not among them, nor is whatever else the machine does.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import psutil

from tests.bench.flows import SOURCES, STEPS, arguments
from tests.bench.ours import KEY
from wf_notebook import open_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.workloads import Kind
    from wf_notebook import World
    from wf_notebook.run import Run

LISTED: Final = 20
now: Final = time.process_time if os.environ.get("GROWTH_CPU") else time.perf_counter
Figures = dict[str, list[float]]


def timed(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    begun = now()
    call()
    return now() - begun


def opened(path: str) -> World:
    """Open a world; its unfinished runs are known when this returns."""
    world = open_world(path, key=KEY)
    world.settle()
    return world


def started(world: World, kind: Kind, *given: object) -> Run:
    return world.start(SOURCES[kind], given, steps=STEPS)


def whole(path: str, rounds: int, _count: int) -> Figures:
    """Open it some times, the first time for its memory; list its runs; run one more step in it."""
    figures: Figures = defaultdict(list)
    for turn in range(rounds + 1):
        begun = now()
        with opened(path):
            taken = now() - begun
            figures["memory" if not turn else "opening"].append(_resident() if not turn else taken)
    with opened(path) as world:
        for _ in range(rounds):
            figures["list 20"].append(timed(lambda: world.rows(limit=LISTED)))
            some = timed(lambda: world.rows(limit=LISTED, status="completed"))
            figures["list 20 completed"].append(some)
        started(world, "steps", 1).result()
        for _ in range(rounds):
            figures["1 step"].append(timed(started_and_ended(world)))
    return figures


def _resident() -> float:
    return float(psutil.Process().memory_info().rss)


def started_and_ended(world: World) -> Callable[[], object]:
    return lambda: started(world, "steps", 1).result()


def one(path: str, rounds: int, _count: int) -> Figures:
    """Open it, and let the newest run that sleeps or waits go on to its end, from its log."""
    figures: Figures = defaultdict(list)
    for _ in range(rounds + 1):
        with opened(path) as world:
            world.start(SOURCES["steps"], (1,), steps=STEPS).result()  # a guest is ready, as usual
            run = world.get(world.unfinished_rows()[0].run_id)
            token = run.hooks[0].token if run.hooks else ""
            go_on = (lambda t=token: world.resume(t, 1)) if token else run.wake
            figures["one goes on"].append(timed(lambda g=go_on, r=run: (g(), r.result())))
            # another takes its place: there are as many in the next round
            if token:
                started(world, "waiting", f"{token}+").wait_for("hook", timeout=None)
            else:
                started(world, "open").wait_for("sleep", timeout=None)
    del figures["one goes on"][0]
    return figures


def crowd(path: str, rounds: int, count: int) -> Figures:
    """Start so many runs of one step, and wait for all of them."""

    def play(world: World) -> None:
        for run in [started(world, "steps", 1) for _ in range(count)]:
            run.result()

    with opened(path) as world:
        return {"at once": [timed(lambda: play(world)) for _ in range(rounds)]}


def long(path: str, rounds: int, count: int) -> Figures:
    """Make one run of so many events; open its world, replay it, list it."""
    figures: Figures = defaultdict(list)
    with opened(path) as world:
        made = timed(
            lambda: started(world, "replay", *arguments("replay", count)).wait_for(
                "hook", timeout=None
            )
        )
        figures["made"].append(made)
    for turn in range(rounds):
        begun = now()
        with opened(path) as world:
            figures["opening"].append(now() - begun)
            figures["list 20"].append(timed(lambda: world.rows(limit=LISTED)))
            (run,) = world.unfinished()
            begun = now()
            world.resume("bench", turn)
            run.wait_for("suspended", timeout=None)
            figures["replay"].append(now() - begun)
            figures["events"] = [float(len(run.events()))]
    return figures


def large(path: str, rounds: int, count: int) -> Figures:
    """Hand so many bytes to a step, and get them back."""
    data = "x" * count

    def play(world: World) -> None:
        assert started(world, "payloads", 1, data).result() == count

    with opened(path) as world:
        return {"there and back": [timed(lambda: play(world)) for _ in range(rounds)]}


LOOKS: Final[dict[str, Callable[[str, int, int], Figures]]] = {
    look.__name__: look for look in (whole, one, crowd, long, large)
}


def main(look: str, path: str, rounds: str, count: str = "0") -> None:
    """Look, and say what was seen."""
    found: Any = LOOKS[look](path, int(rounds), int(count))
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
