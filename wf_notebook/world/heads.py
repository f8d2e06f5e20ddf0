"""Whether an append may be written: the conditions of a log, and what has to be known for them.

Nothing here reads or writes anything. Both stores keep one `Heads`: a small `Head` for each run
that lives, nothing for those that have ended. An append is checked by applying it event by event,
so that earlier events of an append count for later ones; what was applied can be taken back, when
a condition fails or the write does.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from wf_notebook.world.events import TERMINAL, recorded
from wf_notebook.world.store import RejectedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from wf_notebook.world.events import Event, NewEvent
    from wf_notebook.world.store import Append, Chunk


@dataclass(slots=True)
class Head:
    """What has to be known of a live run to accept its next events.

    Attributes:
        seq, time_us: of its last event.
        derived: how many of its events a replay decided.
        live: False between its terminal event and the commit of that.
        opened: open steps, hooks and waits: correlation id to kind; "conflict" for a hook that was
            never open and has not been disposed of yet.
        closed: those that have ended.
        tokens: token of each open hook, by correlation id.
        resumes: seq of each recorded payload, by correlation id and resume id.
        streams: the next index of each stream that has chunks.
        ended_streams: those that take no more.
        attributes: as they were last set, or None if they are still those of its creation.
    """

    run_id: str
    seq: int = 0
    time_us: int = 0
    derived: int = 0
    live: bool = True
    opened: dict[str, str] = field(default_factory=dict[str, str])
    closed: set[str] = field(default_factory=set[str])
    tokens: dict[str, str] = field(default_factory=dict[str, str])
    resumes: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    streams: dict[str, int] = field(default_factory=dict[str, int])
    ended_streams: set[str] = field(default_factory=set[str])
    attributes: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Advance:
    """An append that was accepted.

    Attributes:
        events: as they stand in the log.
        places: the index of each of its chunks; None for one that is stored already.
        undo: takes the append back; later ones must have been taken back before.
        attributes: the run's after it, or None if they are still those of its creation.
    """

    events: tuple[Event, ...]
    places: tuple[int | None, ...]
    undo: Callable[[], None]
    attributes: Mapping[str, str] | None = None

    @property
    def began(self) -> bool:
        """Whether it creates its run."""
        return bool(self.events) and self.events[0].type == "run_created"

    @property
    def ended(self) -> bool:
        """Whether it ends its run."""
        return bool(self.events) and self.events[-1].type in TERMINAL


class Heads:
    """The heads of a world's live runs, and who owns which token.

    Args:
        exists: whether a run that has no head here is in the world all the same (it has ended).
    """

    def __init__(self, exists: Callable[[str], bool]) -> None:
        self.runs: dict[str, Head] = {}
        self.tokens: dict[str, tuple[str, str]] = {}
        self._exists = exists

    def check(self, append: Append) -> RejectedError | None:
        """Return the condition that does not hold, or None; nothing changes.

        Raises:
            ValueError: no writer of a log may ask for this (see `advance`).
        """
        try:
            self.advance(append).undo()
        except RejectedError as error:
            return error
        return None

    def advance(self, append: Append) -> Advance:
        """Accept an append: the heads are what they are after it.

        Raises:
            RejectedError: a condition does not hold; nothing has changed.
            ValueError: it is empty, goes back in time, lacks a correlation id, or has a definition
                without a `run_created`; nothing has changed.
        """
        trial = _Trial(self, self._head(append))
        try:
            trial.begin(append)
            places = tuple([trial.place(chunk) for chunk in append.chunks])
            events = tuple([trial.apply(event) for event in append.events])
        except BaseException:
            trial.undo()
            raise
        return Advance(events, places, trial.undo, trial.head.attributes)

    def load(self, run_id: str, log: Iterable[NewEvent]) -> None:
        """Take up a run that is in the world already.

        Args:
            run_id: the run.
            log: all of its events, in order; only what conditions look at needs to be there.

        Raises:
            RejectedError, ValueError, KeyError: no store has written such a log.
        """
        trial = _Trial(self, Head(run_id), undoable=False)
        self.runs[run_id] = trial.head
        for event in log:
            trial.accept(event)

    def forget(self, run_id: str) -> None:
        """Drop the head of a run whose end is durable."""
        del self.runs[run_id]

    def _head(self, append: Append) -> Head:
        if not append.events and not append.chunks:
            msg = f"an append to run {append.run_id} holds neither events nor chunks"
            raise ValueError(msg)
        creates = _creates(append)
        if append.definition is not None and not creates:
            msg = f"a definition for run {append.run_id} without run_created"
            raise ValueError(msg)
        head = self.runs.get(append.run_id)
        if creates and (head is not None or self._exists(append.run_id)):
            raise RejectedError("run_exists")
        if head is None and not creates:
            raise RejectedError("run_ended" if self._exists(append.run_id) else "run_unknown")
        return head or Head(append.run_id)


def _creates(append: Append) -> bool:
    return bool(append.events) and append.events[0].type == "run_created"


class _Trial:
    """One append being applied, with the way back.

    Args:
        undoable: whether the way back is kept.
    """

    def __init__(self, heads: Heads, head: Head, *, undoable: bool = True) -> None:
        self.heads = heads
        self.head = head
        self._undo: deque[Callable[[], object]] = deque(maxlen=None if undoable else 0)
        self._undo.append(
            partial(_restore, head, (head.seq, head.time_us, head.derived, head.live))
        )

    def begin(self, append: Append) -> None:
        head = self.head
        if not head.live:
            raise RejectedError("run_ended")
        if append.fence is not None and append.fence != head.derived:
            raise RejectedError("stale_fence")
        if head.run_id not in self.heads.runs:
            self.heads.runs[head.run_id] = head
            self._undo.append(partial(self.heads.runs.pop, head.run_id))

    def apply(self, event: NewEvent) -> Event:
        """Accept an event; return it as it stands in the log."""
        self.accept(event)
        return recorded(event, run_id=self.head.run_id, seq=self.head.seq)

    def accept(self, event: NewEvent) -> None:
        """Check an event against the head, which is what it is after it."""
        head = self.head
        if not head.live:
            raise RejectedError("run_ended")
        if event.time_us < head.time_us:
            msg = f"{event.type} of run {head.run_id} is earlier than the event before it"
            raise ValueError(msg)
        _RULES[event.type](self, event)
        head.seq += 1
        head.time_us = event.time_us
        head.derived += event.derived

    def place(self, chunk: Chunk) -> int | None:
        """Note a chunk; its index, or None if it was stored before."""
        streams, name = self.head.streams, chunk.stream
        following = streams.get(name, 0)
        index = following if chunk.index is None else chunk.index
        if index < following:
            return None  # a replay prints again
        if name in self.head.ended_streams:
            raise RejectedError("stream_closed", stream=name)
        self._undo.append(partial(_set_back, streams, name, streams.get(name)))
        streams[name] = index + 1
        return index

    def undo(self) -> None:
        """Take everything back, last first."""
        while self._undo:
            self._undo.pop()()

    # --- what the rules are made of ----------------------------------------------------------

    def create(self, event: NewEvent) -> None:
        key = self._unused(event)
        self.head.opened[key] = _kind(event)
        self._undo.append(partial(self.head.opened.pop, key))

    def create_hook(self, event: NewEvent) -> None:
        token = event.meta["token"]
        owner = self.heads.tokens.get(token)
        if owner is not None:
            key = _entity(event)
            raise RejectedError("token_taken", token=token, owner=owner[0], entity=key)
        self.create(event)
        self._take(str(event.correlation_id), token)

    def conflict(self, event: NewEvent) -> None:
        # Never open to a payload, but the body may dispose of it all the same: it may do so
        # before it is told.
        key = self._unused(event)
        self.head.opened[key] = "conflict"
        self._undo.append(partial(self.head.opened.pop, key))

    def dispose(self, event: NewEvent) -> None:
        key = _entity(event)
        if self.head.opened.get(key) == "conflict":
            del self.head.opened[key]
            self._undo.append(partial(self.head.opened.__setitem__, key, "conflict"))
            self._close(key)
        else:
            self.close(event)

    def need_open(self, event: NewEvent) -> str:
        key = _entity(event)
        if self.head.opened.get(key) != _kind(event):
            raise RejectedError("entity_closed", entity=key)
        return key

    def close(self, event: NewEvent) -> None:
        key = self.need_open(event)
        kind = self.head.opened.pop(key)
        self._undo.append(partial(self.head.opened.__setitem__, key, kind))
        self._close(key)
        self._free(key)

    def receive(self, event: NewEvent) -> None:
        # The resume id is looked at first: a resume repeated after a lost answer has been done,
        # even if the hook was disposed since.
        seen = (_entity(event), event.meta["resume_id"])
        if seen in self.head.resumes:
            raise RejectedError("resume_seen", seq=self.head.resumes[seen])
        self.need_open(event)
        self.head.resumes[seen] = self.head.seq + 1
        self._undo.append(partial(self.head.resumes.pop, seen))

    def end_stream(self, event: NewEvent) -> None:
        name, ended = event.meta["stream"], self.head.ended_streams
        if name in ended:
            raise RejectedError("stream_closed", stream=name)
        ended.add(name)
        self._undo.append(partial(ended.discard, name))

    def begin_run(self, _event: NewEvent) -> None:
        if self.head.seq:
            raise RejectedError("run_exists")

    def end_run(self, _event: NewEvent) -> None:
        for key in list(self.head.tokens):
            self._free(key)
        self.head.live = False

    def set_attributes(self, event: NewEvent) -> None:
        self._undo.append(partial(setattr, self.head, "attributes", self.head.attributes))
        self.head.attributes = event.meta["attributes"]

    def nothing(self, _event: NewEvent) -> None:
        """An event without a condition of its own."""

    def _unused(self, event: NewEvent) -> str:
        key = _entity(event)
        if key in self.head.opened or key in self.head.closed:
            raise RejectedError("entity_exists", entity=key)
        return key

    def _close(self, key: str) -> None:
        self.head.closed.add(key)
        self._undo.append(partial(self.head.closed.discard, key))

    def _take(self, key: str, token: str) -> None:
        self.head.tokens[key] = token
        self.heads.tokens[token] = (self.head.run_id, key)
        self._undo.append(partial(self.head.tokens.pop, key))
        self._undo.append(partial(self.heads.tokens.pop, token))

    def _free(self, key: str) -> None:
        token = self.head.tokens.pop(key, None)
        if token is not None:
            owner = self.heads.tokens.pop(token)
            self._undo.append(partial(self.head.tokens.__setitem__, key, token))
            self._undo.append(partial(self.heads.tokens.__setitem__, token, owner))


def _restore(head: Head, saved: tuple[int, int, int, bool]) -> None:
    head.seq, head.time_us, head.derived, head.live = saved


def _set_back(streams: dict[str, int], name: str, before: int | None) -> None:
    if before is None:
        del streams[name]
    else:
        streams[name] = before


def _kind(event: NewEvent) -> str:
    return event.type.partition("_")[0]


def _entity(event: NewEvent) -> str:
    if event.correlation_id is None:
        msg = f"{event.type} needs a correlation id"
        raise ValueError(msg)
    return event.correlation_id


_RULES: Final[dict[str, Callable[[_Trial, NewEvent], object]]] = {
    "run_created": _Trial.begin_run,
    "run_started": _Trial.nothing,
    "run_completed": _Trial.end_run,
    "run_failed": _Trial.end_run,
    "run_cancelled": _Trial.end_run,
    "step_created": _Trial.create,
    "step_started": _Trial.need_open,
    "step_retrying": _Trial.need_open,
    "step_completed": _Trial.close,
    "step_failed": _Trial.close,
    "step_cancelled": _Trial.close,
    "hook_created": _Trial.create_hook,
    "hook_conflict": _Trial.conflict,
    "hook_received": _Trial.receive,
    "hook_disposed": _Trial.dispose,
    "wait_created": _Trial.create,
    "wait_completed": _Trial.close,
    "wait_cancelled": _Trial.close,
    "attr_set": _Trial.set_attributes,
    "run_adopted": _Trial.nothing,
    "stream_closed": _Trial.end_stream,
}
