"""What a view is told of a run when it asks: opened values, pages of the log, how it once stood.

Nothing here waits on the engine's loop: the world is read through futures, and what takes long is
done on a thread beside it. What was opened is told and forgotten; of the log, what is plain is kept
while somebody looks at it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Protocol

from wf_notebook.errors import UsageError
from wf_notebook.views.lines import reached, waiting
from wf_notebook.views.model import Facts, unknown_attempts
from wf_notebook.views.past import PAGE, Past
from wf_notebook.views.peek import event_text, parts_of
from wf_notebook.views.words import difference

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from concurrent.futures import Future

    from wf_notebook.definition.model import Definition
    from wf_notebook.views.model import RunView
    from wf_notebook.world.events import Event
    from wf_notebook.world.state import RunState

_NAMES: Final = ("the run", "the cell now")


class Source(Protocol):
    """A run as it is read here; `acting.RunLog` is one. Lives on the engine's loop."""

    @property
    def state(self) -> RunState:
        """What it is now."""
        ...

    @property
    def facts(self) -> Facts:
        """What a view shows of it that isn't in its log."""
        ...

    def events(self, after: int, until: int | None = None, /) -> Future[Sequence[Event]]:
        """Its events with `seq` above `after`, and not above `until`, opened."""
        ...

    def definition(self) -> Future[Definition]:
        """What it executes, opened."""
        ...

    def find_children(self) -> Future[None]:
        """Learn which runs its steps have started."""
        ...


class Reading:
    """What one view asks of one run. Lives on the engine's loop.

    Args:
        source: the run.
        attempts: how many attempts a step id may have, or None if unknown.
        submitted: the source that was submitted last under the run's name in this session, or None.
    """

    def __init__(
        self,
        source: Source,
        *,
        attempts: Callable[[str], int | None] = unknown_attempts,
        submitted: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._source = source
        self._attempts = attempts
        self._submitted = submitted
        self._past: Past | None = None
        self._then: RunView | None = None  # how it stood when it was asked for last
        self._lock = asyncio.Lock()

    async def greet(self) -> dict[str, Any]:
        """Somebody looks: learn what is known to the world only. Tells nothing itself."""
        await asyncio.wrap_future(self._source.find_children())
        return {}

    async def reveal(self) -> dict[str, Any]:
        """Return the source, its hash and approval, its lines, and how the cell differs, if known."""
        definition = await asyncio.wrap_future(self._source.definition())
        state, source, now = self._source.state, definition.source, self._submitted()
        changed = None
        if now is not None and now != source:
            changed = await asyncio.to_thread(difference, source, now, _NAMES)
        return {
            "source": source,
            "hash": definition.source_hash,
            "approved": _approved(state.created.get("approval")),
            "reached": reached(state),
            "waiting": waiting(state),
            "compared": now is not None,
            "changed": changed,
        }

    async def peek(self, entity: str) -> dict[str, Any]:
        """Return what a row holds.

        Raises:
            UsageError: the run has no such row.
            WorldKeyError: the world is locked.
        """
        async with self._lock:
            past = await self._read()
        run_id = self._source.state.run_id
        key = None if entity == run_id else entity
        span = past.span(key)
        if span is None:
            msg = f"Run {run_id} has no step, sleep or hook {entity!r}."
            raise UsageError(msg, hint="Ask for one of its rows.")
        events = await asyncio.wrap_future(self._source.events(span[0] - 1, span[1]))
        return {"entity": entity, "parts": await asyncio.to_thread(parts_of, events, key)}

    async def page(
        self, after: int, limit: int, *, types: Collection[str] | None, entity: str | None
    ) -> dict[str, Any]:
        """Return a page of the log; see `Past.page`."""
        async with self._lock:
            past = await self._read()
            return await asyncio.to_thread(past.page, after, limit, types=types, entity=entity)

    async def event(self, seq: int) -> dict[str, Any]:
        """Return what one event holds.

        Raises:
            UsageError: there is no such event.
            WorldKeyError: the world is locked.
        """
        events = await asyncio.wrap_future(self._source.events(max(seq, 1) - 1, seq))
        if not events or events[0].seq != seq:
            msg = f"Run {self._source.state.run_id} has no event {seq}."
            raise UsageError(msg, hint="Events are counted from 1.")
        return {"seq": seq, "text": await asyncio.to_thread(event_text, events[0])}

    async def at(self, seq: int) -> dict[str, Any]:
        """Return how the run stood after its first events; see `Past.at`."""
        async with self._lock:
            past, facts = await self._read(), self._source.facts
            told, view = await asyncio.to_thread(past.at, seq, facts, attempts=self._attempts)
            if self._past is past:
                self._then = view
            return told

    def then(self, seq: int) -> RunView:
        """Return the run as it stood when it was looked at after `seq` events.

        Raises:
            UsageError: that isn't what was asked for last.
        """
        if self._then is None or self._then.events != seq:
            msg = f"The run is no longer looked at as it stood after event {seq}."
            raise UsageError(msg, hint="Ask for that event again.")
        return self._then

    def leave(self) -> None:
        """Nobody looks at the log any more: let go of it."""
        self._past = self._then = None

    async def _read(self) -> Past:
        """Return the log as far as it goes now; it is kept until `leave`."""
        past = self._past = self._past or Past()
        events = await asyncio.wrap_future(self._source.events(len(past)))
        await asyncio.to_thread(past.extend, events)
        return past


def rows_of(
    members: Mapping[str, Sequence[Any]], group: str, start: int, end: int
) -> dict[str, Any]:
    """Return some of a group's rows, counted from 0; never more than `PAGE`.

    Raises:
        UsageError: there is no such group, or no longer.
    """
    found = members.get(group)
    if found is None:
        raise UsageError(f"There is no group {group!r} of rows.", hint="It may have changed.")
    first = max(start, 0)
    shown = found[first : max(min(end, first + PAGE), first)]
    return {"group": group, "rows": [row.to_json() for row in shown], "total": len(found)}


def _approved(reference: object) -> str:
    """Which approved revision a run executes, as people write it; "" if it says none."""
    match reference:
        case {"name": str(name), "revision": int(number)}:
            return f"{name}@{number}"
        case _:
            return ""
