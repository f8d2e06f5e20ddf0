"""A follower's line to whoever owns the world: questions and answers, across owners.

The line outlives its connections. A question whose connection ends stays open: it is asked again
of the next owner, or answered here once this process owns the world. Each of them may be asked
twice, because all of them say what they are about (a run id, a resume id, a wait's id).

An owner that is silent while it is asked, because it was stopped, is given up after a while: the
questions fail, and go through again when it goes on. Nothing is sent while nothing is asked.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.errors import WorldClosedError, WorldLockedError
from wf_notebook.sharing import protocol
from wf_notebook.sharing.frames import BrokenFrameError, framed, pack, receive
from wf_notebook.sharing.listener import LOOPBACK, close_in_children
from wf_notebook.sharing.refusals import raised
from wf_notebook.world.lock import named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_log = logging.getLogger("wf_notebook")
_LOOKS: Final = 4  # at the silence of an owner: counted, because this process may be stopped, too


class NoOwnerError(Exception):
    """Nobody answers at that socket."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a question has come to.

    Attributes:
        value: of an answer.
        items: of a list.
    """

    value: Any = None
    items: list[Any] = field(default_factory=list[Any])


@dataclass(slots=True)
class Open:
    """A question that was not answered yet."""

    ask: protocol.Ask
    data: bytes
    future: asyncio.Future[Reply]
    items: list[Any] = field(default_factory=list[Any])
    looks: int = 0


@dataclass(slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    silence: int = 0
    listening: asyncio.Task[None] | None = None


class Line:
    """Lives on the engine's loop.

    Args:
        patience: seconds that an owner may be silent while it is asked.
        notice: called with every notice.

    Attributes:
        owner: what the lock file said of the owner, without its token.
        world_id: which world it is.
        sealed: whether the owner has its key, and what is secret is encrypted.
        broken: set while there is no connection.
        moving: whether this process is taking the world over: then questions wait as long as it
            takes.
    """

    def __init__(self, patience: float, notice: Callable[[protocol.Notice], None]) -> None:
        self.owner: dict[str, Any] = {}
        self.world_id = ""
        self.sealed = False
        self.broken = asyncio.Event()
        self.moving = False
        self._patience = patience
        self._notice = notice
        self._connection: _Connection | None = None
        self._open: dict[int, Open] = {}
        self._count = 0
        self._over = False
        self._minding: asyncio.TimerHandle | None = None
        self._here: Callable[[Open], None] | None = None

    # --- connections ---------------------------------------------------------------------------

    async def connect(self, words: Mapping[str, Any]) -> None:
        """Connect to an owner, and ask it what is still open.

        Args:
            words: what the lock file says of it: `socket`, `token`, `pid`, …

        Raises:
            NoOwnerError: nobody answers there.
            WorldLockedError: it is there, but silent, or speaks another version.
        """
        connection = await self._greeted(words)
        self.owner = {key: value for key, value in words.items() if key != "token"}
        self._connection = connection
        self.broken.clear()
        close_in_children(connection.writer.get_extra_info("socket"))
        connection.listening = asyncio.create_task(self._listen(connection))
        for question in self.left():
            question.items.clear()
            self._send(question)

    async def _greeted(self, words: Mapping[str, Any]) -> _Connection:
        try:
            reader, writer = await _connected(str(words.get("socket", "")))
        except (OSError, ValueError) as error:
            raise NoOwnerError(str(error)) from None
        try:
            hello = {"version": protocol.VERSION, "token": str(words.get("token", ""))}
            writer.write(framed(pack(hello)))
            async with asyncio.timeout(self._patience):
                found = await receive(reader)
            self._welcomed(found)
        except TimeoutError:
            writer.transport.abort()
            raise silent(words) from None
        except (EOFError, OSError, BrokenFrameError) as error:
            writer.transport.abort()
            raise NoOwnerError(str(error)) from None
        except BaseException:
            writer.transport.abort()
            raise
        return _Connection(reader, writer)

    def _welcomed(self, found: Any) -> None:
        """Take the owner's first word: a welcome, or why not."""
        said = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        if "error" in said:
            raise raised(said["error"])
        welcome = protocol.welcome(found)
        world_id = welcome.world_id
        if self.world_id not in ("", world_id):
            raise NoOwnerError("another world lies there now")
        self.world_id, self.sealed = world_id, welcome.sealed

    async def _listen(self, connection: _Connection) -> None:
        try:
            while True:
                self._heard(protocol.said(await receive(connection.reader)))
                connection.silence = 0
        except Exception as error:  # noqa: BLE001 - what can't be taken in ends this connection
            if not isinstance(error, EOFError | OSError):
                _log.warning("The line to the owner of the world is cut: %s", error)
            self._drop(connection)

    def _heard(self, found: protocol.Said) -> None:
        if isinstance(found, protocol.Notice):
            self._notice(found)
            return
        question = self._open.get(found.id)
        if question is None or question.future.done():
            return  # it was given up
        match found:
            case protocol.Part(items=items):
                question.items += items
            case protocol.Answer(value=value):
                question.future.set_result(Reply(value, question.items))
            case protocol.Refusal(error=error):
                question.future.set_exception(raised(error))

    def _drop(self, connection: _Connection) -> None:
        connection.writer.transport.abort()
        if connection.listening is not None:
            connection.listening.cancel()
        if self._connection is connection:
            self._connection = None
            self.broken.set()

    # --- questions -----------------------------------------------------------------------------

    async def ask(self, ask: protocol.Ask) -> Reply:
        """Return what the owner answers.

        Raises:
            WorldLockedError: it has been silent for too long.
            WorldClosedError: the world was closed here.
            WorkflowError, RejectedError: what it has come to there.
        """
        if self._over:
            raise WorldClosedError("The world was closed.")
        self._count += 1
        number = self._count
        data = pack({"id": number, "ask": ask.model_dump()})
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        question = self._open[number] = Open(ask, data, future)
        self._send(question)
        self._mind()
        try:
            return await question.future
        finally:
            self._open.pop(number, None)

    def _send(self, question: Open) -> None:
        if self._here is not None:
            self._here(question)
        elif self._connection is not None:
            self._connection.writer.write(framed(question.data))

    def answer_here(self, begin: Callable[[Open], None]) -> None:
        """Have this process answer what is open, and what is still on its way; it owns the world."""
        self._here = begin
        for question in self.left():
            begin(question)

    def left(self) -> list[Open]:
        """Return the questions that are not answered yet."""
        return [question for question in self._open.values() if not question.future.done()]

    # --- silence -------------------------------------------------------------------------------

    def _mind(self) -> None:
        """Look again in a while, as long as something is asked."""
        if self._minding is None and not self._over and self._here is None:
            loop = asyncio.get_running_loop()
            self._minding = loop.call_later(self._patience / _LOOKS, self._look)

    def _look(self) -> None:
        self._minding = None
        if not self._open or self._here is not None:
            return
        connection = self._connection
        if connection is None:
            self._look_at_questions()
        elif connection.silence >= _LOOKS:
            self.fail(silent(self.owner))
            self._drop(connection)
        else:
            connection.silence += 1
            connection.writer.write(framed(pack({"id": 0, "ask": {"op": "ping"}})))
        self._mind()

    def _look_at_questions(self) -> None:
        """Fail what has been asked in vain for long, unless this process is becoming the owner."""
        for question in self.left():
            question.looks += not self.moving
            if question.looks > _LOOKS:
                question.future.set_exception(silent(self.owner))

    def fail(self, error: Exception) -> None:
        """Fail what is open."""
        for question in self.left():
            question.future.set_exception(error)

    def close(self) -> None:
        """Ask no more; what is open fails. Idempotent."""
        self._over = True
        if self._minding is not None:
            self._minding.cancel()
            self._minding = None
        if self._connection is not None:
            self._drop(self._connection)
        self.fail(WorldClosedError("The world was closed."))


async def _connected(place: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if place.startswith(LOOPBACK):
        host, _, port = place.partition(":")
        return await asyncio.open_connection(host, int(port))
    return await asyncio.open_unix_connection(place)


def silent(owner: Mapping[str, Any]) -> WorldLockedError:
    """Return what is said of an owner that does not answer."""
    shown = {key: value for key, value in owner.items() if key != "token"}
    return WorldLockedError(
        f"The world is owned by {named(owner)}, which does not answer.",
        owner=shown,
        hint="If it was stopped, let it go on; if it hangs, end it: the runs go on here.",
    )
