"""What a body has asked for, in which order, and who waits for each answer.

A position is given when an activation comes to rest, not when the body asks: a timer that asyncio
sets and cancels within one activation never gets one, and leaves no gap.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

__all__ = ["Asked", "Halt", "Journal"]


class Halt(BaseException):
    """The activation is over: nothing the body does now counts.

    Not an Exception, so that ordinary handlers let it pass; a body that swallows it gains nothing,
    because the outcome stands already.
    """


class Asked(Protocol):
    """A step, a hook or a wait that the body asked for.

    Attributes:
        n: its position, from 1; 0 until the activation in which it was asked for comes to rest.
        open: whether an answer still matters to the body.
        line: the line of the source that asked, or None.
    """

    n: int
    open: bool
    line: int | None

    def receive(self, event: Mapping[str, Any]) -> bool:
        """Take an answer; return False if it is not one to this kind of question."""
        ...


class Journal:
    """The commands of one run and the clock they are asked by.

    Attributes:
        delivered: events delivered so far.
        start_us, now_us: microseconds since the epoch, when the run began and now.
        commands: numbered, not yet handed to the host.
    """

    def __init__(
        self, *, filename: str, now_us: int, limit: int, exhausted: Callable[[int | None], None]
    ):
        """Begin empty; `exhausted` is called, with a line, when an activation asks too much."""
        self.delivered = 0
        self.start_us = self.now_us = now_us
        self.commands: list[dict[str, Any]] = []
        self._filename = filename
        self._limit = self._left = limit
        self._exhausted = exhausted
        self._halted = False
        self._unnumbered: list[tuple[Asked, dict[str, Any]]] = []
        self._asked: list[Asked] = []

    def line(self) -> int | None:
        """Return the line of the source that runs now: its innermost frame, or None."""
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - as inspect does
        while frame is not None:
            if frame.f_code.co_filename == self._filename:
                return frame.f_lineno
            frame = frame.f_back
        return None

    def ask(self, asked: Asked, command: dict[str, Any]) -> None:
        """Note a step, a hook or a wait.

        Raises:
            Halt: the run is over, or this activation has asked for too much.
        """
        self._spend(asked.line)
        self._unnumbered.append((asked, command))

    def withdraw(self, asked: Asked, op: str) -> None:
        """Note that the body no longer waits for an open one; `op` is the command that says so."""
        asked.open = False
        if self._halted or (asked.n == 0 and op == "wait_cancel"):
            return
        self._unnumbered.append((asked, {"op": op, "line": self.line() or asked.line}))

    def _spend(self, line: int | None) -> None:
        self._left -= 1
        if self._left >= 0 and not self._halted:
            return
        if not self._halted:
            self._exhausted(line)
        raise Halt

    def halt(self) -> None:
        """Take no more commands: the run is over."""
        self._halted = True

    def drop(self) -> None:
        """Forget what this activation has asked for so far."""
        self._unnumbered.clear()

    def settle(self) -> list[dict[str, Any]]:
        """Number what the activation asked for, now that it is at rest, and return it."""
        if not self._unnumbered:
            self._left = self._limit
            return []
        settled: list[dict[str, Any]] = []
        for asked, command in self._unnumbered:
            if asked.n == 0:
                if not asked.open and command["op"] == "wait":
                    continue  # set and cancelled in one go
                self._asked.append(asked)
                asked.n = len(self._asked)
            command["n"] = asked.n
            command["after"] = self.delivered
            settled.append(command)
        self._unnumbered.clear()
        self._left = self._limit
        self.commands += settled
        return settled

    def find(self, n: int) -> Asked | None:
        """Return what has the position n, or None if the body has not asked for so much."""
        return self._asked[n - 1] if 0 < n <= len(self._asked) else None

    @property
    def asked(self) -> int:
        """How many positions have been given."""
        return len(self._asked)
