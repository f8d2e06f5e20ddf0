"""Whether a log is the one that was written: each commit is chained to those before it.

The place of a commit is its number and SHA-256 over the chain before it and its rows: events,
chunks and large values, sealed as they are, and what was done to the world as a whole. A mark in the world says how far it was at a
checkpoint; opening computes it again from the last mark on, so that what it takes does not grow
with the history.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from wf_notebook.errors import WorldDamagedError
from wf_notebook.world.schema import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wf_notebook.world.connection import Query, Row, Statement

FIRST_WITH_MARKS: Final = 2  # version of the world's tables
# The tables whose rows have the number of their commit, and the columns that order these rows.
_COVERED: Final[dict[str, tuple[str, ...]]] = {
    "events": ("run_id", "seq"),
    "stream_chunks": ("run_id", "stream", "idx"),
    "blobs": ("run_id", "blob_id"),
    "upkeep": ("what", "subject"),
}
_ORDER: Final = {
    table: itemgetter(*[list(TABLES[table]).index(column) for column in columns])
    for table, columns in _COVERED.items()
}
_NUMBER: Final = {table: list(TABLES[table]).index("commit_no") for table in _COVERED}
_NUMBERED: Final = ("events", "stream_chunks", "upkeep", "marks")  # a commit has one of these
_LAST_MARK: Final = """
    select commit_no, chain, events from marks order by commit_no desc, rowid desc limit 1
"""
_PAGE: Final = 1000  # commits that are read at a time


class UnevenLogError(WorldDamagedError):
    """The rows of a log are there, but nobody has written them so."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the log of a world.

    Attributes:
        commit_no: of the commit after which it is; 0 at the beginning.
        chain: 32 bytes that no other log has there.
    """

    commit_no: int
    chain: bytes

    def after(self, rows: Mapping[str, Sequence[Row]]) -> Place:
        """Return the place after a commit of these rows, by table."""
        plain: list[list[object]] = []
        sealed: list[bytes] = []
        for table, order in _ORDER.items():
            for row in sorted(rows.get(table, ()), key=order):
                sealed += [value for value in row if isinstance(value, bytes)]
                plain.append([table, *(len(v) if isinstance(v, bytes) else v for v in row)])
        # The lengths stand in the text, so that no bytes run from one value into the next.
        data = [self.chain, json.dumps(plain).encode(), *sealed]
        return Place(self.commit_no + 1, hashlib.sha256(b"".join(data)).digest())


@dataclass(frozen=True, slots=True)
class Log:
    """What a log says of itself.

    Attributes:
        marked: the place of its last mark.
        end: the place of its last commit.
        there: the place that was asked for; None if it is not known.
    """

    marked: Place
    end: Place
    there: Place | None


def beginning(world_id: str, commit_no: int = 0) -> Place:
    """Return where a chain begins: in a new world, or where nothing is known of what came before.

    >>> beginning("w") == beginning("w", 0) != beginning("w", 1)
    True
    """
    seed = json.dumps(["wf_notebook chain", world_id, commit_no]).encode()
    return Place(commit_no, hashlib.sha256(seed).digest())


def mark(place: Place) -> Statement:
    """Return what notes a place in the world, and how many events the log has there."""
    return "insert into marks select ?, ?, count(*) from events", [place.commit_no, place.chain]


def count_events(query: Query) -> int:
    """Return how many events the log has; DuckDB knows that without reading them."""
    return int(query("select count(*) from events", [])[0][0])


def last_commit(query: Query, tables: Sequence[str] = _NUMBERED) -> int:
    """Return the highest number of a commit; 0 in a new world.

    Args:
        query: asks the world.
        tables: where to look; version 1 had no marks.
    """
    highest = [query(f"select max(commit_no) from {table}", [])[0][0] for table in tables]  # noqa: S608 - names from above
    return max(number or 0 for number in highest)


def rows_of(query: Query, first: int, last: int) -> dict[int, dict[str, list[Row]]]:
    """Return the rows of some commits, by their number and table."""
    found: dict[int, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for table in _COVERED:
        number = _NUMBER[table]
        rows = query(f"from {table} where commit_no between ? and ?", [first, last])
        for row in rows:
            found[row[number]][table].append(row)
    return found


def walk(query: Query, path: str) -> Iterator[Place]:
    """Give the places of a log from its last mark on, computed from its rows; the mark first.

    Raises:
        UnevenLogError: a commit is missing, or rows are there twice.
        WorldDamagedError: rows cannot be read.
    """
    place, events = _last_mark(query, path)
    yield place
    last = last_commit(query)
    while place.commit_no < last:
        first = place.commit_no + 1
        commits = rows_of(query, first, first + _PAGE - 1)
        for number in range(first, min(first + _PAGE, last + 1)):
            if number not in commits:
                raise _uneven(f"{path} lacks its commit {number}, but has later ones.")
            place = place.after(commits[number])
            events += len(commits[number]["events"])
            yield place
    if count_events(query) != events:
        raise _uneven(f"{path} has events that its commits do not account for.")


def look(query: Query, path: str, number: int | None) -> Log:
    """Return what a log says of itself, and of its place after commit `number`.

    Raises:
        WorldDamagedError: as `walk`.
    """
    noted = query("select chain from marks where commit_no = ? order by rowid", [number])
    there = Place(number, noted[-1][0]) if noted and number is not None else None
    places = walk(query, path)
    marked = end = next(places)
    there = marked if marked.commit_no == number else there
    for end in places:
        there = end if end.commit_no == number else there
    return Log(marked, end, there)


def _last_mark(query: Query, path: str) -> tuple[Place, int]:
    rows = query(_LAST_MARK, [])
    if not rows:
        raise _uneven(f"{path} does not say where its chain begins.")
    commit_no, chain, events = rows[0]
    return Place(commit_no, chain), events


def _uneven(message: str) -> UnevenLogError:
    return UnevenLogError(message, hint="Restore the world file from a copy.")
