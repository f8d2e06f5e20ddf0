"""What was proposed and what was approved: sources under a name, numbered, sealed, never changed.

They share a key of their own, which the master key wraps like that of a run. What is plain of one
(kind, name, number, hash) is authenticated with what is sealed: a record that was edited, moved or
renamed does not open.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.errors import WorldDamagedError, WorldKeyError
from wf_notebook.world.codec import pack, unpack
from wf_notebook.world.schema import insert, parameters
from wf_notebook.world.store import Review

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wf_notebook.world.connection import Query, Row, Statement
    from wf_notebook.world.keyring import Keyring
    from wf_notebook.world.vault import RunKey

OWNER: Final = "reviews"  # whose key it is, where runs have theirs
KEPT: Final = "reviewed"  # the note in `upkeep`: nothing has to be erased
ERASED: Final = "erased"
_NEXT: Final = "select coalesce(max(number), 0) + 1 from reviews where kind = ? and name = ?"
_KEY: Final = "select 1 from run_keys where run_id = ?"
_THERE: Final = "select 1 from duckdb_tables() where table_name = 'reviews' and not internal"
_FIND: Final = """
    select kind, name, number, source_hash, time_us, record from reviews
    where (?::varchar is null or kind = ?) and (?::varchar is null or name = ?)
        and (?::varchar is null or source_hash = ?)
    order by time_us desc, commit_no desc
"""
_ERASE: Final = "update reviews set record = null where name = ?"
_WHOLE: Final = "select 1 from reviews where name = ? and record is not null limit 1"


def keeping(
    review: Review, query: Query, keyring: Keyring
) -> tuple[Review, Callable[[int], tuple[list[Statement], list[Row]]] | None]:
    """Return a review with its number, the next of its kind and name, and what writes it.

    One that was written already, by somebody who was not told so, is not written again.

    Raises:
        WorldKeyError: the world is locked.
    """
    for other in read(query, keyring, review.kind, review.name, review.source_hash):
        if (other.time_us, other.record) == (review.time_us, review.record):
            return other, None
    key, made = _key(query, keyring)
    kept = replace(review, number=query(_NEXT, [review.kind, review.name])[0][0])
    sealed = key.seal(pack(review.record or {}, "record"), item=_item(kept), field="record")

    def change(commit_no: int) -> tuple[list[Statement], list[Row]]:
        row: Row = (
            commit_no, kept.kind, kept.name, kept.number, kept.source_hash, kept.time_us, sealed,
        )  # fmt: skip
        written = (insert("reviews", 1), parameters([row]))
        return [*made, written], [(commit_no, kept.time_us, KEPT, _subject(kept))]

    return kept, change


def _key(query: Query, keyring: Keyring) -> tuple[RunKey, list[Statement]]:
    """Return the key of all reviews, and what writes it if it is new."""
    if query(_KEY, [OWNER]):
        return keyring.get(OWNER, query), []
    key, wrapped = keyring.new(OWNER)
    return key, [(insert("run_keys", 1), [OWNER, keyring.vault.key_id, wrapped])]


def read(
    query: Query, keyring: Keyring, kind: str | None, name: str | None, source_hash: str | None
) -> list[Review]:
    """Return reviews, newest first, each opened or with what it lacks.

    A world of an earlier version that is only looked at has none.
    """
    if not query(_THERE, []):
        return []
    given: list[object] = [kind, kind, name, name, source_hash, source_hash]
    return [_opened(row, query, keyring) for row in query(_FIND, given)]


def _opened(row: Row, query: Query, keyring: Keyring) -> Review:
    kind, name, number, found_hash, time_us, sealed = row
    review = Review(kind, name, found_hash, time_us, None, number)
    if sealed is None:
        return replace(review, lack="erased")
    try:
        plain = keyring.get(OWNER, query).open(sealed, item=_item(review), field="record")
        return replace(review, record=cast("Mapping[str, Any]", unpack(plain)))
    except WorldKeyError:
        return replace(review, lack="locked")
    except (WorldDamagedError, ValueError):
        return replace(review, lack="damaged")


def any_whole(query: Query, name: str) -> bool:
    """Whether a record of that name is there, so that there is something to erase."""
    return bool(query(_WHOLE, [name]))


def erasing(name: str, *, commit_no: int, now_us: int) -> tuple[Sequence[Statement], Sequence[Row]]:
    """Return what erases the records of a name, but for their lines, and the note of it."""
    return [(_ERASE, [name])], [(commit_no, now_us, ERASED, name)]


def _item(review: Review) -> str:
    return f"{_subject(review)} {review.source_hash}"


def _subject(review: Review) -> str:
    return f"{review.kind} {review.name}@{review.number}"
