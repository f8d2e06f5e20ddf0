"""Another process with the same world: it does what it is told, line by line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tests.sharing import flows
from wf_notebook import get_run, open_world
from wf_notebook.config import Limits
from wf_notebook.errors import WorkflowError

if TYPE_CHECKING:
    from pathlib import Path

    from wf_notebook import World

PATIENCE = 2.0  # seconds that an owner may be silent in these tests


def main(path: str, options: dict[str, Any]) -> None:
    """Open the world, then evaluate each line of input and answer with a line of JSON."""
    limits = Limits(owner_seconds=PATIENCE)
    with open_world(path, key=flows.KEY, limits=limits, **options) as world:
        answer("open", world.owned)
        names = {"world": world, "get_run": lambda run_id: get_run(run_id, world), **vars(flows)}
        for line in sys.stdin:
            try:
                answer("value", evaluate(line, world, names))
            except (WorkflowError, TimeoutError) as error:
                answer("error", [type(error).__name__, str(error)])


def evaluate(line: str, world: World, names: dict[str, Any]) -> Any:
    if line.startswith("close"):
        world.close()
        return None
    with suppress(SyntaxError):
        return eval(line, names)
    exec(line, names)  # a statement: it binds a name
    return None


def answer(kind: str, value: Any) -> None:
    os.write(1, f"= {json.dumps([kind, value], default=repr)}\n".encode())


class FailedThereError(Exception):
    """What the other process was told to do has failed there."""


class Other:
    """That process, seen from the test.

    Attributes:
        told: what its steps said, in order.
        owned: whether it owned the world when it was opened.
    """

    def __init__(self, path: str | Path, **options: Any) -> None:
        self.told: list[str] = []
        command = [sys.executable, "-m", "tests.sharing.other", str(path), json.dumps(options)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self._process.pid
        self.owned = self.answer()

    def begin(self, line: str) -> None:
        """Tell it something, and don't wait."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        """What it has answered."""
        while True:
            line = self._line()
            if line.startswith("= "):
                kind, value = json.loads(line[2:])
                if kind == "error":
                    raise FailedThereError(": ".join(value))
                return value

    def ask(self, line: str) -> Any:
        """Tell it something; returns what came of it."""
        self.begin(line)
        return self.answer()

    def until_told(self, count: int) -> None:
        """Wait until its steps have said so many lines."""
        while len(self.told) < count:
            self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise FailedThereError(f"process {self.pid} has ended")
        if line.startswith("! "):
            self.told.append(line[2:-1])
        return line

    def stop(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """kill -9; what its steps had said by then is read to the end."""
        self._process.kill()
        with suppress(FailedThereError):
            while True:
                self._line()
        self._end()

    def close(self) -> None:
        """Let it close its world and end. Idempotent."""
        if self._process.poll() is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            with suppress(FailedThereError):
                while True:
                    self._line()
        self._end()

    def _end(self) -> None:
        self._process.wait(timeout=60)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
