"""What grows with a world? One is stocked step by step and looked at after each; a table, JSON, curves.

`python -m tests.bench.growth`; all of it takes about five minutes. Only ratios are comparable.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from tests.bench import growth_report, report
from tests.bench.measuring import ROOT
from tests.bench.ours import KEY
from tests.bench.stock import fill
from wf_notebook import open_world

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS: Final = 7
QUICK_ROUNDS: Final = 2


@dataclass(frozen=True, slots=True)
class Scale:
    """How large everything gets.

    Attributes:
        alive: how many sleep, and how many wait, each time beside the most finished runs.
        crowd: runs at once.
        events: of the long run.
        payload: bytes.
    """

    alive: tuple[int, ...] = (1, 5_000)
    crowd: int = 1_000
    events: int = 24_900  # 25,000 is the most that a run may have
    payload: int = 64_000_000


SMALL: Final = Scale(alive=(1, 3), crowd=5, events=300, payload=1 << 20)


@dataclass(slots=True)
class Look:
    """A world as it was looked at.

    Attributes:
        finished, asleep, waiting: how many runs it holds.
        figures: what was measured, by name: seconds or bytes.
    """

    finished: int = 0
    asleep: int = 0
    waiting: int = 0
    figures: dict[str, list[float]] = field(default_factory=dict[str, list[float]])


class Grower:
    """Stocks worlds in a folder, and has them looked at.

    Args:
        folder: where they lie; which disk is measured.
        rounds: of each measure.
        cpu: whether the processor's time is measured.
    """

    def __init__(self, folder: Path, rounds: int, *, cpu: bool) -> None:
        self._folder = folder
        self._rounds = rounds
        self._env = {**os.environ, "GROWTH_CPU": "1" if cpu else ""}
        self._path = folder / "world.duckdb"

    def looks(self, sizes: tuple[int, ...], scale: Scale) -> Iterator[Look]:
        """Give each world as it was looked at."""
        yield from self.histories(sizes)
        for kind in ("asleep", "waiting"):
            yield from self.alive(kind, sizes[-1], scale.alive)

    def histories(self, sizes: tuple[int, ...]) -> Iterator[Look]:
        """Give a world of finished runs, at each size."""
        before = 0
        for size in sizes:
            self._fill(self._path, size - before)
            yield self._looked(self._path, Look(size))
            before = size

    def alive(
        self, kind: Literal["asleep", "waiting"], finished: int, counts: tuple[int, ...]
    ) -> Iterator[Look]:
        """Give the largest of them again, with runs that sleep, or that wait for a person."""
        path, before = self._copy(kind), 0
        for count in counts:
            self._fill(path, **{kind: count - before})
            yield self._looked(path, Look(finished, **{kind: count}), "one")
            before = count

    def singles(self, scale: Scale) -> dict[str, dict[str, list[float]]]:
        """Return what many runs at once, a long run and a large value take, in a world of their own."""
        asked = {"crowd": scale.crowd, "long": scale.events, "large": scale.payload}
        return {
            look: self._look(look, self._folder / f"{look}.duckdb", count)
            for look, count in asked.items()
        }

    def _fill(self, path: Path, finished: int = 0, asleep: int = 0, waiting: int = 0) -> None:
        with open_world(path, key=KEY) as world:
            fill(world, finished, asleep, waiting)

    def _copy(self, name: str) -> Path:
        path = self._folder / f"{name}.duckdb"
        for ending in ("", ".head"):
            shutil.copy(f"{self._path}{ending}", f"{path}{ending}")
        return path

    def _looked(self, path: Path, look: Look, *more: str) -> Look:
        look.figures["file"] = [float(os.stat(path).st_size)]
        for name in ("whole", *more):
            look.figures |= self._look(name, path)
        click.echo(f"{look.finished:,} + {look.asleep:,} + {look.waiting:,}", err=True)
        return look

    def _look(self, name: str, path: Path, count: int = 0) -> dict[str, list[float]]:
        command = ["-m", "tests.bench.looking", name, str(path), str(self._rounds), str(count)]
        told = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=self._env, stdout=-1, check=True
        )
        found: dict[str, list[float]] = json.loads(told.stdout.splitlines()[-1])
        return found


def _numbers(_context: object, _parameter: object, text: str) -> tuple[int, ...]:
    try:
        return tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        raise click.BadParameter("numbers, with commas between them") from None


@click.command()
@click.option(
    "--sizes", default="0,1000,10000,100000", show_default=True, callback=_numbers,
    help="How many finished runs the world holds when it is looked at.",
)  # fmt: skip
@click.option("--quick", is_flag=True, help="All else small, and few rounds.")
@click.option("--rounds", type=click.IntRange(min=1), help="Of each; 7, or 2 with --quick.")
@click.option(
    "--cpu", is_flag=True,
    help="Measure the processor's time of our process: where other things run meanwhile.",
)  # fmt: skip
@click.option(
    "--json", "target", type=click.Path(dir_okay=False, path_type=Path), default="growth.json",
    show_default=True, help="Where all the figures go.",
)  # fmt: skip
@click.option(
    "--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw the curves: an SVG.",
)  # fmt: skip
@click.option(
    "--folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".",
    help="Where the worlds lie, for a while: which disk is measured. Here, unless given.",
)  # fmt: skip
def main(  # noqa: PLR0913 - the command's options
    *,
    sizes: tuple[int, ...],
    quick: bool,
    rounds: int | None,
    cpu: bool,
    target: Path,
    plot: Path | None,
    folder: Path,
) -> None:
    """Measure what grows with a world: opening, lists, a step, memory, the file; print a table."""
    scale = SMALL if quick else Scale()
    count = rounds or (QUICK_ROUNDS if quick else ROUNDS)
    found: dict[str, Any] = {
        **report.machine(), "rounds": count, "cpu": cpu, "scale": asdict(scale), "looks": [],
    }  # fmt: skip
    with tempfile.TemporaryDirectory(dir=folder.resolve(), prefix=".growth-") as place:
        grower = Grower(Path(place), count, cpu=cpu)
        for look in grower.looks(sizes, scale):
            found["looks"].append(asdict(look))
            # after each: what was measured is not lost if it is interrupted
            target.write_text(json.dumps(found, indent=1), "utf-8")
        found["singles"] = grower.singles(scale)
    target.write_text(json.dumps(found, indent=1), "utf-8")
    if plot is not None:
        growth_report.draw(found, plot)
    click.echo("\n".join(growth_report.markdown(found)))


if __name__ == "__main__":
    main()
