"""Print how behaviours end and what their logs are: `python -m tests.behaviour NAME…`."""

from __future__ import annotations

import sys
import traceback

from tests.behaviour.catalogue import BEHAVIOURS
from tests.behaviour.playing import play
from wf_notebook.world.memory import MemoryStore


def main(names: list[str]) -> None:
    for behaviour in BEHAVIOURS:
        if names and behaviour.name not in names:
            continue
        print(f"{behaviour.name}: {behaviour.promise}")
        try:
            played = play(behaviour, MemoryStore())
        except AssertionError:
            traceback.print_exc()
            continue
        print(played.ending, f"notes={played.notes} prints={played.printed!r}")
        print(" | ".join(played.log), end="\n\n")


if __name__ == "__main__":
    main(sys.argv[1:])
