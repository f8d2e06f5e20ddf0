"""An asyncio loop on a daemon thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from wf_notebook.threads import run_on

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from concurrent.futures import Future

T = TypeVar("T")
JOIN_SECONDS = 5.0


class LoopThread:
    """Runs a loop until closed; started on first use."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._stopping = False

    @property
    def ident(self) -> int | None:
        """The thread's ident, or None before the first use."""
        return self._thread.ident if self._thread is not None else None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._main, args=(self._loop,), name=self._name, daemon=True
                )
                self._thread.start()
            return self._loop

    @staticmethod
    def _main(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            _finish(loop)

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop, from any thread."""
        return run_on(self.loop, coroutine)

    def close(self) -> None:
        """Cancel what runs on the loop, then end it and its thread.

        Idempotent; where it was interrupted, it goes on when it is called again. A coroutine that
        blocks the loop for good is left behind on its daemon thread.
        """
        with self._lock:
            loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        with contextlib.suppress(RuntimeError):  # it was closed before
            loop.call_soon_threadsafe(self._stop, loop)
        if thread is not threading.current_thread():
            thread.join(JOIN_SECONDS)
        self._thread = None  # another thread may get its ident

    def _stop(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._stopping:  # else it is finishing, and would be kept from that
            self._stopping = True
            loop.stop()


def _finish(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    with contextlib.suppress(RuntimeError):  # no thread can be started as the interpreter ends
        loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
