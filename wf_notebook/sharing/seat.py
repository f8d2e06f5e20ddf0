"""This process's seat in a world: it owns the world, or follows the one who does until it can.

Who has the lock owns the world; nothing else decides. So when an owner dies, or closes the world,
all its followers try to take the lock: one gets it, opens the file and moves the runs on; the
others find the new owner in the lock file and follow it. An owner that was only stopped keeps the
lock, and nobody takes its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.engine.activity import from_log, renewed
from wf_notebook.engine.loops import LoopThread
from wf_notebook.engine.unreadable import UNREADABLE
from wf_notebook.errors import WorkflowError, WorldClosedError, WorldError, WorldLockedError
from wf_notebook.sharing.door import Door
from wf_notebook.sharing.listener import clean, listen
from wf_notebook.world.lock import owner_of
from wf_notebook.world.paths import MEMORY, exists, prepare, unmake
from wf_notebook.world.store import RejectedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wf_notebook.definition.steps import StepRegistry
    from wf_notebook.engine.host import Host
    from wf_notebook.sharing.desk import Desk
    from wf_notebook.sharing.follower import Follower
    from wf_notebook.sharing.line import Line, Open
    from wf_notebook.sharing.listener import Listener
    from wf_notebook.world.store import EventStore

AGAIN_SECONDS: Final = 0.05  # between two attempts to own the world, or to find its owner
BRIEFLY_SECONDS: Final = 1.0  # how long a lock may be held by somebody who can't be asked: a reader
MENDED_SECONDS: Final = 2.0  # until a world that does not open is tried again
NEXT_SECONDS: Final = 2.0  # how long one who doesn't take over looks for the next owner
_HIDDEN: Final = frozenset({"token", "socket"})

_log = logging.getLogger("wf_notebook")


class Seat:
    """See the module.

    Args:
        path: the world's real path.
        claim: opens the file as its owner, and writes what it is given into the lock file.
        read_only: the file is only read: nothing is owned, and nobody is let in.
        takes_over: whether to own the world once its owner is gone.
        patience: seconds that an owner may be silent while it is asked.

    Attributes:
        thread: where the engine has to live, if this process follows; else None.
        follower: the engine, while this process follows.
    """

    def __init__(
        self,
        path: str,
        claim: Callable[[Mapping[str, Any]], EventStore],
        *,
        read_only: bool,
        takes_over: bool,
        patience: float,
    ) -> None:
        self.thread: LoopThread | None = None
        self.follower: Follower | None = None
        self._path = path
        self._claim = claim
        self._read_only = read_only
        self._takes_over = takes_over
        self._listener: Listener | None = None
        self._store: EventStore | None = None
        self._patience = patience
        self._lines: list[Line] = []  # one, once there is an owner to be asked
        self._door: Door | None = None
        self._following: asyncio.Task[None] | None = None
        self._answering: set[asyncio.Task[None]] = set()

    @property
    def owner(self) -> dict[str, Any]:
        """Who owns the world, as they say of themselves: pid, kernel, notebook, since."""
        return {k: v for k, v in owner_of(self._path).items() if k not in _HIDDEN}

    @property
    def _line(self) -> Line:
        """To the owner. Made when there is one: most worlds are never shared, and it takes a while."""
        if not self._lines:
            from wf_notebook.sharing.line import Line

            self._lines.append(Line(self._patience, self._notice))
        return self._lines[0]

    def _notice(self, notice: Any) -> None:
        if self.follower is not None:
            self.follower.hear(notice)

    # --- sitting down ----------------------------------------------------------------------------

    def take(self, steps: StepRegistry, *, paused: bool) -> EventStore:
        """Return the world: opened here, or as its owner shows it.

        Args:
            steps: what is registered here; used once this process owns the world.
            paused: whether attempts are held back then.

        Raises:
            WorldLockedError: somebody has it who can't be asked, or this process has.
            WorldError: it cannot be opened.
        """
        store = self._claimed_or_none()
        return store or self._follow_as(steps, paused=paused)

    def leave(self) -> None:
        """Let go of everything, if nobody is at work on the world. Idempotent."""
        if self._store is not None:
            self._store.close()
        if self._listener is not None:
            self._listener.close()
        if self.thread is not None:
            self.thread.close()

    def _claimed_or_none(self) -> EventStore | None:
        """Own the world, or find its owner: then None."""
        begun = time.monotonic()
        while True:
            try:
                return self._claimed()
            except WorldLockedError as error:
                found = self._found_owner(error, waited=time.monotonic() - begun)
            if found:
                return None
            time.sleep(AGAIN_SECONDS)

    def _claimed(self) -> EventStore:
        """Own the world, with the socket that the lock file names."""
        if self._read_only or self._path == MEMORY:
            self._store = self._claim({})
            return self._store
        made = prepare(self._path)
        left = owner_of(self._path)
        self._listener = listener = listen(self._path)
        try:
            self._store = store = self._claim({} if listener is None else listener.words)
        except BaseException:
            self._listener = None
            if listener is not None:
                listener.close()
            unmake(made)
            raise
        if listener is not None:
            clean(self._path, left, listener)
        return store

    def _found_owner(self, locked: WorldLockedError, *, waited: float) -> bool:
        """Whether the owner answers; if not, it may do so in a moment.

        Raises:
            WorldLockedError: it is not there, or cannot be asked.
        """
        from wf_notebook.sharing.line import NoOwnerError, silent

        words = owner_of(self._path)
        if locked.owner.get("pid") == os.getpid():
            raise locked
        if "socket" not in words:
            if waited > BRIEFLY_SECONDS:
                raise locked
            return False
        try:
            self._loop().submit(self._line.connect(words)).result()
        except NoOwnerError:
            if waited > self._patience:
                raise silent(words) from None
            return False
        return True

    def _loop(self) -> LoopThread:
        self.thread = self.thread or LoopThread("wf-loop")
        return self.thread

    def _follow_as(self, steps: StepRegistry, *, paused: bool) -> EventStore:
        from wf_notebook.sharing.follower import Follower
        from wf_notebook.sharing.remote import RemoteStore

        store = RemoteStore(self._line, self._loop().loop)
        self.follower = Follower(self._line, store, steps=steps, paused=paused)
        return store

    # --- while it sits ---------------------------------------------------------------------------

    def begin(self, host: Host) -> None:
        """Let others in, or follow; the host is at work on what `take` returned."""
        host.submit(self._begin(host)).result()

    async def _begin(self, host: Host) -> None:
        if self.follower is not None:
            self._following = asyncio.create_task(self._follow(host, self.follower))
        else:
            await self._open_door(host)

    async def _open_door(self, host: Host) -> None:
        if self._listener is not None:
            self._door = Door(host, self._listener)
            await self._door.open()

    async def _follow(self, host: Host, follower: Follower) -> None:
        while True:
            await self._line.broken.wait()
            if await self._own_or_find(host, follower):
                return
            await follower.resync()

    async def _own_or_find(self, host: Host, follower: Follower) -> bool:
        """Own the world, or find its next owner; returns whether it is owned."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while True:
            late = loop.time() - begun > NEXT_SECONDS
            pause = AGAIN_SECONDS
            if self._takes_over and (late or not self._read_only):
                try:
                    if await self._own(host, follower):
                        return True
                except Exception as error:  # noqa: BLE001 - it may be mended: who asks is told
                    _log.warning("%s could not be taken over: %s", self._path, error)
                    self._line.fail(_unopened(error))
                    pause = MENDED_SECONDS
            if await self._found():
                return False
            if late and not self._takes_over:
                self._line.fail(_gone())
            await asyncio.sleep(pause)

    async def _found(self) -> bool:
        """Whether there is an owner, and it answers."""
        from wf_notebook.sharing.line import NoOwnerError

        words = owner_of(self._path)
        if "socket" not in words:
            return False
        try:
            await self._line.connect(words)
        except (NoOwnerError, WorldLockedError):
            return False
        return True

    # --- taking over -----------------------------------------------------------------------------

    async def _own(self, host: Host, follower: Follower) -> bool:
        """Take the world over, if nobody else has; what was asked is then answered here.

        Raises:
            WorldError: nobody has it, but it does not open.
        """
        claim = asyncio.ensure_future(asyncio.to_thread(self._claimed_again))
        try:
            store = await asyncio.shield(claim)
        except asyncio.CancelledError:
            await self._give_back(claim)
            raise
        except WorldLockedError:
            return False
        self._line.moving = True
        try:
            self._check_same(store)
            held = follower.held
            await host.take(store, held, paused=follower.paused, moves=not self._read_only)
        except BaseException:
            await self._let_go(store)
            raise
        finally:
            self._line.moving = False
        _log.info("This process owns %s now.", self._path)
        follower.successor = host.runner
        self.follower = None
        if not follower.paused:  # released meanwhile
            host.runner.release()
        await self._catch_up(host, follower)
        self._answer_here(host)
        await self._open_door(host)
        return True

    def _claimed_again(self) -> EventStore:
        """Own the world that was followed, but make none: if its file is gone, that is said."""
        if not exists(self._path):
            raise _vanished(self._path, "is gone")
        return self._claimed()

    def _check_same(self, store: EventStore) -> None:
        if store.world_id != self._line.world_id:
            raise _vanished(self._path, "is another world now")

    async def _give_back(self, claim: asyncio.Future[EventStore]) -> None:
        """Close what is just being opened."""
        with contextlib.suppress(WorldError):
            await self._let_go(await claim)

    async def _let_go(self, store: EventStore) -> None:
        await asyncio.to_thread(store.close)
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _catch_up(self, host: Host, follower: Follower) -> None:
        """Let what people hold know of runs that ended before they could be taken over."""
        for act in follower.held:
            act.written.update(act.written.keys())  # who follows a stream looks again
            if host.runner.activity(act.run_id) is None and not act.state.terminal:
                with contextlib.suppress(*UNREADABLE):
                    events = await asyncio.wrap_future(host.store.read(act.run_id))
                    renewed(act, from_log(events))
            with contextlib.suppress(WorldError):  # who looks may find it unreadable
                host.runner.notify(act)

    def _answer_here(self, host: Host) -> None:
        from wf_notebook.sharing.desk import Desk

        desk = Desk(host)

        def begin(question: Open) -> None:
            task = asyncio.create_task(_answered(desk, question))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

        self._line.answer_here(begin)

    # --- leaving ---------------------------------------------------------------------------------

    def end(self, host: Host) -> None:
        """Let nobody in any more, or follow no more; before the host is closed. Idempotent."""
        with contextlib.suppress(WorldClosedError):
            host.submit(self._end()).result()

    async def _end(self) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
            self._following = None
        if self._door is not None:
            await self._door.close()
            self._door = None
        for line in self._lines:
            line.close()


async def _answered(desk: Desk, question: Open) -> None:
    """Answer a question that the last owner has left open."""
    try:
        reply = await desk.answer(question.ask)
    except (WorkflowError, RejectedError) as error:
        if not question.future.done():
            question.future.set_exception(error)
    else:
        if not question.future.done():
            question.future.set_result(reply)


def _vanished(path: str, how: str) -> WorldError:
    return WorldError(
        f"{path} {how}, while this process followed it.",
        hint="Close this world; put the file back, or open what is there.",
    )


def _unopened(error: Exception) -> WorldError:
    """Return what is said where nobody has the world, and yet it cannot be opened."""
    if isinstance(error, WorldError):
        return error
    return WorldError(f"The world could not be taken over: {type(error).__name__}: {error}.")


def _gone() -> WorldClosedError:
    return WorldClosedError(
        "The process that owned the world has ended, and nobody else owns it yet.",
        hint="Ask again: whoever opens the world next goes on with its runs.",
    )
