"""What is measured: the seed's own suite under its names, and what a world of ours must be good at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal[
    "steps", "gather", "race", "payloads", "payload gather",
    "stream", "pipeline", "streams", "fan", "hook", "sleep",
    "replay", "open", "waiting", "list", "cell",
]  # fmt: skip

PAYLOAD: Final = "x" * 10 * 1024
CHUNKS: Final = 50  # of "stream", each of CHUNK characters
CHUNK: Final = "y" * 100
STREAM_BYTES: Final = 1 << 20
PIECE_BYTES: Final = 16 << 10
TRANSFORMS: Final = 5
STREAMS: Final = 10
SLEEP_SECONDS: Final = 1  # vercel-workflow's queue counts in whole seconds
OURS_ONLY: Final = ("replay", "open", "list", "cell")
COMMITTING: Final = (
    "steps", "gather", "race", "payloads", "payload gather", "stream", "pipeline", "streams", "fan",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Workload:
    """One line of the table; each contestant plays it in a process and a world of its own.

    Attributes:
        name: what the table calls it.
        kind: what is done, by the name of a contestant's method.
        count: how many steps, events or runs.
        stored: finished runs that are in the world before.
        asleep: runs that sleep in it besides.
    """

    name: str
    kind: Kind
    count: int = 0
    stored: int = 0
    asleep: int = 0

    @property
    def peers(self) -> bool:
        """Whether others are measured, too."""
        return self.kind not in OURS_ONLY and self.stored <= 1_000

    @property
    def bare(self) -> bool:
        """Whether it is set beside a script that commits the same rows: not where it only waits."""
        return self.kind in COMMITTING


def workloads(*, quick: bool = False) -> list[Workload]:
    """Return them in the order of the table; a quick look has fewer of them, and smaller worlds."""
    return [*_seed(quick=quick), *_ours(quick=quick), *_worlds(quick=quick)]


def _seed(*, quick: bool) -> list[Workload]:
    counts = (10,) if quick else (10, 25, 50)
    return [
        Workload("no steps", "steps", 0),
        Workload("1 step", "steps", 1),
        *[Workload(f"{n} sequential steps", "steps", n) for n in counts],
        *[Workload(f"gather {n}", "gather", n) for n in counts],
        *[Workload(f"race {n}", "race", n) for n in counts],
        *[Workload(f"{n} sequential data payload steps (10KB)", "payloads", n) for n in counts],
        *[
            Workload(f"{n} concurrent data payload steps (10KB)", "payload gather", n)
            for n in counts
        ],
        Workload("stream", "stream", CHUNKS),
        Workload(f"stream pipeline with {TRANSFORMS} transform steps (1MB)", "pipeline"),
        *([] if quick else _wide_streams()),
    ]


def _wide_streams() -> list[Workload]:
    return [
        Workload(f"{STREAMS} parallel streams (1MB each)", "streams"),
        Workload(f"fan-out fan-in {STREAMS} streams (1MB each)", "fan"),
    ]


def _ours(*, quick: bool) -> list[Workload]:
    hook = Workload("resume hook → completed", "hook")
    if quick:
        return [hook]
    return [
        hook,
        Workload("sleep beyond its due time", "sleep"),
        Workload("100 sequential steps", "steps", 100),
        Workload("1,000 sequential steps", "steps", 1_000),
        Workload("gather 1,000", "gather", 1_000),
    ]


def _worlds(*, quick: bool) -> list[Workload]:
    events = 1_000 if quick else 10_000
    finished, asleep = (1_000, 100) if quick else (100_000, 5_000)
    return [
        *([Workload("1 step after 100 stored runs", "steps", 1, 100)] if quick else _aged()),
        Workload(f"cold replay of {events:,} events", "replay", events),
        Workload(
            f"open a world with {finished:,} finished and {asleep:,} sleeping runs",
            "open", stored=finished, asleep=asleep,
        ),
        Workload(f"list 20 runs of {finished:,}", "list", 20, finished),
        Workload("first cell", "cell"),
    ]  # fmt: skip


def _aged() -> list[Workload]:
    aged = 1_000  # peers have to play them all, one by one
    return [
        Workload(f"1 step after {aged:,} stored runs", "steps", 1, aged),
        Workload(f"10 sequential steps after {aged:,} stored runs", "steps", 10, aged),
        Workload(f"gather 10 after {aged:,} stored runs", "gather", 10, aged),
        *[Workload(f"1 step after {n:,} stored runs", "steps", 1, n) for n in (10_000, 100_000)],
    ]
