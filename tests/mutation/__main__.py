"""Count what the tests notice: `python -m tests.mutation [--sample N] [--seed S] [MODULE…]`."""

from __future__ import annotations

import argparse
import sys

from tests.mutation.scoring import report, score, table
from tests.mutation.targets import GROUPS


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="a part, or guest/loop.py")
    parser.add_argument("--sample", type=int, metavar="N", help="mutants of each; without it, all")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="which of them")
    parser.add_argument("--jobs", type=int, default=1, metavar="J", help="at a time")
    options = parser.parse_args(arguments)
    tried = score(
        options.modules or list(GROUPS),
        sample=options.sample,
        seed=options.seed,
        jobs=options.jobs,
        tell=lambda one: print(report(one), flush=True),
    )
    print(table(tried), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
