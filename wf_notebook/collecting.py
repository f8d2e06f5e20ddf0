"""Which of a world's runs are over, old enough to be forgotten, and asked for by nobody?"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from wf_notebook.errors import UsageError
from wf_notebook.guest.durations import parse_duration
from wf_notebook.world.paths import WAL_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import timedelta

    from wf_notebook.engine.host import Host
    from wf_notebook.world.store import RunRow

__all__ = ["ENDED", "Collected", "collectable", "collected"]

ENDED: Final = ("completed", "failed", "cancelled")
_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Collected:
    """What `World.gc` has forgotten, or would forget.

    Attributes:
        runs: one plain line for each, newest first.
        spared: ids of runs as old, which stay because a run that goes on may ask for them.
        bytes_before, bytes_after: the size of the world with its log; the same before it is done,
            and 0 of a world that is no file.
        done: whether they were forgotten.
    """

    runs: Sequence[RunRow]
    spared: Sequence[str]
    bytes_before: int
    bytes_after: int
    done: bool

    @property
    def run_ids(self) -> list[str]:
        """Their ids."""
        return [row.run_id for row in self.runs]


def collectable(
    host: Host,
    *,
    older: float | str | timedelta | None,
    statuses: Collection[str],
    keep: int,
    path: str,
) -> Collected:
    """Return what would be forgotten; nothing is changed.

    Raises:
        UsageError: neither an age nor how many to keep was given, or one of them is none.
    """
    _check(older, statuses, keep)
    before_us = host.clock.now_us() - _age_us(older)
    rows = host.wait(host.store.runs(limit=None))
    old = old_runs(rows, before_us=before_us, statuses=statuses, keep=keep)
    live = {row.run_id for row in rows if row.ended_us is None}
    kin = {_parent(host, run_id) for run_id in live} | _children(host, live)
    spared = [row.run_id for row in old if row.run_id in kin]
    size = world_bytes(path)
    runs = [row for row in old if row.run_id not in kin]
    return Collected(runs, spared, size, size, done=False)


def _check(older: object, statuses: Collection[str], keep: int) -> None:
    if older is None and not keep:
        msg = "It takes an age, or how many runs to keep: what has just ended may be wanted yet."
        raise UsageError(msg, hint='Write older="30d", or keep=20.')
    if keep < 0:
        raise UsageError(f"{keep} runs cannot be kept.", hint="Write keep=20.")
    for status in statuses:
        if status not in ENDED:
            msg = f"Runs that are {status!r} are not forgotten."
            raise UsageError(msg, hint=f"Choose among {', '.join(ENDED)}.")


def _age_us(older: float | str | timedelta | None) -> int:
    try:
        seconds = 0.0 if older is None else parse_duration(older)
    except (ValueError, TypeError) as problem:
        raise UsageError(f"The age cannot be read: {problem}.", hint='Write "30d".') from None
    if seconds < 0:
        raise UsageError("An age is not negative.", hint='Write "30d".')
    return int(seconds * _US)


def old_runs(
    rows: Iterable[RunRow], *, before_us: int, statuses: Collection[str], keep: int
) -> list[RunRow]:
    """Return the runs that stand so and ended by then, but for the newest `keep` of each name.

    Args:
        rows: newest first, as a store lists them.
        before_us: microseconds UTC.
        statuses: of `ENDED`.
        keep: how many of each name stay, however old; those of other statuses don't count.
    """
    seen: Counter[str] = Counter()
    found: list[RunRow] = []
    for row in rows:
        if row.status not in statuses or row.ended_us is None:
            continue
        seen[row.name] += 1
        if seen[row.name] > keep and row.ended_us <= before_us:
            found.append(row)
    return found


def _parent(host: Host, run_id: str) -> str | None:
    """The run whose step has started that one: should the attempt be made again, it asks for it."""
    log = host.wait(host.store.outline(run_id))
    parent: dict[str, str] = (log[0].meta.get("parent") if log else None) or {}
    return parent.get("run_id")


def _children(host: Host, live: Iterable[str]) -> set[str]:
    """The runs that steps of these have started; few runs live, of all that there are."""
    return {child for run_id in live for child in host.wait(host.store.children(run_id))}


def collected(found: Collected, path: str) -> Collected:
    """Return the same, once it was done."""
    return replace(found, bytes_after=world_bytes(path), done=True)


def world_bytes(path: str) -> int:
    """Return the size of a world's file and log; 0 if there are none."""
    total = 0
    for place in (path, path + WAL_SUFFIX):
        with contextlib.suppress(OSError):
            total += os.path.getsize(place)
    return total
