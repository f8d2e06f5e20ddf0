"""Measure a workload: each contestant in a process of its own, one play of each after the other.

They take turns, so that what else a machine does meets all of them alike, and only one plays at a
time. What is said of a workload is the median of its plays, the first of them left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import sys
import tempfile
from asyncio.subprocess import PIPE
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from tests.bench.contestant import OTHER_WAY, Timing

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncGenerator, Sequence

    from tests.bench.workloads import Workload

ROOT: Final = Path(__file__).parents[2]


@dataclass(slots=True)
class Result:
    """What a contestant came to in a workload.

    Attributes:
        timings: of each play but the first.
        lacks: why there are none, or "".
        about: what the contestant says of itself.
    """

    timings: list[Timing] = field(default_factory=list)
    lacks: str = ""
    about: str = ""

    @property
    def median(self) -> float | None:
        """Seconds, or None."""
        return statistics.median(t.seconds for t in self.timings) if self.timings else None

    @property
    def first(self) -> float | None:
        """Median seconds to the first chunk, or None."""
        firsts = [t.first for t in self.timings if t.first is not None]
        return statistics.median(firsts) if firsts else None

    def to_json(self) -> dict[str, Any]:
        """Return it with all its plays, in seconds."""
        plays = [asdict(timing) for timing in self.timings]
        return {"median": self.median, "first": self.first, "lacks": self.lacks, "plays": plays}


class Player:
    """A contestant's process, seen from outside."""

    def __init__(self, process: Process, errors: Path) -> None:
        self._process = process
        self._errors = errors
        self.result = Result()

    @classmethod
    async def start(cls, name: str, workload: Workload, folder: Path) -> Self:
        """Start one and wait until it is ready, as long as that takes: it may have a world to fill."""
        module = name.removesuffix(OTHER_WAY)
        env = {**os.environ, "BENCH_SHARED_SANDBOX": "1" if module != name else ""}
        command = ["-m", "tests.bench.contestant", module, json.dumps(asdict(workload))]
        errors = folder / "errors.txt"
        with errors.open("wb") as told:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *command, str(folder),
                cwd=ROOT, env=env, stdin=PIPE, stdout=PIPE, stderr=told,
            )  # fmt: skip
        player = cls(process, errors)
        player.result.about = (await player._hear()).get("about", "")
        return player

    async def play(self, patience: float) -> None:
        """Play once; if that takes too long, it lacks a figure."""
        if self.result.lacks:
            return
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")
        try:
            async with asyncio.timeout(patience):
                said = await self._hear()
        except TimeoutError:
            self._process.kill()
            self._give_up(f"one play took longer than {patience:g} s")
            return
        if not self.result.lacks:
            self.result.timings.append(Timing(said["seconds"], said["first"]))

    async def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        said = json.loads(line) if line else {"lacks": self._last_words()}
        if said.get("lacks"):
            self._give_up(said["lacks"])
        return said

    def _last_words(self) -> str:
        said = self._errors.read_text("utf-8", "replace").strip().splitlines()
        return f"its process ended: {said[-1] if said else 'without a word'}"

    def _give_up(self, why: str) -> None:
        self.result.lacks = why
        self.result.timings.clear()

    async def close(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()


@contextlib.asynccontextmanager
async def _players(
    names: Sequence[str], workload: Workload, folder: Path
) -> AsyncGenerator[dict[str, Player]]:
    players: dict[str, Player] = {}
    try:
        for name in names:  # one at a time: there may be two cores
            place = tempfile.mkdtemp(dir=folder)
            players[name] = await Player.start(name, workload, Path(place))
        yield players
    finally:
        for player in players.values():
            await player.close()


async def measured(
    workload: Workload, names: Sequence[str], *, place: Path, rounds: int, patience: float
) -> dict[str, Result]:
    """Let contestants play a workload in turns.

    Args:
        workload: what.
        names: who.
        place: the folder for their worlds.
        rounds: how often, after one play that warms up.
        patience: seconds that one play may take.
    """
    with tempfile.TemporaryDirectory(dir=place) as folder:
        async with _players(names, workload, Path(folder)) as players:
            for _ in range(rounds + 1):
                for player in players.values():
                    await player.play(patience)
            for player in players.values():
                del player.result.timings[:1]
            return {name: player.result for name, player in players.items()}
