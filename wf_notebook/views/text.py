"""A run, and a list of runs, as plain text for a terminal."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from unicodedata import combining, east_asian_width

from wf_notebook.views.why import read, row_info
from wf_notebook.views.words import duration, events_of, visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wf_notebook.views.listing import Listed
    from wf_notebook.views.model import RunView
    from wf_notebook.views.rows import Row

_BAR_CHARS: Final = 20
_LABEL_CHARS: Final = 36
_LEAST_CHARS: Final = 6  # of a column that was cut
_LEAST_OF_ID: Final = MappingProxyType({2: 18})  # `wrun_`, when it was made, and chance
_NARROW: Final = 72  # where there is no room for bars
_GAP: Final = "  "
_DOT: Final = " · "


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes.

    >>> width_of("ab"), width_of("日本")
    (2, 4)
    """
    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text
    )


def clipped(text: str, columns: int) -> str:
    """Return a text cut to so many columns, with an ellipsis where it was cut.

    >>> clipped("approve-A-17", 8)
    'approve…'
    """
    if width_of(text) <= columns:
        return text
    kept = ""
    for char in text:
        if width_of(kept + char) > columns - 1:
            break
        kept += char
    return f"{kept}…"


def table(
    rows: Sequence[Sequence[str]],
    width: int | None = None,
    *,
    least: Mapping[int, int] = MappingProxyType({}),
) -> list[str]:
    """Return lines whose columns stand under one another, without trailing blanks.

    Args:
        rows: cells, as many in each.
        width: how many columns of the terminal there are: the widest cells are cut to fit.
        least: of a column, how many characters of it are of use; else 6.

    >>> table([("a", "bb", "c"), ("aaa", "b", "c")])
    ['a    bb  c', 'aaa  b   c']
    >>> table([("wrun_01K9ABCDEFGH", "waits for the hook approve-A-17")], 30)
    ['wrun_01K9ABCD…  waits for the…']
    """
    widths = [max(width_of(cell) for cell in column) for column in zip(*rows, strict=True)]
    if width is not None:
        widths = _fitted(widths, width, least)
    lines = (
        _GAP.join(_padded(clipped(*cell), cell[1]) for cell in zip(row, widths, strict=True))
        for row in rows
    )
    return [(line if width is None else clipped(line, width)).rstrip() for line in lines]


def _fitted(widths: Sequence[int], width: int, least: Mapping[int, int]) -> list[int]:
    """Take from the widest column, again and again, until all of them fit, or none can give."""
    found = list(widths)
    over = sum(found) + len(_GAP) * (len(found) - 1) - width
    for _ in range(over):
        places = range(len(found))
        giving = [place for place in places if found[place] > least.get(place, _LEAST_CHARS)]
        if not giving:
            break
        found[max(giving, key=found.__getitem__)] -= 1
    return found


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - width_of(cell))


def render_run(view: RunView, *, titles: bool = False, width: int | None = None) -> str:
    """Return a run as text: a heading, what it waits on, and its timeline.

    Args:
        view: the run at one moment.
        titles: whether to show the titles of open hooks. They are sealed in the world: leave them
            out of whatever may be saved, such as the text/plain of a notebook's output.
        width: columns of the terminal that the timeline has to fit; None for as many as it takes.
    """
    heading = f"{view.glyph} {view.name}  {view.why or view.status}"
    facts = _DOT.join(fact for fact in (view.run_id, *_facts(view)) if fact)
    lines = [heading, f"{_GAP}{facts}", *_hooks(view, titles=titles), *_timeline(view, width)]
    return "\n".join(lines)


def _facts(view: RunView) -> tuple[str, ...]:
    return (
        view.origin,
        events_of(view.events, view.replayed),
        f"{view.isolation} isolation",
        *view.notes,
    )


def _hooks(view: RunView, *, titles: bool) -> list[str]:
    lines: list[str] = []
    for form in view.forms:
        title = f" {visible(form.title)}" if titles and form.title else ""
        schema = f" ({visible(form.schema)})" if form.schema else ""
        lines.append(f"{_GAP}? hook {visible(form.token)}{schema}{title}")
    return lines


def _timeline(view: RunView, width: int | None) -> list[str]:
    if not view.rows:
        return []
    start = min(row.start_us for row in view.rows)
    ends = [view.now_us if row.end_us is None else row.end_us for row in view.rows]
    span = max(max(ends) - start, 1)
    narrow = width is not None and width < _NARROW
    cells = [
        (_label(row), _state(row), _line(row), *bar, row_info(row, view.now_us))
        for row, end in zip(view.rows, ends, strict=True)
        for bar in ([] if narrow else [_bar(row, start=start, end=end, span=span)],)
    ]
    left = None if width is None else width - len(_GAP)
    return ["", *(f"{_GAP}{line}" for line in table(cells, left))]


def _label(row: Row) -> str:
    return clipped(f"hook {row.label}" if row.kind == "hook" else row.label, _LABEL_CHARS)


def _state(row: Row) -> str:
    named = f" {row.error}" if row.error and row.state in ("failed", "retrying") else ""
    return f"{row.glyph} {row.state}{named}"


def _line(row: Row) -> str:
    return "" if row.line is None else f"line {row.line}"


def _bar(row: Row, *, start: int, end: int, span: int) -> str:
    first = min(_BAR_CHARS * (row.start_us - start) // span, _BAR_CHARS - 1)
    last = max(-(-_BAR_CHARS * (end - start) // span), first + 1)
    ink = "█" if row.end_us is not None or row.state == "running" else "▒"
    bar = " " * first + ink * (last - first)
    return f"|{bar.ljust(_BAR_CHARS)}|"


def render_runs(rows: Sequence[Listed], *, now_us: int, width: int | None = None) -> str:
    """Return a list of runs as text, one line each.

    Args:
        rows: newest first.
        now_us: the world's time, microseconds UTC.
        width: columns of the terminal that it has to fit; None for as many as it takes.
    """
    if not rows:
        return "No runs."
    return "\n".join(table([_run_cells(row, now_us) for row in rows], width, least=_LEAST_OF_ID))


def _run_cells(row: Listed, now_us: int) -> tuple[str, ...]:
    took = duration((now_us if row.ended_us is None else row.ended_us) - row.created_us)
    age = f"{duration(now_us - row.created_us)} ago"
    name = clipped(row.name, _LABEL_CHARS)
    return f"{row.glyph} {row.status}", name, row.run_id, age, took, read(row.said, now_us)
