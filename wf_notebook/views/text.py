"""A run, and a list of runs, as plain text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from unicodedata import combining, east_asian_width

from wf_notebook.views.why import read, row_info
from wf_notebook.views.words import duration, events_of, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.views.listing import Listed
    from wf_notebook.views.model import RunView
    from wf_notebook.views.rows import Row

_BAR_CHARS: Final = 20
_LABEL_CHARS: Final = 36
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


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return lines whose columns stand under one another, without trailing blanks.

    >>> table([("a", "bb", "c"), ("aaa", "b", "c")])
    ['a    bb  c', 'aaa  b   c']
    """
    widths = [max(width_of(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        _GAP.join(
            cell + " " * (width - width_of(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def render_run(view: RunView, *, titles: bool = False) -> str:
    """Return a run as text: a heading, what it waits on, and its timeline.

    Args:
        view: the run at one moment.
        titles: whether to show the titles of open hooks. They are sealed in the world: leave them
            out of whatever may be saved, such as the text/plain of a notebook's output.
    """
    heading = f"{view.glyph} {view.name}  {view.why or view.status}"
    facts = _DOT.join(fact for fact in (view.run_id, *_facts(view)) if fact)
    return "\n".join([heading, f"{_GAP}{facts}", *_hooks(view, titles=titles), *_timeline(view)])


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


def _timeline(view: RunView) -> list[str]:
    if not view.rows:
        return []
    start = min(row.start_us for row in view.rows)
    ends = [view.now_us if row.end_us is None else row.end_us for row in view.rows]
    span = max(max(ends) - start, 1)
    cells = [
        (_label(row), _state(row), _line(row), bar, row_info(row, view.now_us))
        for row, end in zip(view.rows, ends, strict=True)
        for bar in (_bar(row, start=start, end=end, span=span),)
    ]
    return ["", *(f"{_GAP}{line}" for line in table(cells))]


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


def render_runs(rows: Sequence[Listed], *, now_us: int) -> str:
    """Return a list of runs as text, one line each.

    Args:
        rows: newest first.
        now_us: the world's time, microseconds UTC.
    """
    if not rows:
        return "No runs."
    return "\n".join(table([_run_cells(row, now_us) for row in rows]))


def _run_cells(row: Listed, now_us: int) -> tuple[str, ...]:
    took = duration((now_us if row.ended_us is None else row.ended_us) - row.created_us)
    age = f"{duration(now_us - row.created_us)} ago"
    name = clipped(row.name, _LABEL_CHARS)
    return f"{row.glyph} {row.status}", name, row.run_id, age, took, read(row.said, now_us)
