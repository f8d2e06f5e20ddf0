"""How long a resume takes in the process that owns a world, and in one that follows it.

Run it: `python -m tests.bench.sharing`. Each resume is a payload for one hook that takes many; both
processes take turns in the same world, so that machine and log are the same for both.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.sharing import flows
from tests.sharing.other import Other
from wf_notebook import open_world

ROUNDS = 200
ANSWERS = """
async def answers(n):
    "use workflow"
    hook = create_hook(token="t")
    return sum([await hook for _ in range(n)])
"""
TIMED = "[(t := time.perf_counter()), world.resume('t', 1), time.perf_counter() - t][2]"


def main() -> None:
    """Print medians in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "w.duckdb"
        owner = Other(path, isolation="process")
        owner.ask("import time")
        owner.ask(f"run = world.start({ANSWERS!r}, ({2 * ROUNDS},), steps=[work])")
        owner.ask("run.wait_for('hook').id")
        times: dict[str, list[float]] = {"owner": [], "follower": []}
        with open_world(path, key=flows.KEY) as world:
            for _ in range(ROUNDS):
                times["owner"].append(owner.ask(TIMED))
                begun = time.perf_counter()
                world.resume("t", 1)
                times["follower"].append(time.perf_counter() - begun)
            for who, found in times.items():
                print(f"resume, {who}: {1000 * statistics.median(found):.2f} ms")
        command = [str(Path(sys.executable).with_name("wf")), "runs", "--world", str(path)]
        shell = []
        for _ in range(5):
            begun = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            shell.append(time.perf_counter() - begun)
        print(f"wf runs: {1000 * statistics.median(shell):.0f} ms, of that the process itself:")
        begun = time.perf_counter()
        subprocess.run([*command[:1], "--version"], check=True, capture_output=True)
        print(f"wf --version: {1000 * (time.perf_counter() - begun):.0f} ms")
        owner.close()


if __name__ == "__main__":
    main()
