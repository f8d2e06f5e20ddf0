"""How a long run is shown in few rows: neighbours of one alias, or of several, stand for each other.

Never more than `GROUP_OVER` rows go to a browser at once, so that a snapshot stays small and need not
be sent in pieces; the members of a group are asked for when somebody opens it.
"""

from __future__ import annotations

from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from wf_notebook.views.kept import Kept
from wf_notebook.views.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

GROUP_OVER: Final = 200
_alike: Final[Callable[[Row], tuple[str, str]]] = attrgetter("kind", "alias")


class Groups:
    """The groups of one run's rows.

    Attributes:
        kept: each is made anew only when one of its members has changed.
    """

    def __init__(self) -> None:
        self.kept: Kept[Row] = Kept()

    def of(self, rows: Sequence[Row]) -> tuple[tuple[Row, ...], dict[str, tuple[Row, ...]]]:
        """Return at most `GROUP_OVER` rows, and the members of those that are groups.

        Consecutive rows of one alias become one; if that does not suffice, all of one alias do; if
        there are too many aliases, neighbours are put together as well.
        """
        shown: list[Row] = []
        members: dict[str, tuple[Row, ...]] = {}
        for part in _parts(tuple(rows)):
            if len(part) == 1:
                shown.append(part[0])
                continue
            key = f"group:{part[0].id}"
            shown.append(self.kept.of(key, part, partial(_group, key, part)))
            members[key] = part
        return tuple(shown), members


def _parts(rows: tuple[Row, ...]) -> Sequence[tuple[Row, ...]]:
    if len(rows) <= GROUP_OVER:
        return [(row,) for row in rows]
    near = [tuple(part) for _, part in groupby(rows, key=_alike)]
    if len(near) > GROUP_OVER:
        by_alias: dict[tuple[str, str], list[Row]] = {}
        for row in rows:
            by_alias.setdefault(_alike(row), []).append(row)
        near = [tuple(part) for part in by_alias.values()]
    return list(_joined(near))


def _joined(parts: Sequence[tuple[Row, ...]]) -> Iterator[tuple[Row, ...]]:
    """Put so many neighbours together that not too many are left."""
    size = -(-len(parts) // GROUP_OVER)
    for start in range(0, len(parts), size):
        near = parts[start : start + size]
        yield near[0] if size == 1 else tuple(row for part in near for row in part)


def _group(key: str, rows: Sequence[Row]) -> Row:
    live = [row for row in rows if row.end_us is None]
    failed = sum(row.state == "failed" for row in rows)
    return Row(
        id=key,
        kind="group",
        label=_group_label(rows, failed=failed, done=len(rows) - len(live)),
        state=_group_state(rows, live, failed=failed),
        start_us=min(row.start_us for row in rows),
        end_us=None if live else max(row.end_us or 0 for row in rows),
        line=rows[0].line if len({row.line for row in rows}) == 1 else None,
        due_us=min((row.due_us for row in live if row.due_us is not None), default=None),
        alias=rows[0].alias,
    )


def _group_state(rows: Sequence[Row], live: Sequence[Row], *, failed: int) -> str:
    if live and rows[0].kind == "step" and len({row.state for row in rows}) > 1:
        return "running"
    return live[0].state if live else "failed" if failed else rows[-1].state


def _group_label(rows: Sequence[Row], *, failed: int, done: int) -> str:
    counts = f"{done} done" + (f", {failed} failed" if failed else "")
    first, last = rows[0].alias, rows[-1].alias
    named = first if first == last else f"{first} … {last}"
    return f"{named} \N{MULTIPLICATION SIGN}{len(rows)} ({counts})"
