"""Where guests run for debuggers: in this process, all on one thread of their own.

For sources that you trust. Nothing is limited but the number of commands, so that a breakpoint may
be looked at for as long as one likes, and a loop without an end stays one. Python runs a `finally`
of a coroutine that is thrown away; it can ask for nothing then.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from wf_notebook.errors import GuestDiedError, IsolationUnavailable
from wf_notebook.guest.talk import Conversation
from wf_notebook.isolation.protocol import Reply, parse_reply
from wf_notebook.threads import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wf_notebook.config import IsolationMode

__all__ = ["InlineGuest", "InlineIsolation"]


class InlineGuest:
    """A guest on the thread of inline guests."""

    def __init__(self, thread: Worker, ended: Callable[[InlineGuest], None]):
        """Run nothing yet; `ended` is called once."""
        self._thread = thread
        self._ended = ended
        self._conversation = Conversation()
        self._closed = False

    async def activate(self, message: Mapping[str, Any]) -> Reply:
        """Send a message and await the reply.

        Raises:
            GuestDiedError: it was closed, or the machine itself failed.
        """
        return parse_reply(await self._exchange(message))

    async def where(self) -> list[int]:
        """Lines of the source at which the body's tasks are waiting, sorted.

        Raises:
            GuestDiedError: it was closed, or the machine itself failed.
        """
        lines: list[int] = json.loads(await self._exchange({"op": "where"}))["lines"]
        return lines

    async def _exchange(self, message: Mapping[str, Any]) -> bytes:
        if self._closed:
            msg = "The guest was closed."
            raise GuestDiedError(msg)
        # As text, so that nothing is shared that would be apart in another process.
        text = json.dumps(message, allow_nan=False).encode("ascii")
        try:
            answer: bytes = await asyncio.wrap_future(
                self._thread.do(lambda: self._conversation.answer(text))
            )
        except BaseException as error:
            await self.close()
            if not isinstance(error, Exception):
                raise
            msg = f"The guest's machine failed ({type(error).__name__}: {error})."
            raise GuestDiedError(msg) from error
        return answer

    async def close(self) -> None:
        """Discard it. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._ended(self)
        waits = not self._thread.busy
        discarded = self._thread.do(self._conversation.close)
        if waits:
            await asyncio.wrap_future(discarded)


class InlineIsolation:
    """Guests in this process, on one thread."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._thread: Worker | None = None
        self._guests: set[InlineGuest] = set()
        self._closed = False

    @property
    def mode(self) -> IsolationMode:
        """Which promise it makes."""
        return "inline"

    async def prepare(self) -> None:
        """A thread is started at once: there is nothing to prepare."""

    async def spawn(self) -> InlineGuest:
        """A fresh guest.

        Raises:
            IsolationUnavailable: it was closed.
        """
        if self._closed:
            msg = "The world that this guest would belong to was closed."
            raise IsolationUnavailable(msg, hint="Open it again with open_world(...).")
        if self._thread is None:
            self._thread = Worker("wf-inline-guests")
        guest = InlineGuest(self._thread, self._guests.discard)
        self._guests.add(guest)
        return guest

    async def close(self) -> None:
        """Discard every guest and end the thread, unless it is at work. Idempotent."""
        self._closed = True
        for guest in tuple(self._guests):
            await guest.close()
        if self._thread is not None:
            self._thread.close(wait=not self._thread.busy)
            self._thread = None
