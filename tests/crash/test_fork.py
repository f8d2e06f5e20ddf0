"""A process that forks keeps its world: the child has no part in it and holds nothing of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import psutil
import pytest

from wf_notebook import open_world

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


class Forking:
    """The program, the child that it forked, and its guests' zygote."""

    def __init__(self, process: subprocess.Popen[str], world_path: str) -> None:
        self.process = process
        self.world_path = world_path
        self.child = 0

    def begin(self) -> None:
        pid, refused = self.line().split()
        self.child = int(pid)
        assert refused == "True"
        self.zygotes = [
            p for p in psutil.Process(self.process.pid).children() if p.pid != self.child
        ]
        assert len(self.zygotes) == 1

    def line(self) -> str:
        return _pipe(self.process.stdout).readline().strip()

    def tell(self, word: str) -> None:
        _pipe(self.process.stdin).write(word + "\n")
        _pipe(self.process.stdin).flush()

    def result(self) -> object:
        """Open the world here, where the run goes on or has ended."""
        with open_world(self.world_path, key=b"k" * 32) as world:
            (run,) = world.runs()
            if run.status != "completed":
                run.wait_for("hook", timeout=60).resume("ask", 2)
            return run.result(timeout=60)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


@pytest.fixture
def forking(world_path: str) -> Iterator[Forking]:
    """The program, once its child has asked everything."""
    with started(world_path) as found:
        found.begin()
        yield found


@contextmanager
def started(world_path: str) -> Iterator[Forking]:
    command = [sys.executable, "-m", "tests.crash.forking", world_path]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        found = Forking(process, world_path)
        try:
            yield found
        finally:
            process.kill()
            if found.child and psutil.pid_exists(found.child):
                os.kill(found.child, signal.SIGKILL)


def test_the_child_of_a_fork_has_no_part_in_it(forking: Forking) -> None:
    """It is refused whatever it asks, at once; the parent's run goes on, and both end well."""
    forking.tell("close")
    assert (forking.line(), forking.line()) == ("3", "closed")
    assert forking.result() == 3  # the world is free while the child lives
    assert psutil.wait_procs(forking.zygotes, timeout=10)[1] == []
    forking.tell("go")
    assert forking.line() == "left 0"
    assert forking.process.wait(30) == 0


def test_the_child_of_a_killed_parent_holds_nothing(forking: Forking) -> None:
    """After kill -9 of the parent, its guests are gone and the world is free, though a child lives."""
    forking.process.kill()
    forking.process.wait(30)
    assert psutil.wait_procs(forking.zygotes, timeout=10)[1] == []
    assert psutil.pid_exists(forking.child)
    assert forking.result() == 3
