"""What asyncio is in a source: CPython's own, where it is deterministic; else the same by order.

CPython's `wait`, `as_completed` and `TaskGroup` keep tasks in sets, whose order is that of
addresses; `wait_for` differs between 3.11 and 3.12. Those are written here after CPython 3.13's.
`create_task` and `TaskGroup.create_task` also take what is started already: a step, a sleep, a
hook.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import re
import types
from typing import TYPE_CHECKING, Any, Final, Self, cast

from wf_notebook.guest.ordered import OrderedSet

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable

__all__ = ["Started", "asyncio_face"]


class Started:
    """What began when it was made: awaiting it twice is fine, and so is a task of it."""

    __slots__ = ()


async def _await(started: Awaitable[Any]) -> Any:
    return await started


def _coroutine(awaitable: Any) -> Coroutine[Any, Any, Any]:
    """Return a coroutine for what is started; anything else asyncio itself shall judge."""
    return _await(cast("Any", awaitable)) if isinstance(awaitable, Started) else awaitable


def create_task(coro: Any, *, name: str | None = None, **options: Any) -> asyncio.Task[Any]:
    """Run a coroutine, or wait for what is started, as a task."""
    return asyncio.get_running_loop().create_task(_coroutine(coro), name=name, **options)


class TaskGroup(asyncio.TaskGroup):
    """asyncio's TaskGroup; it cancels its tasks in the order in which they were made."""

    def __init__(self) -> None:
        super().__init__()
        self._tasks: set[asyncio.Task[Any]] = OrderedSet()

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """Run a coroutine, or wait for what is started, as a task of the group."""
        awaited = _coroutine(coro)
        try:
            return super().create_task(awaited, **options)
        except RuntimeError:
            awaited.close()  # as CPython does from 3.13 on
            raise


async def wait(
    fs: Iterable[asyncio.Future[Any]],
    *,
    timeout: float | None = None,  # noqa: ASYNC109 - asyncio's own signature
    return_when: str = asyncio.ALL_COMPLETED,
) -> tuple[OrderedSet, OrderedSet]:
    """Wait for futures or tasks; both sets are in the order of `fs`."""
    if asyncio.isfuture(fs) or asyncio.iscoroutine(fs):
        msg = f"expect a list of futures, not {type(fs).__name__}"
        raise TypeError(msg)
    ordered = list(dict.fromkeys(fs))
    if any(isinstance(f, Started) and not asyncio.isfuture(f) for f in ordered):
        msg = "wait() takes futures and tasks; for a hook, pass asyncio.create_task(hook)"
        raise TypeError(msg)
    await asyncio.wait(ordered, timeout=timeout, return_when=return_when)
    done = OrderedSet(f for f in ordered if f.done())
    return done, OrderedSet(f for f in ordered if not f.done())


async def wait_for(fut: Any, timeout: float | None) -> Any:  # noqa: ASYNC109 - asyncio's own
    """Wait for one awaitable, cancelling it and raising TimeoutError after that many seconds."""
    if timeout is None or timeout > 0:
        async with asyncio.timeout(timeout):
            return await fut
    fut = asyncio.ensure_future(fut)
    if fut.done():
        return fut.result()
    await _cancel_and_wait(fut)
    try:
        return fut.result()
    except asyncio.CancelledError as error:
        raise TimeoutError from error


def _release(waiter: asyncio.Future[None], *_args: object) -> None:
    if not waiter.done():
        waiter.set_result(None)


async def _cancel_and_wait(fut: asyncio.Future[Any]) -> None:
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    callback = functools.partial(_release, waiter)
    fut.add_done_callback(callback)
    try:
        fut.cancel()
        await waiter
    finally:
        fut.remove_done_callback(callback)


class _AsCompleted:
    """What `as_completed` returns: an iterator of awaitables, or of finished futures."""

    def __init__(self, awaitables: Iterable[Any], timeout: float | None):
        loop = asyncio.get_running_loop()
        self._done: asyncio.Queue[asyncio.Future[Any] | None] = asyncio.Queue()
        self._timer: asyncio.TimerHandle | None = None
        self._todo = dict.fromkeys(asyncio.ensure_future(a) for a in dict.fromkeys(awaitables))
        self._left = len(self._todo)
        for future in self._todo:
            future.add_done_callback(self._completed)
        if self._todo and timeout is not None:
            self._timer = loop.call_later(timeout, self._expired)

    def __repr__(self) -> str:
        return f"<as_completed {self._left} left>"

    def __iter__(self) -> Self:
        return self

    def __aiter__(self) -> Self:
        return self

    def __next__(self) -> Coroutine[Any, Any, Any]:
        if not self._left:
            raise StopIteration
        self._left -= 1
        return self._next_result()

    async def __anext__(self) -> asyncio.Future[Any]:
        if not self._left:
            raise StopAsyncIteration
        self._left -= 1
        return await self._next_done()

    async def _next_done(self) -> asyncio.Future[Any]:
        future = await self._done.get()
        if future is None:
            raise TimeoutError
        return future

    async def _next_result(self) -> Any:
        return (await self._next_done()).result()

    def _expired(self) -> None:
        for future in self._todo:
            future.remove_done_callback(self._completed)
            self._done.put_nowait(None)
        self._todo.clear()

    def _completed(self, future: asyncio.Future[Any]) -> None:
        if not self._todo:
            return  # the timeout was first
        del self._todo[future]
        self._done.put_nowait(future)
        if not self._todo and self._timer is not None:
            self._timer.cancel()


def as_completed(fs: Iterable[Any], *, timeout: float | None = None) -> _AsCompleted:
    """Iterate over awaitables in the order in which they finish, with `for` or `async for`."""
    if inspect.isawaitable(fs):
        msg = f"expects an iterable of awaitables, not {type(fs).__name__}"
        raise TypeError(msg)
    return _AsCompleted(fs, timeout)


@types.coroutine
def _turn() -> Generator[None, None, None]:
    """Let the others run, as a bare yield does."""
    yield


async def _sleep(delay: float, result: Any, durable: Callable[[], Awaitable[None]]) -> Any:
    if delay <= 0:
        await _turn()
    else:
        await durable()
    return result


_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")


def _shown(name: str, *bases: type) -> type:
    """Return a class of asyncio whose text doesn't depend on its address."""
    real = getattr(asyncio, name)

    def text(self: Any) -> str:
        return _ADDRESS.sub("", real.__repr__(self))

    return type(name, (real, *bases), {"__repr__": text, "__module__": real.__module__})


def _shown_all() -> dict[str, object]:
    found: dict[str, type] = {}
    for name, derived in (
        ("Barrier", ()),
        ("Condition", ()),
        ("Event", ()),
        ("Lock", ()),
        ("Queue", ("LifoQueue", "PriorityQueue")),
        ("Semaphore", ("BoundedSemaphore",)),
    ):
        found[name] = _shown(name)
        found.update({other: _shown(other, found[name]) for other in derived})
    return dict(found)


_SHOWN: Final = _shown_all()


def asyncio_face(
    sleep: Callable[[float, int | None], Awaitable[None]], line: Callable[[], int | None]
) -> dict[str, object]:
    """Return the members of asyncio that are others in a source.

    Args:
        sleep: starts a durable sleep of so many seconds, on behalf of a line.
        line: the line of the source that runs now.
    """

    def durable_sleep(delay: float, result: Any = None) -> Coroutine[Any, Any, Any]:
        if delay != delay:  # noqa: PLR0124 - not a number
            msg = "Invalid delay: NaN (not a number)"
            raise ValueError(msg)
        # The coroutine may run in a task of its own, where no line of the source is to be seen.
        return _sleep(delay, result, functools.partial(sleep, delay, line()))

    durable_sleep.__name__ = durable_sleep.__qualname__ = "sleep"
    return {
        **_SHOWN,
        "TaskGroup": TaskGroup,
        "as_completed": as_completed,
        "create_task": create_task,
        "iscoroutinefunction": inspect.iscoroutinefunction,
        "sleep": durable_sleep,
        "wait": wait,
        "wait_for": wait_for,
    }
