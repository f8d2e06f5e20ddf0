"""What a guest answers to each message of the host."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wf_notebook.guest.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Conversation"]


class Conversation:
    """One run's messages, in order: `start`, then `deliver` and `where` as they come."""

    def __init__(self, collect: Callable[[], object] | None = None):
        """Begin before `start`; `collect` is handed to the machine."""
        self._collect = collect
        self._machine: Machine | None = None

    def answer(self, text: bytes) -> bytes:
        """Return the reply to a message, both as JSON.

        Raises:
            ValueError, KeyError: it is not a message; the host does not send such.
        """
        message = json.loads(text)
        reply = self._answer(message)
        return json.dumps(reply, separators=(",", ":"), allow_nan=False).encode("ascii")

    def _answer(self, message: dict[str, Any]) -> dict[str, Any]:
        if message["op"] == "start":
            self._machine = Machine(message, collect=self._collect)
            self._machine.advance()
        machine = self._machine
        if machine is None:
            msg = "the first message is not a start"
            raise ValueError(msg)
        if message["op"] == "where":
            return {"lines": machine.where()}
        machine.deliver_all(message.get("events", ()))
        return machine.reply()

    def close(self) -> None:
        """Throw the run away."""
        if self._machine is not None:
            self._machine.discard()
            self._machine = None
