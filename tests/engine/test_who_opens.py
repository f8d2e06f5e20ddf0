"""Nobody but DuckDB opens a world's file in the process that owns it.

DuckDB's lock is a POSIX lock: it is dropped when anything in its process opens and closes the file.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLES = ("runs", "show", "why", "source", "steps", "stream", "hooks", "doctor")
SOURCE = """
async def workflow():
    "use workflow"
    print("begun")
    await steps.work("x" * 100_000)
    await sleep(0.01)
    return await create_hook(token="ask")
"""


class Ear:
    """Hears which of the files was opened by Python code, and by which."""

    def __init__(self, world: str) -> None:
        self.heard: list[str] = []
        self._names = {world, world + ".new"}  # a new world is made under the second name
        self._listening = True
        sys.addaudithook(self._hear)

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if event != "open" or not self._listening:
            return
        self._listening = False  # what is asked for here is ours
        if isinstance(args[0], str | bytes) and self._is_the_world(os.fsdecode(args[0])):
            caller = sys._getframe(1).f_code
            self.heard.append(f"{args[0]!r} in {caller.co_filename}:{caller.co_name}")
        self._listening = True

    def _is_the_world(self, path: str) -> bool:
        same = [os.path.exists(path) and os.path.exists(n) and os.path.samefile(path, n)
                for n in self._names]  # fmt: skip
        return os.path.realpath(path) in self._names or any(same)


def session(path: str) -> list[str]:
    """Do what there is to do with a world; returns who opened its file."""
    from wf_notebook import open_world, step
    from wf_notebook.commands import Caller, call, table

    @step
    def work(text: str) -> str:
        return text

    ear = Ear(path)
    for read_only in (False, False, True):
        with open_world(path, read_only=read_only) as world:
            if not read_only:
                run = world.start(SOURCE, steps=[work]).wait_for("hook", timeout=60)
                world.resume("ask", 1)
                assert run.result(timeout=60) == 1
                world.start(SOURCE, steps=[work]).wait_for("hook", timeout=60).cancel()
            assert world.sql("select count(*) from events").rows[0][0]
            assert world.runs()
            for name in TABLES:
                call(table, [name], Caller("wf", lambda _write, world=world: world, lambda _: ""))
    return ear.heard


def control(path: str) -> list[str]:
    """What is heard if somebody does open it."""
    ear = Ear(path)
    link = path + ".link"
    os.link(path, link)
    for name in (path, link, os.fsencode(path), os.path.relpath(path)):
        os.close(os.open(name, os.O_RDONLY))
    with open(path, "rb"):
        pass
    return ear.heard


@pytest.mark.skipif(sys.platform == "win32", reason="no POSIX locks there")
def test_nobody_but_duckdb_opens_the_file(tmp_path: Path) -> None:
    """In a whole session: made, opened again, run, listed, queried, shown, examined, closed."""
    script = """
import sys
from tests.engine.test_who_opens import control, session
print("session", *session(sys.argv[1]), sep="\\n  ")
print("control", len(control(sys.argv[1])))
"""
    child = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "w.duckdb")],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    assert child.stdout.endswith("\nsession\ncontrol 5\n"), child.stdout
