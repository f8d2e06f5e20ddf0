"""What `create_hook(...)` returns: payloads in the order of their arrival, for one or many."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Self

from wf_notebook.guest.aio import Started
from wf_notebook.guest.calls import to_value
from wf_notebook.guest.problems import HookConflictError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from types import TracebackType

    from wf_notebook.guest.journal import Journal
    from wf_notebook.guest.loop import DeterministicLoop, Handle

__all__ = ["Hook"]


class Hook(Started):
    """A place where people and programs leave payloads for this run.

    `await hook` gives the next payload, `async for` all of them until the hook is disposed;
    payloads that nobody has awaited yet are kept. It is open from the moment it is created.

    Attributes:
        token: by which it is resumed.
    """

    __slots__ = (
        "_command", "_end", "_expiry", "_journal", "_known", "_owner", "_payloads", "_timeout", "_waiting",
        "line", "n", "open", "token",
    )  # fmt: skip

    def __init__(self, command: dict[str, Any], journal: Journal):
        """Ask for it by the command."""
        self.token: str = command["token"]
        self.n = 0
        self.open = True
        self.line: int | None = command["line"]
        self._command = command
        self._journal = journal
        self._payloads: deque[object] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._known = asyncio.Event()
        self._owner: str | None = None
        self._end: BaseException | None = None
        self._expiry: Handle | None = None
        journal.ask(self, command)

    def expire_in(self, seconds: float, loop: DeterministicLoop) -> None:
        """Wait so long for the first payload, then time out and dispose of the hook."""
        self._expiry = loop.call_later(seconds, self._expire)

    def _expire(self) -> None:
        if self.open:
            self._finish(TimeoutError(f"nobody resumed the hook {self.token!r} in time"))
            self._journal.withdraw(self, "hook_dispose")

    # ------------------------------------------------------------------- events

    def receive(self, event: Mapping[str, Any]) -> bool:
        """Take a payload, or the news that the hook is open or in conflict."""
        match event["type"]:
            case "hook_created":
                self._known.set()
            case "hook_conflict":
                self._conflict(event["owner"])
            case "hook_received":
                self._payload(event)
            case _:
                return False
        return True

    def _payload(self, event: Mapping[str, Any]) -> None:
        self._known.set()
        if self.open:
            self._stop_expiry()
            self._payloads.append(to_value(event["value"]))
            self._wake_one()

    def _conflict(self, owner: str) -> None:
        self._owner = owner
        self._known.set()
        if self.open:
            self.open = False
            msg = f"run {owner} has an open hook with the token {self.token!r} already"
            self._finish(HookConflictError(msg, run_id=owner, token=self.token))

    def _finish(self, end: BaseException) -> None:
        self._end = end
        self._stop_expiry()
        while self._waiting:
            self._wake_one()

    def _stop_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def _wake_one(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    # ------------------------------------------------------------- for the body

    def __await__(self) -> Generator[Any, None, Any]:
        return self._next().__await__()

    async def _next(self) -> Any:
        # As asyncio.Queue.get: a waiter that is cancelled leaves its turn to the next one.
        while not self._payloads:
            if self._end is not None:
                raise self._end
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            except BaseException:
                waiter.cancel()
                if waiter in self._waiting:
                    self._waiting.remove(waiter)
                if self._payloads and not waiter.cancelled():
                    self._wake_one()
                raise
        return self._payloads.popleft()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._next()
        except _Disposed:
            raise StopAsyncIteration from None

    async def conflict(self) -> str | None:
        """Return the id of the run that has the token, or None if this hook is open."""
        self._command["ack"] = True  # heeded only while the command is still to be sent
        await self._known.wait()
        return self._owner

    def dispose(self) -> None:
        """Close it: its token is free, later payloads are refused; those that came are kept."""
        if self.open:
            self._finish(_Disposed(f"the hook {self.token!r} was disposed"))
            self._journal.withdraw(self, "hook_dispose")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.dispose()

    def __repr__(self) -> str:
        return f"<hook {self.token!r} {'open' if self.open else 'closed'}>"


class _Disposed(RuntimeError):  # noqa: N818 - a state; a source sees a RuntimeError
    """The hook was awaited after it had been disposed."""


_Disposed.__name__ = _Disposed.__qualname__ = "RuntimeError"
_Disposed.__module__ = "builtins"
