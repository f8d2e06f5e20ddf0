"""Which runs does a live table hold, and which of them does a browser get at once?

A world may have very many runs. A snapshot has those that may still move, and of the others the
newest; older ones are asked for.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wf_notebook.views.listing import Chosen, Listed

ROWS: Final = 200  # in a snapshot, and in a page of older ones
PAGE: Final = 25  # shown before one asks for more
Key: TypeAlias = tuple[int, str]


class Roster:
    """The runs of a table, by id and from new to old.

    Args:
        chosen: which are to be listed; those of another status are kept, too: a click shows them.
    """

    def __init__(self, chosen: Chosen) -> None:
        self.chosen = chosen
        self._rows: dict[str, Listed] = {}
        self._open: list[Key] = []  # from old to new
        self._over: list[Key] = []
        self._counts: Counter[str] = Counter()

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._rows

    def get(self, run_id: str) -> Listed | None:
        """Return a run's row, if it is held."""
        return self._rows.get(run_id)

    def put(self, row: Listed) -> bool:
        """Hold a row, in the place of what was held of that run; whether that changes anything."""
        before = self._rows.get(row.run_id)
        wanted = self.chosen.labels.items() <= row.labels.items() or _erased(before, row)
        if before == row or (before is None and not wanted):
            return False
        if before is not None:
            self._drop(before)
        if wanted:
            self._rows[row.run_id] = row
            self._counts[row.status] += 1
            insort(self._keys(row), _key(row))
        return True

    def _drop(self, row: Listed) -> None:
        del self._rows[row.run_id]
        self._counts[row.status] -= 1
        keys = self._keys(row)
        del keys[bisect_left(keys, _key(row))]

    def _keys(self, row: Listed) -> list[Key]:
        return self._open if row.ended_us is None else self._over

    def newest(self) -> list[Listed]:
        """Return the rows of a snapshot, newest first: what may move, then what has ended."""
        live = self._open[-ROWS:]
        room = ROWS - len(live)
        keys = sorted(live + (self._over[-room:] if room else []), reverse=True)
        return [self._rows[run_id] for _, run_id in keys]

    def snapshot(self) -> dict[str, Any]:
        """Return what the browser gets: rows, how many there are, and what was chosen."""
        labels = ", ".join(f"{name}={text}" for name, text in self.chosen.labels.items())
        return {
            "rows": [row.to_json() for row in self.newest()],
            "total": len(self._rows),
            "counts": {status: n for status, n in sorted(self._counts.items()) if n},
            "status": self.chosen.status or "",
            "labels": labels,
            "page": min(self.chosen.limit or PAGE, ROWS),
        }

    def chosen_rows(self) -> tuple[list[Listed], int]:
        """Return the rows of a static table, newest first, and how many there would be."""
        status = self.chosen.status
        keys = sorted(self._open + self._over, reverse=True)
        rows = [row for _, i in keys if (row := self._rows[i]).status == (status or row.status)]
        return rows[: min(self.chosen.limit or ROWS, ROWS)], len(rows)

    def older(self, status: str, text: str, before: Key | None) -> dict[str, Any]:
        """Return a page of the rows that a snapshot leaves out.

        Args:
            status: only those that stand so; "" for all.
            text: only those that hold this text.
            before: time and id of the last one that is known of them, or None.

        Returns:
            `rows`, newest first, and `left`: how many more there are.
        """
        words = text.casefold()
        beyond = self._beyond(before)
        found = [row for row in beyond if status in ("", row.status) and words in row.words]
        return {
            "rows": [row.to_json() for row in found[:ROWS]],
            "left": max(len(found) - ROWS, 0),
        }

    def _beyond(self, before: Key | None) -> Iterator[Listed]:
        """The rows outside a snapshot, newest first, from there on."""
        known = {row.run_id for row in self.newest()}
        for key in sorted(self._open + self._over, reverse=True):
            if key[1] not in known and (before is None or key < before):
                yield self._rows[key[1]]

    def beyond(self, run_ids: Sequence[str]) -> dict[str, Any]:
        """Return of these runs what a snapshot doesn't say: `rows`, and ids that are `gone`."""
        known = {row.run_id for row in self.newest()}
        rows = [self._rows[i].to_json() for i in run_ids if i in self._rows and i not in known]
        return {"rows": rows, "gone": [i for i in run_ids if i not in self._rows]}


def _key(row: Listed) -> Key:
    return row.created_us, row.run_id


def _erased(before: Listed | None, row: Listed) -> bool:
    """Whether it was forgotten while it was listed: its labels went with it."""
    return before is not None and row.status == "forgotten"
