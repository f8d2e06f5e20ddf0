"""Where the owner of a world lets others in: it answers what they ask, and tells them what changes.

Nobody is believed before the token was right, and nobody can harm the owner: what is too long, too
slow or no message ends that one connection. Nothing piles up for those who don't read: of a run
that has changed ten times they are told once, and who doesn't read at all is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.errors import PayloadError, WorldLockedError
from wf_notebook.sharing import protocol
from wf_notebook.sharing.desk import Desk
from wf_notebook.sharing.frames import BrokenFrameError, framed, pack, parts, receive
from wf_notebook.sharing.listener import close_in_children
from wf_notebook.sharing.refusals import told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wf_notebook.engine.activity import Activity
    from wf_notebook.engine.host import Host
    from wf_notebook.sharing.line import Reply
    from wf_notebook.sharing.listener import Listener

_HELLO_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one connection may cost the owner.

    Attributes:
        clients: connections at once; more are closed.
        questions: of one of them, that are being answered at once; more wait unread.
        hello_seconds: how long it may take to say hello.
        body_seconds: how long the rest of a message may take, once it has begun.
        read_seconds: how long it may take to read what it is told.
    """

    clients: int = 64
    questions: int = 32
    hello_seconds: float = 5.0
    body_seconds: float = 30.0
    read_seconds: float = 10.0


class Door:
    """Lives on the engine's loop.

    Args:
        host: the engine at work on the world.
        listener: its socket; closed with the door.
        bounds: what a connection may cost.
    """

    def __init__(self, host: Host, listener: Listener, bounds: Bounds | None = None) -> None:
        self._host = host
        self._desk = Desk(host)
        self._listener = listener
        self._bounds = bounds or Bounds()
        self._server: asyncio.Server | None = None
        self._guests: dict[asyncio.Task[Any], _Client | None] = {}

    async def open(self) -> None:
        """Let others in."""
        self._host.runner.watchers.append(self._changed)
        start: Any = asyncio.start_server
        if sys.platform != "win32":
            start = asyncio.start_unix_server
        self._server = await start(self._meet, sock=self._listener.socket)

    async def close(self) -> None:
        """Let nobody in any more, and end all connections."""
        if self._changed in self._host.runner.watchers:
            self._host.runner.watchers.remove(self._changed)
        if self._server is not None:
            self._server.close()
        self._listener.close()
        for task in self._guests:
            task.cancel()
        await asyncio.gather(*self._guests, return_exceptions=True)

    def _changed(self, act: Activity) -> None:
        for client in self._guests.values():
            if client is not None:
                client.tell(act)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._guests) >= self._bounds.clients:
            writer.transport.abort()
            return
        self._guests[task] = None
        close_in_children(writer.get_extra_info("socket"))
        try:
            if await self._let_in(reader, writer):
                client = self._guests[task] = _Client(self._desk, reader, writer, self._bounds)
                await client.serve()
        except (EOFError, OSError, BrokenFrameError, TimeoutError):
            pass  # it has hung up, or is none of ours
        except asyncio.CancelledError:
            pass  # the door was closed; asyncio would report a cancelled connection
        finally:
            del self._guests[task]
            writer.transport.abort()

    async def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the first thing said is the token; who says another hears nothing."""
        async with asyncio.timeout(self._bounds.hello_seconds):
            hello = protocol.hello(await receive(reader, limit=_HELLO_BYTES))
        token = self._listener.words["token"]
        if not hmac.compare_digest(hello.token.encode("utf-8", "replace"), token.encode()):
            return False
        answer: dict[str, Any] = {"error": told(_other_version(hello.version))}
        if hello.version == protocol.VERSION:
            store = self._host.store
            answer = {
                "kind": "welcome",
                "version": protocol.VERSION,
                "world_id": store.world_id,
                "sealed": store.sealed,
            }
        writer.write(framed(pack(answer)))
        async with asyncio.timeout(self._bounds.read_seconds):
            await writer.drain()
        return hello.version == protocol.VERSION


def _other_version(version: int) -> WorldLockedError:
    return WorldLockedError(
        f"The owner of this world speaks version {protocol.VERSION} of the protocol,"
        f" this process version {version}.",
        hint="Use the same version of wf_notebook in both, or close the world there.",
    )


class _Client:
    """One connection that was let in."""

    def __init__(
        self,
        desk: Desk,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        bounds: Bounds,
    ) -> None:
        self._desk = desk
        self._reader = reader
        self._writer = writer
        self._bounds = bounds
        self._talking = asyncio.Lock()  # one message at a time
        self._room = asyncio.Semaphore(bounds.questions)
        self._news: dict[str, Activity] = {}
        self._woken = asyncio.Event()

    def tell(self, act: Activity) -> None:
        """Tell it, as soon as it reads, how a run stands by then."""
        self._news[act.run_id] = act
        self._woken.set()

    async def serve(self) -> None:
        """Answer until the connection ends.

        Raises:
            EOFError, OSError, BrokenFrameError: it has ended, or is no follower of ours.
        """
        answering: set[asyncio.Task[None]] = set()
        telling = asyncio.create_task(self._tell_all())
        try:
            while True:
                await self._room.acquire()
                found = await receive(self._reader, seconds=self._bounds.body_seconds)
                task = asyncio.create_task(self._answer(protocol.asked(found)))
                answering.add(task)
                task.add_done_callback(answering.discard)
        finally:
            for task in (telling, *answering):
                task.cancel()
            await asyncio.gather(telling, *answering, return_exceptions=True)

    async def _tell_all(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._news:
                _, act = self._news.popitem()
                await self._say(lambda act=act: _noticed(self._desk, act))

    async def _answer(self, asked: protocol.Asked) -> None:
        try:
            reply = await self._desk.answer(asked.ask)
            await self._say(lambda: _replied(asked.id, reply))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it has come to is told to who asked
            if not isinstance(error, OSError):
                await self._refuse(asked.id, error)
        finally:
            self._room.release()

    async def _refuse(self, number: int, error: Exception) -> None:
        data = pack({"kind": "refusal", "id": number, "error": told(error)})
        with contextlib.suppress(OSError):
            await self._say(lambda: iter([data]))

    async def _say(self, make: Any) -> None:
        """Send messages, made when it is their turn; who doesn't read them in time is dropped."""
        async with self._talking:
            for data in make():
                self._writer.write(framed(data))
                try:
                    async with asyncio.timeout(self._bounds.read_seconds):
                        await self._writer.drain()
                except TimeoutError:
                    self._writer.transport.abort()
                    raise ConnectionAbortedError from None


def _noticed(desk: Desk, act: Activity) -> Iterator[bytes]:
    notice = desk.notice(act)
    try:
        yield pack(notice)
    except (TypeError, ValueError, PayloadError):  # a report may quote what doesn't cross
        yield pack({**notice, "blocked": {**notice["blocked"], "report": {}}})


def _replied(number: int, reply: Reply) -> Iterator[bytes]:
    for items in parts(reply.items):
        yield b'{"kind":"part","id":%d,"items":%b}' % (number, items)
    yield pack({"kind": "answer", "id": number, "value": reply.value})
