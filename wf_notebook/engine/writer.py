"""What a step writes to while it runs: text, bytes or any value that crosses, chunk by chunk."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Final

from wf_notebook.definition.values import to_chunk
from wf_notebook.engine.streams import Written
from wf_notebook.errors import PayloadError, UsageError
from wf_notebook.world.store import Chunk

if TYPE_CHECKING:
    import threading
    from concurrent.futures import Future

    from wf_notebook.engine.streams import Outbox
    from wf_notebook.guest.values import Tree

__all__ = ["StreamWriter"]

CHUNK_BYTES: Final = 8 << 20  # of one chunk
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}")
_PRINTED: Final = "stdout"


class StreamWriter:
    """Writes to one stream of a run, from one attempt; made by `step_context().stream(name)`.

    Chunks are durable in the order in which they are written, also by several threads: many of them
    go into one commit, and all of an attempt's before its outcome. Another attempt appends after
    what the earlier ones wrote, whether they failed or their process died; what was acknowledged
    (by `drain` or `flush`) is never lost. A stream that an earlier attempt has closed is whole: what
    another one writes to it again is dropped. Once the attempt was told to stop, has returned, or its
    run has ended, nothing more is taken.

    Attributes:
        name: the stream's name, plain in the world.

    >>> from wf_notebook import open_world, step, step_context
    >>> @step
    ... async def count(n: int) -> None:
    ...     out = step_context().stream("numbers")
    ...     for i in range(n):
    ...         out.write(f"{i} ")
    ...     await out.drain()
    ...     out.close()
    >>> source = '''
    ... async def workflow(n):
    ...     "use workflow"
    ...     await steps.count(n)
    ... '''
    >>> with open_world(":memory:", isolation="inline") as world:
    ...     run = world.start(source, (5,), steps=[count])
    ...     "".join(run.stream("numbers"))
    '0 1 2 3 4 '
    """

    def __init__(
        self, name: str, outbox: Outbox, stopped: threading.Event, *, again: bool = False
    ) -> None:
        if not _NAME.fullmatch(name):
            msg = f"A stream cannot be called {name!r}."
            hint = "Use 1 to 64 letters, digits, `_`, `-`, `.` and `:`."
            raise UsageError(msg, hint=hint)
        if name == _PRINTED:
            msg = f"The stream '{_PRINTED}' is what the source prints."
            raise UsageError(msg, hint="Give the stream of a step another name.")
        self.name = name
        self._outbox = outbox
        self._stopped = stopped
        self._closing: Future[int] | None = None
        self._whole = again and outbox.is_closed(name)

    def __repr__(self) -> str:
        return f"<StreamWriter {self.name} of {self._outbox.run_id}>"

    def write(self, value: object) -> None:
        """Append a chunk: text, bytes, or any value that crosses (models become records).

        On a thread without a running loop it waits while more than 8 MiB of the run are not durable
        yet. Where a loop runs it never waits: `await drain()` now and then.

        Raises:
            PayloadError: the value cannot cross, or takes more than 8 MiB.
            StreamClosedError: the stream was closed, or its attempt or run is over.
        """
        what = f"chunk of {self.name}"
        data = to_chunk(value, what)
        size = _size(data)
        if size > CHUNK_BYTES:
            msg = (
                f"The {what} is {size / (1 << 20):.1f} MiB long; one may have {CHUNK_BYTES >> 20}."
            )
            raise PayloadError(msg, path=what, hint="Write it in pieces.")
        if self._whole:
            return
        written = Written(Chunk(self.name, None, data), size)
        self._outbox.put(written, self._stopped, waits=not _loop_runs_here())

    async def drain(self) -> None:
        """Return once everything written so far is durable, and the close, if it was closed.

        Raises:
            WorldError: it could not be written; it is kept and tried again.
            StreamClosedError: the run has ended, or its world was closed, before it was written.
        """
        await asyncio.wrap_future(self._outbox.durable())
        if self._closing is not None:
            await asyncio.shield(asyncio.wrap_future(self._closing))

    def flush(self) -> None:
        """Wait until everything written so far is durable: `drain` for synchronous steps.

        Raises:
            UsageError: a loop runs on this thread, and would stand still.
            WorldError, StreamClosedError: as for `drain`.
        """
        if _loop_runs_here():
            msg = "flush() would stop the loop that runs on this thread."
            raise UsageError(msg, hint="Use `await writer.drain()` in an asynchronous step.")
        self._outbox.durable().result()
        if self._closing is not None:
            self._closing.result()

    def close(self) -> None:
        """Let the stream take no more, from any step: its readers end. Idempotent.

        Raises:
            StreamClosedError: the attempt or its run is over.
        """
        self._closing = self._outbox.close(self.name, self._stopped) or self._closing


def _size(data: Tree | bytes) -> int:
    """About how many bytes it takes."""
    match data:
        case bytes():
            return len(data)
        case str():
            return len(data.encode())
        case _:
            return len(json.dumps(data))


def _loop_runs_here() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
