"""Where the owner of a world lets others in.

Nobody is believed before the token was right, and nobody can harm the owner: what is too long, too
slow or no message ends that one connection, and there are only so many.
"""

from __future__ import annotations

import asyncio
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wf_notebook.sharing.bounds import Bounds
from wf_notebook.sharing.frames import BrokenFrameError
from wf_notebook.sharing.listener import close_in_children

if TYPE_CHECKING:
    from wf_notebook.engine.activity import Activity
    from wf_notebook.engine.host import Host
    from wf_notebook.sharing.client import Client
    from wf_notebook.sharing.desk import Desk
    from wf_notebook.sharing.listener import Listener


class Door:
    """Lives on the engine's loop.

    Args:
        host: the engine at work on the world.
        listener: its socket; closed with the door.
        bounds: what a connection may cost.
    """

    def __init__(self, host: Host, listener: Listener, bounds: Bounds | None = None) -> None:
        self._host = host
        self._listener = listener
        self._bounds = bounds or Bounds()
        self._server: asyncio.Server | None = None
        self._guests: dict[asyncio.Task[Any], Client | None] = {}

    @cached_property
    def _desk(self) -> Desk:
        """Made for the first one who comes: most worlds have only one process."""
        from wf_notebook.sharing.desk import Desk

        return Desk(self._host)

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
            await self._serve(task, reader, writer)
        except (EOFError, OSError, BrokenFrameError, TimeoutError):
            pass  # it has hung up, or is none of ours
        except asyncio.CancelledError:
            pass  # the door was closed; asyncio would report a cancelled connection
        finally:
            del self._guests[task]
            writer.transport.abort()

    async def _serve(
        self, task: asyncio.Task[Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer who says the token; who says another hears nothing."""
        from wf_notebook.sharing.client import Client  # with all that can be said, as for the desk

        client = Client(self._desk, reader, writer, self._bounds)
        if await client.greeted(self._host.store, self._listener.words["token"]):
            self._guests[task] = client
            await client.serve()
