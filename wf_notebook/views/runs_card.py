"""The static table of a list of runs: what stays in a saved notebook, in the style of a run's card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wf_notebook.views.card import (
    CARD,
    CELL,
    HEAD,
    MONO,
    MUTED,
    TABLE,
    WIDGET_MIME,
    Markup,
    card,
    element,
    tone,
)
from wf_notebook.views.text import render_run, render_runs
from wf_notebook.views.why import read
from wf_notebook.views.words import duration, moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.views.listing import Listed
    from wf_notebook.views.model import RunView

_SHOWN: Final = 25  # of more, the rest is folded away
_COLUMNS: Final = ("State", "Run", "Waits for", "Age", "Last event")


def runs_card(rows: Sequence[Listed], *, total: int, now_us: int) -> str:
    """Return a list of runs as HTML: names, states and times, nothing that is sealed.

    Args:
        rows: newest first.
        total: how many runs there are.
        now_us: the world's time, microseconds UTC.
    """
    return element("div", _title(len(rows), total, now_us), *_tables(rows, now_us), style=CARD)


def runs_bundle(
    rows: Sequence[Listed],
    *opened: RunView,
    total: int,
    now_us: int,
    model_id: str | None = None,
) -> dict[str, Any]:
    """Return a list of runs for every front end: text, table and, given an id, the live one.

    Args:
        rows, total, now_us: as for `runs_card`.
        opened: the runs that were opened in its view.
        model_id: what a front end knows the widget by.
    """
    text = [render_runs(rows, now_us=now_us), *map(render_run, opened)]
    html = [runs_card(rows, total=total, now_us=now_us), *map(card, opened)]
    bundle: dict[str, Any] = {"text/plain": "\n\n".join(text), "text/html": "\n".join(html)}
    if model_id is not None:
        bundle[WIDGET_MIME] = {"version_major": 2, "version_minor": 0, "model_id": model_id}
    return bundle


def _title(shown: int, total: int, now_us: int) -> Markup:
    count = f"{total} run{'' if total == 1 else 's'}"
    if shown < total:
        count = f"{shown} of {count}"
    name = element("strong", "Runs", style="font-size: 15px")
    facts = f" \N{MIDDLE DOT} {count}, shown as of {moment(now_us)}"
    return element("div", name, element("span", facts, style=MUTED))


def _tables(rows: Sequence[Listed], now_us: int) -> list[Markup]:
    if not rows:
        return []
    found = [_table(rows[:_SHOWN], now_us)]
    rest = rows[_SHOWN:]
    if rest:
        summary = element("summary", f"{len(rest)} more")
        found.append(element("details", summary, _table(rest, now_us), style="margin-top: 8px"))
    return found


def _table(rows: Sequence[Listed], now_us: int) -> Markup:
    head = element("tr", *(element("th", text, style=HEAD) for text in _COLUMNS))
    body = (_row(row, now_us) for row in rows)
    return element("table", element("thead", head), element("tbody", *body), style=TABLE)


def _row(row: Listed, now_us: int) -> Markup:
    state = element("strong", row.glyph, style=f"color: {tone(row.status)}")
    labels = element("div", row.labelled, style=MUTED) if row.labelled else Markup()
    run_id = element("div", element("code", row.run_id, style=MONO), style=MUTED)
    still = f"{CELL}; white-space: nowrap"
    last = "" if row.last_us is None else f"{duration(now_us - row.last_us)} ago"
    return element(
        "tr",
        element("td", state, f" {row.status}", style=still),
        element("td", element("strong", row.name), run_id, labels, style=CELL),
        element("td", read(row.waits, now_us), style=CELL),
        element("td", duration(now_us - row.created_us), style=still),
        element("td", last, style=still),
        style="background-color: transparent",
    )
