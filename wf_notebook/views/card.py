"""The static card of a run: what stays in a saved notebook. The only author of HTML.

Elements are div, span, strong, code, table and its parts, details and summary; the only attribute
is an inline `style`, in the words that JupyterLab's sanitiser lets through in an untrusted notebook
(no `inherit`, no `var()`), in colours that read on white and on black. GitHub drops the styles:
the text alone has to do.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.views.text import render_run
from wf_notebook.views.why import row_info
from wf_notebook.views.words import events_of, moment, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.views.model import Form, RunView
    from wf_notebook.views.rows import Row

WIDGET_MIME: Final = "application/vnd.jupyter.widget-view+json"
_OPEN_ROWS: Final = 25
_FORMS: Final = 5

_LINE: Final = "rgba(128, 128, 128, 0.35)"
_FAINT: Final = "rgba(128, 128, 128, 0.16)"
_COLOURS: Final = {
    "good": "#2e9e5b",
    "going": "#3b82d6",
    "waits": "#c07f17",
    "bad": "#dc5050",
    "over": "#8a8f98",
}
_TONES: Final = {
    "completed": "good", "woken": "good", "resumed": "good",
    "running": "going", "pending": "going",
    "suspended": "waits", "sleeping": "waits", "waiting": "waits", "retrying": "waits",
    "blocked": "bad", "failed": "bad", "conflict": "bad",
    "cancelled": "over", "closed": "over", "forgotten": "over",
}  # fmt: skip

CARD: Final = (
    f"border: 1px solid {_LINE}; border-radius: 8px; padding: 10px 14px; margin-bottom: 6px; max-width: 960px; "
    "font-size: 13px; line-height: 1.5"
)
MONO: Final = "font-family: monospace; font-size: 12px; padding: 0px; background-color: transparent"
MUTED: Final = "font-size: 12px; opacity: 0.75"
TABLE: Final = "table-layout: auto; width: 100%; border-collapse: collapse; margin-top: 8px; margin-bottom: 2px"
CELL: Final = "text-align: left; vertical-align: middle; padding: 3px 12px 3px 0px"
HEAD: Final = f"{CELL}; font-weight: normal; {MUTED}; border-bottom: 1px solid {_LINE}"


class Markup(str):
    """HTML that was made here; any other string is text and gets escaped."""

    __slots__ = ()


def element(name: str, *children: str, style: str = "") -> Markup:
    """Return an element with escaped text and an inline style.

    >>> element("span", "a < b", element("strong", "c"))
    '<span>a &lt; b<strong>c</strong></span>'
    """
    inside = "".join(
        child if isinstance(child, Markup) else escape(visible(child)) for child in children
    )
    styled = f' style="{escape(style)}"' if style else ""
    return Markup(f"<{name}{styled}>{inside}</{name}>")


def card(view: RunView) -> str:
    """Return a run's card as HTML: names, states and times, nothing that is sealed.

    Args:
        view: the run at one moment; a card of a live run says which.
    """
    return element("div", _title(view), _facts(view), *_notes(view), *_table(view), style=CARD)


def mimebundle(*views: RunView, model_id: str | None = None) -> dict[str, Any]:
    """Return runs for every front end: text, card and, given the id of a widget, the live view.

    Args:
        views: the run, then those that were opened in its view.
        model_id: what a front end knows the widget by.
    """
    bundle: dict[str, Any] = {
        "text/plain": "\n\n".join(render_run(view) for view in views),
        "text/html": "\n".join(card(view) for view in views),
    }
    if model_id is not None:
        bundle[WIDGET_MIME] = {"version_major": 2, "version_minor": 0, "model_id": model_id}
    return bundle


def tone(state: str, *, quiet: bool = False) -> str:
    """Return the colour of a state, a key of `views.rows.GLYPHS`."""
    return _COLOURS["over" if quiet else _TONES[state]]


def _title(view: RunView) -> Markup:
    name = element("strong", view.name, style="font-size: 15px")
    pill = element("strong", f"{view.glyph} {view.status}", style=f"color: {tone(view.status)}")
    return element("div", name, " \N{MIDDLE DOT} ", pill, " ", _sentence(view))


def _sentence(view: RunView) -> Markup:
    return element("span", view.beyond_status)


def _facts(view: RunView) -> Markup:
    counts = events_of(view.events, view.replayed)
    when = f"started {moment(view.created_us)}"
    if not view.terminal:
        when += f", shown as of {moment(view.now_us)}"
    facts = (view.origin, counts, f"{view.isolation} isolation", when, *view.notes)
    text = " \N{MIDDLE DOT} ".join(fact for fact in facts if fact)
    return element(
        "div", element("code", view.run_id, style=MONO), " \N{MIDDLE DOT} ", text, style=MUTED
    )


def _notes(view: RunView) -> Sequence[Markup]:
    notes = [_open_hook(form) for form in view.forms[:_FORMS]]
    if len(view.forms) > _FORMS:
        notes.append(element("div", f"{len(view.forms) - _FORMS} more hooks are open."))
    if not notes:
        return ()
    style = f"border-left: 3px solid {_COLOURS['waits']}; padding: 1px 10px; margin-top: 8px"
    return (element("div", *notes, style=style),)


def _open_hook(form: Form) -> Markup:
    return element(
        "div",
        "Waiting for you: hook ",
        element("code", form.token, style=MONO),
        ". Answer it with ",
        element("code", f"%wf answer {form.token}", style=MONO),
    )


def _table(view: RunView) -> Sequence[Markup]:
    if not view.rows:
        return ()
    axis = _axis(view)
    head = element("tr", *(element("th", text, style=HEAD) for text in _columns()))
    body = (_row(row, view.now_us, axis) for row in view.rows)
    table = element("table", element("thead", head), element("tbody", *body), style=TABLE)
    if len(view.rows) <= _OPEN_ROWS:
        return (table,)
    summary = element("summary", f"Timeline, {len(view.rows)} rows")
    return (element("details", summary, table, style="margin-top: 8px"),)


def _columns() -> tuple[str, ...]:
    return ("Step, sleep or hook", "State", "Timeline", "Time")


def _axis(view: RunView) -> tuple[int, int]:
    start = min(row.start_us for row in view.rows)
    ends = (view.now_us if row.end_us is None else row.end_us for row in view.rows)
    return start, max(max(ends) - start, 1)


def _row(row: Row, now_us: int, axis: tuple[int, int]) -> Markup:
    kind = element("span", "hook ", style=MUTED) if row.kind == "hook" else Markup()
    line = element("span", f" line {row.line}", style=MUTED) if row.line is not None else Markup()
    error = f" {row.error}" if row.error and row.state in ("failed", "retrying") else ""
    state = element("strong", row.glyph, style=f"color: {tone(row.state, quiet=row.quiet)}")
    quiet = "; opacity: 0.6" if row.quiet else ""
    return element(
        "tr",
        element("td", kind, row.label, line, style=f"{CELL}{quiet}"),
        element("td", state, f" {row.state}{error}", style=f"{CELL}; white-space: nowrap{quiet}"),
        element("td", _bar(row, now_us, axis), style=f"{CELL}; width: 38%"),
        element("td", row_info(row, now_us), style=f"{CELL}; white-space: nowrap{quiet}"),
        style="background-color: transparent",
    )


def _bar(row: Row, now_us: int, axis: tuple[int, int]) -> Markup:
    start, span = axis
    end = now_us if row.end_us is None else row.end_us
    left = min(100 * (row.start_us - start) / span, 98.5)
    width = min(max(100 * (end - row.start_us) / span, 1.5), 100 - left)
    fill = element(
        "div",
        style=f"margin-left: {left:.1f}%; width: {width:.1f}%; height: 8px; "
        f"border-radius: 3px; background-color: {tone(row.state, quiet=row.quiet)}",
    )
    return element("div", fill, style=f"background-color: {_FAINT}; border-radius: 3px")
