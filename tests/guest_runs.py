"""Plays a source on the guest's machine: each outcome is one event, and replays must agree."""

from __future__ import annotations

import json
from typing import Any

from wf_notebook.guest.machine import Machine
from wf_notebook.isolation.protocol import Reply, parse_reply

START_US = 1_760_000_000_000_000
SECOND = 1_000_000


def parameters(text: str) -> list[list[Any]]:
    """Read `"a b=? *rest key="`: what a start message says of a step's parameters."""
    kinds = {"*": "VAR_POSITIONAL", "**": "VAR_KEYWORD"}
    found: list[list[Any]] = []
    kind = "POSITIONAL_OR_KEYWORD"
    for word in text.split():
        name = word.strip("*=")
        stars = word[: len(word) - len(word.lstrip("*"))]
        found.append([name, kinds.get(stars, kind), not stars and not word.endswith("=")])
        if stars == "*":
            kind = "KEYWORD_ONLY"
    return found


def start_message(source: str, **changes: Any) -> dict[str, Any]:
    """A start message for a source whose entry is `w`, with the steps `a`, `b` and `c`."""
    steps = {"a": "x", "b": "x y=", "c": ""} | changes.pop("steps", {})
    message: dict[str, Any] = {
        "op": "start",
        "source": source,
        "entry": "w",
        "filename": "<workflow>",
        "steps": {alias: parameters(text) for alias, text in steps.items()},
        "schemas": ["Approval"],
        "args": [],
        "kwargs": {},
        "seed": "5eed",
        "now_us": START_US,
        "commands": 1000,
        "events": [],
    }
    return message | changes


class Play:
    """One run of a source, driven by hand.

    Each method delivers one event, a second after the one before, and returns the commands that
    it caused.
    """

    def __init__(self, source: str, **changes: Any):
        self.message = start_message(source, **changes)
        self.machine = Machine(self.message)
        self.events: list[dict[str, Any]] = []
        self.commands: list[dict[str, Any]] = []
        self.prints: list[list[Any]] = []
        self._kept: dict[str, Any] = {}
        self._take(self.machine.advance())

    def deliver(self, kind: str, n: int, **body: Any) -> list[dict[str, Any]]:
        time_us = START_US + (len(self.events) + 1) * SECOND
        event = {"type": kind, "n": n, "time_us": time_us, **body}
        self.events.append(event)
        return self._take(self.machine.deliver(event))

    def done(self, n: int, value: Any = None) -> list[dict[str, Any]]:
        return self.deliver("step_completed", n, value=value)

    def fail(self, n: int, kind: str = "ValueError", message: str = "bad", **more: Any) -> Any:
        error = {"type": kind, "message": message, "cause": None, "parts": [], **more}
        return self.deliver("step_failed", n, error=error)

    def wake(self, n: int, *, woken: bool = False) -> list[dict[str, Any]]:
        return self.deliver("wait_completed", n, woken=woken)

    def open_hook(self, n: int) -> list[dict[str, Any]]:
        return self.deliver("hook_created", n)

    def resume(self, n: int, value: Any) -> list[dict[str, Any]]:
        return self.deliver("hook_received", n, value=value)

    def _take(self, commands: list[dict[str, Any]]) -> list[dict[str, Any]]:
        reply = self.machine.reply()
        assert reply["commands"] == commands
        self.commands += commands
        self.prints += reply["prints"]
        self._kept = reply
        return commands

    @property
    def reply(self) -> Reply:
        """All that the run came to so far, as the host reads it."""
        whole = self._kept | {"commands": self.commands, "prints": self.prints}
        return parse_reply(json.dumps(whole).encode())

    @property
    def printed(self) -> str:
        return "".join(text for _, text in self.prints)

    def asked(self) -> list[str]:
        """The commands in short: `step 1 a`, `wait 2 timer`, `step_cancel 1`."""
        extra = ("alias", "kind", "token")
        return [
            " ".join([c["op"], str(c["n"]), *(str(c[name]) for name in extra if name in c)])
            for c in self.commands
        ]


def check_replays(play: Play) -> Reply:
    """Replay a run cold, whole and cut at every event; return what it came to.

    Whatever is fed at once and whatever one by one, commands, prints and outcome are the same.
    """
    expected = play.reply
    for cut in range(len(play.events) + 1):
        machine = Machine(play.message)
        machine.advance()
        machine.deliver_all(play.events[:cut])
        first = machine.reply()
        machine.deliver_all(play.events[cut:])
        second = machine.reply()
        for name in ("commands", "prints"):
            second[name] = first[name] + second[name]
        assert parse_reply(json.dumps(second).encode()) == expected
    return expected


def run(source: str, *steps: tuple[str, int, Any], **changes: Any) -> Reply:
    """Play a source with the given outcomes, `("done", 1, value)`, and replay it."""
    play = Play(source, **changes)
    for name, n, *rest in steps:
        getattr(play, name)(n, *rest)
    return check_replays(play)


def result_of(body: str, *steps: tuple[str, int, Any], **changes: Any) -> Any:
    """The result of `async def w()` with a body, which must complete."""
    lines = [f"    {line}" if line else "" for line in body.strip("\n").splitlines()]
    reply = run("async def w():\n" + "\n".join(lines) + "\n", *steps, **changes)
    assert reply.status == "completed", reply
    return reply.result
