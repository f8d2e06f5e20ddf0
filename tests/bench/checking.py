"""How long the check of a source takes, of the processor's time: the worst there is, and a usual one.

`python -m tests.bench.checking` prints, for each text, the median and the worst of some rounds. The
bounds in `guest.language` (nodes, words, scopes) are there to keep the worst within 200 ms; that
they hold is tested by counting, which machine it is doesn't matter there.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Final

import click

from wf_notebook.definition.validate import validate
from wf_notebook.guest.language import MAX_SOURCE_BYTES

CORPUS: Final = Path(__file__).parents[1] / "corpus" / "benign"


def largest() -> str:
    """128 KiB of ordinary sources, one after the other."""
    text = "\n".join(path.read_text("utf-8") for path in sorted(CORPUS.glob("*.py")))
    text = text.replace("from __future__ import annotations\n", "\n")
    return text[: MAX_SOURCE_BYTES - 1].rpartition("\nasync def ")[0]


# Each is close to one of the bounds.
WORST: Final = {
    "ordinary 128 KiB": largest(),
    "names": "async def workflow(x):\n" + "    x\n" * 12_000,
    "unknown names": "async def workflow():\n" + "".join(f"    y{i}\n" for i in range(8_000)),
    "private attributes": "async def workflow(x):\n" + "    x._y\n" * 6_000,
    "functions": "def f(): 0\n" * 450,
    "async with": "async def workflow(x):\n" + "    async with x: 0\n" * 700,
    "f-strings": "async def workflow(x):\n" + "    f'{x}{x}{x}'\n" * 1_500,
    "comparisons": "async def workflow(x):\n" + "    x < 1 < x\n" * 3_500,
    "brackets": "x = " + "(" * 99 + "1" + ")" * 99,
    "one text": "x = '" + "ä" * 60_000 + "'\n",
    "not Python": "x = (" + "1," * 15_000,
    "wide letters": "async def workflow(x):\n" + "    ｘ\n" * 10_000,
}


def milliseconds(text: str, rounds: int) -> list[float]:
    """The processor's time of each round."""
    taken: list[float] = []
    for _ in range(rounds):
        began = time.process_time()
        validate(text, aliases=("fetch_order",), cell=True)
        taken.append((time.process_time() - began) * 1e3)
    return taken


def main(rounds: int = 7) -> None:
    """Measure and print."""
    usual = [milliseconds(path.read_text("utf-8"), 1)[0] for path in sorted(CORPUS.glob("*.py"))]
    click.echo(f"{len(usual)} benign sources: median {statistics.median(usual):.1f} ms")
    for name, text in WORST.items():
        taken = milliseconds(text, rounds)
        click.echo(f"{name}: median {statistics.median(taken):.0f} ms, worst {max(taken):.0f} ms")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
