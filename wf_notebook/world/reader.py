"""What a world file says: rows read back as events, definitions, chunks and lists of runs."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.errors import RunForgottenError, RunNotFoundError, WorldDamagedError
from wf_notebook.world import reviews
from wf_notebook.world.codec import unpack, unpack_chunk, unpack_plain
from wf_notebook.world.events import Event, NewEvent
from wf_notebook.world.garbage import uncollected
from wf_notebook.world.parts import joined
from wf_notebook.world.rows import INLINE, PARTED, Stored, chunk_item
from wf_notebook.world.schema import HEADS
from wf_notebook.world.store import Chunk, RejectedError, RunRow
from wf_notebook.world.upkeep import is_forgotten

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wf_notebook.guest.values import Tree
    from wf_notebook.world.connection import Query, Row
    from wf_notebook.world.heads import Heads
    from wf_notebook.world.keyring import Keyring
    from wf_notebook.world.store import Review
    from wf_notebook.world.vault import RunKey

# Lists are made of `run_index` alone, and cut before anything is joined; a run ends after it began,
# so what is older than the oldest of them need not be looked at. So they stay quick however many
# runs there are. A time is found sooner than a whole order, and few rows are as young. Only of
# unfinished runs the events are asked: have they started?
_ROW: Final = """
    s.run_id, s.workflow_id, s.name, s.source_hash, e.status, s.time_us, e.time_us, s.origin,
    coalesce(e.attributes, s.attributes)
"""
_STARTS: Final = """
    (select * from run_index where entry = 'start' and ($1::varchar is null or workflow_id = $1))
"""
_NEWEST_FIRST: Final = "order by s.time_us desc, s.run_id desc"
_NEWEST_STARTS: Final = f"""
    with s as materialized (
        from {_STARTS} s where time_us >= (
            select min(time_us) from (select time_us from {_STARTS} order by time_us desc limit $2)
        ) {_NEWEST_FIRST} limit $2
    ),
    e as (from run_index where entry = 'end' and time_us >= (select min(time_us) from s))
    select {_ROW} from s
"""  # noqa: S608 - constants from above, put together
_NEWEST: Final = f"{_NEWEST_STARTS} left join e on e.run_id = s.run_id {_NEWEST_FIRST}"
_ENDED_LATELY: Final = f"""
    {_NEWEST_STARTS} join e on e.run_id = s.run_id where e.status = $3 {_NEWEST_FIRST} limit $4
"""
_ENDED: Final = f"""
    select {_ROW} from {_STARTS} s join (from run_index where entry = 'end') e
    on e.run_id = s.run_id where e.status = $2 {_NEWEST_FIRST} limit $3
"""  # noqa: S608 - the same
_AMONG: Final = 16  # times as many runs as are asked for, among which those mostly are
_UNFINISHED: Final = f"""
    select {_ROW} from {_STARTS} s
    left join (from run_index where entry = 'end') e on e.run_id = s.run_id
    where e.run_id is null {_NEWEST_FIRST} limit $2
"""  # noqa: S608 - the same
_STARTED: Final = """
    select run_id from events
    where type = 'run_started' and time_us >= ? and run_id in (select unnest(?::varchar[]))
"""
_SET: Final = """
    select run_id, arg_max(meta, seq) from events
    where type = 'attr_set' and time_us >= ? and run_id in (select unnest(?::varchar[]))
    group by run_id
"""
_CHILDREN: Final = """
    select run_id from events
    where type = 'run_created' and json_extract_string(meta, '$.parent.run_id') = ?
    order by time_us, run_id
"""
_HOOKS: Final = """
    with made as materialized (
        select run_id, correlation_id, time_us, seq from events
        where type = 'hook_created' and json_extract_string(meta, '$.token') = ?
    ),
    later as (from events where run_id in (select run_id from made)),
    d as (select run_id, correlation_id from later where type = 'hook_disposed'),
    e as (from run_index where entry = 'end' and run_id in (select run_id from made)),
    r as (
        select run_id, correlation_id, list(seq order by seq) as seqs,
            list(json_extract_string(meta, '$.resume_id') order by seq) as ids
        from later where type = 'hook_received' group by run_id, correlation_id
    )
    select m.run_id, m.correlation_id,
        case when d.run_id is not null then 'disposed'
            when e.run_id is not null then 'ended' else 'open' end,
        r.ids, r.seqs
    from made m
    left join d on d.run_id = m.run_id and d.correlation_id = m.correlation_id
    left join e on e.run_id = m.run_id
    left join r on r.run_id = m.run_id and r.correlation_id = m.correlation_id
    order by m.time_us desc, m.run_id desc, m.seq desc
"""
_DEFINITIONS: Final = """
    select run_id, record from definitions where rowid in (
        select rowid from definitions where run_id in (select unnest(?::varchar[]))
    )
"""
_SHORT: Final = """
    select run_id, seq, event_id, type, correlation_id, time_us, meta, payload
    from events where rowid in (
        select events.rowid
        from events semi join (select unnest(?::varchar[]) as run_id) as asked using (run_id)
        anti join blobs using (run_id)
    )
    qualify sum(strlen(meta) + coalesce(octet_length(payload), 0)) over (partition by run_id) <= ?
    order by run_id, seq
"""
_SHORT_BYTES: Final = 16_384  # of a log that is read with others: all of them are held at once
# The last id of all that begin with the same characters: with some hours' ids of new runs, with few
# of those that were made of a key.
_LAST: Final = "select left(run_id, ?), max(run_id) from run_index group by all"
_BEGINNING: Final = 8  # characters; DuckDB knows no more than these of where a string may be
_UNLIMITED: Final = (1 << 63) - 1


class Reader:
    """Reads a world through queries; on a thread of its own.

    Args:
        query: runs one statement with its parameters and returns the rows.
        keyring: opens what is sealed.
        begun: the commit that each live run began with, as far as that is known: what is older need
            not be gone through to find what the run has.
    """

    def __init__(self, query: Query, keyring: Keyring, begun: Mapping[str, int]) -> None:
        self._query = query
        self._keyring = keyring
        self._begun = begun

    @uncollected()
    def events(self, run_id: str, after: int, until: int | None = None) -> list[Event]:
        """The events of a run with `seq` above `after`, and not above `until`.

        Raises:
            RunForgottenError: it was forgotten.
            WorldKeyError: the world is locked.
            WorldDamagedError: one is missing or does not open.
        """
        rows = self._log(run_id, "payload", after, until)
        if not rows:
            return []
        blobs = Payloads(run_id, self._keyring.get(run_id, self._query), self._query)
        return [self._event(run_id, row, blobs) for row in rows]

    @uncollected()
    def short_logs(
        self, run_ids: Sequence[str], *, plain: bool = False
    ) -> dict[str, Sequence[Event]]:
        """The logs of these runs, for as many as are short and whole; if `plain`, their outlines.

        Raises:
            WorldKeyError: the world is locked.
        """
        logs: dict[str, list[Row]] = defaultdict(list)
        for run_id, *row in self._query(_SHORT, [list(run_ids), _SHORT_BYTES]):
            logs[run_id].append(tuple(row))
        keys = {} if plain else self._keyring.several(list(logs), self._query)
        found: dict[str, Sequence[Event]] = {}
        for run_id in logs if plain else keys:
            with suppress(WorldDamagedError):  # `events` says what is wrong with this one
                _need_whole(run_id, logs[run_id])
                blobs = None if plain else Payloads(run_id, keys[run_id], self._query)
                found[run_id] = [self._event(run_id, row, blobs) for row in logs[run_id]]
        return found

    def outline(self, run_id: str) -> list[Event]:
        """The events of a run without what is sealed; no key is needed.

        Raises:
            RunForgottenError: it was forgotten.
            WorldDamagedError: one is missing.
        """
        return [self._event(run_id, row, None) for row in self._log(run_id, "null")]

    def _log(
        self, run_id: str, payload: str, after: int = 0, until: int | None = None
    ) -> list[Row]:
        rows = self._query(
            f"select seq, event_id, type, correlation_id, time_us, meta, {payload}"  # noqa: S608 - one of two words of ours
            " from events where commit_no >= ? and run_id = ? and seq > ? and seq <= ? order by seq",
            [self._begun.get(run_id, 0), run_id, after, _UNLIMITED if until is None else until],
        )
        _need_whole(run_id, rows, after)
        if not rows:
            self._not_forgotten(run_id)
        return rows

    def _not_forgotten(self, run_id: str) -> None:
        """Say of a run of which there is nothing that it was forgotten, if it was."""
        if is_forgotten(run_id, self._query):
            raise RunForgottenError(run_id)

    def _event(self, run_id: str, row: Row, blobs: Payloads | None) -> Event:
        seq, event_id, kind, correlation_id, time_us, meta, payload = row
        data = None if payload is None or blobs is None else blobs.opened(event_id, payload)
        return Event(
            type=kind,
            event_id=event_id,
            time_us=time_us,
            correlation_id=correlation_id,
            meta=_plain(meta),
            data=cast("Mapping[str, Tree] | None", data),
            run_id=run_id,
            seq=seq,
        )

    def definition(self, run_id: str) -> Mapping[str, Tree]:
        """The definition's record.

        Raises:
            RunNotFoundError: no run has that id.
            RunForgottenError: it was forgotten.
            WorldKeyError: the world is locked.
            WorldDamagedError: it is gone or does not open.
        """
        rows = self._query("select record from definitions where run_id = ?", [run_id])
        if not rows and not exists(run_id, self._query):
            raise RunNotFoundError(f"No run has the id {run_id}.")
        if not rows:
            self._not_forgotten(run_id)
            raise _damaged(f"The definition of run {run_id} is gone.")
        key = self._keyring.get(run_id, self._query)
        record = _tree(key.open(rows[0][0], item=run_id, field="definition"))
        return cast("Mapping[str, Tree]", record)

    def definitions(self, run_ids: Sequence[str]) -> dict[str, Mapping[str, Tree]]:
        """The records of these runs' definitions that open; equal ones are one object.

        Raises:
            WorldKeyError: the world is locked.
        """
        sealed: dict[str, bytes] = dict(self._query(_DEFINITIONS, [list(run_ids)]))
        read: dict[bytes, Mapping[str, Tree]] = {}
        found: dict[str, Mapping[str, Tree]] = {}
        for run_id, key in self._keyring.several(list(sealed), self._query).items():
            with suppress(WorldDamagedError):  # `definition` says what is wrong with this one
                plain = key.open(sealed[run_id], item=run_id, field="definition")
                if plain not in read:
                    read[plain] = cast("Mapping[str, Tree]", _tree(plain))
                found[run_id] = read[plain]
        return found

    def sign(self, run_id: str, text: str) -> str:
        """The signature of a text under the run's key.

        Raises:
            RunNotFoundError: no run has that id.
            RunForgottenError: it was forgotten, and its key with it.
            WorldKeyError: the world is locked.
        """
        if not exists(run_id, self._query):
            raise RunNotFoundError(f"No run has the id {run_id}.")
        self._not_forgotten(run_id)
        return self._keyring.get(run_id, self._query).sign(text)

    def runs(self, status: str | None, workflow_id: str | None, limit: int | None) -> list[RunRow]:
        """Runs, newest first."""
        limit = _UNLIMITED if limit is None else limit
        if status in ("pending", "running"):
            return self._living(status, workflow_id, limit)
        if status is not None:
            return self._shown(self._ended(status, workflow_id, limit))
        return self._shown(self._query(_NEWEST, [workflow_id, limit]))

    def _ended(self, status: str, workflow_id: str | None, limit: int) -> list[Row]:
        """Those that have ended so, which mostly are among the newest."""
        among = _among(limit)
        lately = self._query(_ENDED_LATELY, [workflow_id, among, status, limit])
        if len(lately) == limit:
            return lately
        return self._query(_ENDED, [workflow_id, status, limit])

    def _living(self, status: str, workflow_id: str | None, limit: int) -> list[RunRow]:
        """Those that are at their beginning, or go on; how many of each there are, nobody knows."""
        found: list[RunRow] = []
        for among in (_among(limit), _UNLIMITED):
            rows = self._query(_UNFINISHED, [workflow_id, among])
            found = [row for row in self._shown(rows) if row.status == status][:limit]
            if len(found) == limit or len(rows) < among:
                break
        return found

    def unfinished(self) -> list[RunRow]:
        """Runs without a terminal event, oldest first."""
        return self._shown(self._query(_UNFINISHED, [None, _UNLIMITED]))[::-1]

    def _shown(self, rows: list[Row]) -> list[RunRow]:
        living = {row[0]: row[5] for row in rows if row[4] is None}
        asked: list[object] = [min(living.values(), default=0), list(living)]
        started = {row[0] for row in self._query(_STARTED, asked)} if living else set[str]()
        labels: dict[str, str] = dict(self._query(_SET, asked)) if living else {}
        found = (_run_row(row, "running" if row[0] in started else "pending") for row in rows)
        return [
            replace(row, attributes=_plain(labels[row.run_id])["attributes"])
            if row.run_id in labels
            else row
            for row in found
        ]

    def children(self, run_id: str) -> list[str]:
        """Ids of the runs that steps of a run have started, oldest first."""
        return [row[0] for row in self._query(_CHILDREN, [run_id])]

    def hook_history(self, token: str) -> list[Mapping[str, Any]]:
        """Past and present hooks with that token, newest first."""
        return [
            {
                "run_id": run_id,
                "correlation_id": key,
                "state": state,
                "resumes": dict(zip(ids or (), seqs or (), strict=True)),
            }
            for run_id, key, state, ids, seqs in self._query(_HOOKS, [token])
        ]

    def chunks(self, run_id: str, stream: str, start: int, limit: int | None) -> list[Chunk]:
        """The stream's chunks from index `start`, or the last `-start`; at most `limit`.

        Raises:
            RunForgottenError: the run was forgotten.
            WorldKeyError: the world is locked.
            WorldDamagedError: one does not open.
        """
        least = start if start >= 0 else self.streams(run_id).get(stream, 0) + start
        rows = self._query(
            "select idx, bytes from stream_chunks"
            " where commit_no >= ? and run_id = ? and stream = ? and idx >= ? order by idx limit ?",
            [
                self._begun.get(run_id, 0),
                run_id,
                stream,
                least,
                _UNLIMITED if limit is None else limit,
            ],
        )
        if not rows:
            self._not_forgotten(run_id)
            return []
        key = self._keyring.get(run_id, self._query)
        return [
            Chunk(stream, idx, _chunk(key.open(data, item=chunk_item(stream, idx), field="chunk")))
            for idx, data in rows
        ]

    def reviews(self, kind: str | None, name: str | None, source_hash: str | None) -> list[Review]:
        """Reviews, newest first, each opened or with what it lacks."""
        return reviews.read(self._query, self._keyring, kind, name, source_hash)

    def streams(self, run_id: str) -> dict[str, int]:
        """Name to next index of each stream of a run that has chunks, by name.

        Raises:
            RunForgottenError: the run was forgotten.
        """
        rows = self._query(
            "select stream, max(idx) + 1 from stream_chunks"
            " where commit_no >= ? and run_id = ? group by stream order by stream",
            [self._begun.get(run_id, 0), run_id],
        )
        if not rows:
            self._not_forgotten(run_id)
        return dict(rows)


class Payloads:
    """Opens the payloads of one reading of a log; a text that several have is opened once.

    Args:
        run_id: the run.
        key: its key.
        query: finds large values.
    """

    def __init__(self, run_id: str, key: RunKey, query: Query) -> None:
        self._run_id = run_id
        self._key = key
        self._query = query
        self._texts: dict[str, str] = {}

    def opened(self, event_id: str, payload: bytes) -> Tree:
        """Return the sealed part of an event; raises WorldDamagedError."""
        plain = self._key.open(payload, item=event_id, field="data")
        ids = b""
        if plain[:1] == PARTED:
            ids, _, plain = plain[1:].partition(b"\n")
        tree = _tree(plain[1:] if plain[:1] == INLINE else self._data(plain[1:].decode()))
        return joined(tree, [self._text(blob) for blob in ids.decode().split()]) if ids else tree

    def _text(self, blob_id: str) -> str:
        if blob_id not in self._texts:
            self._texts[blob_id] = self._data(blob_id).decode("utf-8", "surrogatepass")
        return self._texts[blob_id]

    def _data(self, blob_id: str) -> bytes:
        found = self._query(
            "select bytes from blobs where run_id = ? and blob_id = ?", [self._run_id, blob_id]
        )
        if not found:
            raise _damaged(f"A large value of run {self._run_id} is gone.")
        return self._key.open(found[0][0], item=blob_id, field="blob")


def _need_whole(run_id: str, rows: Sequence[Row], after: int = 0) -> None:
    """Make sure that rows of a log, each with its `seq` first, follow one another."""
    if [row[0] for row in rows] != list(range(after + 1, after + 1 + len(rows))):
        raise _damaged(f"The log of run {run_id} has a gap.")


def _among(limit: int) -> int:
    return min(_AMONG * limit, _UNLIMITED)


def exists(run_id: str, query: Query) -> bool:
    """Whether a run is in the world."""
    return bool(query("select 1 from run_index where run_id = ? limit 1", [run_id]))


class Roll:
    """Which runs are in a world: of a new one that is known without a look at the others.

    Ids made later sort later. An id that sorts after all that begin like it is nobody's yet.

    Args:
        query: asks the world.
    """

    def __init__(self, query: Query) -> None:
        self._query = query
        self._last: dict[str, str] = dict(query(_LAST, [_BEGINNING]))

    def has(self, run_id: str) -> bool:
        """Whether a run is in the world; whoever is told that it isn't may write it."""
        beginning = run_id[:_BEGINNING]
        if run_id <= self._last.get(beginning, ""):
            return exists(run_id, self._query)
        self._last[beginning] = run_id
        return False


@uncollected()
def load_heads(heads: Heads, query: Query) -> Stored:
    """Fill in the heads of the unfinished runs; returns what else is known of these.

    Raises:
        WorldDamagedError: a log is not one that could have been written.
    """
    live = [row[0] for row in query(
        "select run_id from run_index group by run_id having count(*) = 1 order by run_id", []
    )]  # fmt: skip
    stored = Stored(_blobs(live, query))
    for run_id, rows in groupby(query(HEADS, [live]), key=itemgetter(0)):
        stored.begun[run_id] = _load_head(heads, run_id, list(rows))
    _load_streams(heads, live, query)
    return stored


def _load_head(heads: Heads, run_id: str, rows: Sequence[Row]) -> int:
    """Fill in one head; returns the number of the run's first commit."""
    if [row[1] for row in rows] != list(range(1, 1 + len(rows))):
        raise _damaged(f"The log of run {run_id} has a gap.")
    try:
        heads.load(run_id, map(_bare, rows))
    except (RejectedError, ValueError, KeyError) as error:
        raise _damaged(f"The log of run {run_id} is not whole: {error}.") from error
    return int(rows[0][2])


def _bare(row: Row) -> NewEvent:
    _, _, _, kind, key, time_us, meta = row
    return NewEvent(kind, "", time_us, key, {} if meta is None else _plain(meta))


def _load_streams(heads: Heads, live: list[str], query: Query) -> None:
    rows = query(
        "select run_id, stream, max(idx) + 1 from stream_chunks"
        " where run_id in (select unnest(?::varchar[])) group by run_id, stream",
        [live],
    )
    for run_id, stream, following in rows:
        heads.runs[run_id].streams[stream] = following


def _blobs(live: list[str], query: Query) -> dict[str, set[str]]:
    rows = query(
        "select run_id, list(blob_id) from blobs"
        " where run_id in (select unnest(?::varchar[])) group by run_id",
        [live],
    )
    return {run_id: set(ids) for run_id, ids in rows}


def _run_row(row: Row, living: str) -> RunRow:
    run_id, workflow_id, name, source_hash, status, created_us, ended_us, origin, attributes = row
    return RunRow(
        run_id=run_id,
        workflow_id=workflow_id,
        name=name,
        source_hash=source_hash,
        status=status or living,
        created_us=created_us,
        ended_us=ended_us,
        origin=origin,
        attributes=_plain(attributes),
    )


def _tree(data: bytes) -> Tree:
    try:
        return unpack(data)
    except ValueError as error:
        raise _damaged(f"A value in the world cannot be read: {error}.") from error


def _chunk(data: bytes) -> Tree | bytes:
    try:
        return unpack_chunk(data)
    except ValueError as error:
        raise _damaged(f"A chunk in the world cannot be read: {error}.") from error


def _plain(text: str) -> dict[str, Any]:
    try:
        return unpack_plain(text)
    except ValueError as error:
        raise _damaged(f"An event in the world cannot be read: {error}.") from error


def _damaged(message: str) -> WorldDamagedError:
    return WorldDamagedError(message, hint="Restore the world file from a copy.")
