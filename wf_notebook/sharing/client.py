"""What is said over one connection to the owner of a world: answers, and news of what changes.

Nothing piles up for those who don't read: of a run that has changed ten times they are told once,
and who doesn't read at all is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.errors import PayloadError, WorldLockedError
from wf_notebook.sharing import protocol
from wf_notebook.sharing.frames import framed, pack, parts, receive
from wf_notebook.sharing.refusals import told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wf_notebook.engine.activity import Activity
    from wf_notebook.sharing.bounds import Bounds
    from wf_notebook.sharing.desk import Desk
    from wf_notebook.sharing.line import Reply
    from wf_notebook.world.store import EventStore

_HELLO_BYTES: Final = 4096


class Client:
    """One connection to the owner. Lives on the engine's loop."""

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

    async def greeted(self, store: EventStore, token: str) -> bool:
        """Whether the first thing said is the token, in our version; who says another hears nothing.

        Raises:
            EOFError, OSError, BrokenFrameError, TimeoutError: it is none of ours.
        """
        async with asyncio.timeout(self._bounds.hello_seconds):
            hello = protocol.hello(await receive(self._reader, limit=_HELLO_BYTES))
        if not hmac.compare_digest(hello.token.encode("utf-8", "replace"), token.encode()):
            return False
        known = hello.version == protocol.VERSION
        answer = _welcome(store) if known else {"error": told(_other_version(hello.version))}
        self._writer.write(framed(pack(answer)))
        async with asyncio.timeout(self._bounds.read_seconds):
            await self._writer.drain()
        return known

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


def _welcome(store: EventStore) -> dict[str, Any]:
    return {
        "kind": "welcome",
        "version": protocol.VERSION,
        "world_id": store.world_id,
        "sealed": store.sealed,
    }


def _other_version(version: int) -> WorldLockedError:
    return WorldLockedError(
        f"The owner of this world speaks version {protocol.VERSION} of the protocol,"
        f" this process version {version}.",
        hint="Use the same version of wf_notebook in both, or close the world there.",
    )
