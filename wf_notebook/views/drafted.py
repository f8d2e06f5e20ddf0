"""How a source is shown to whoever reviews it: what was asked for, what it would do, what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wf_notebook.views.card import Markup, element
from wf_notebook.views.details import prose
from wf_notebook.views.outline import outline_html, outline_text
from wf_notebook.views.words import readable, visible

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from wf_notebook.definition.outline import Outline

__all__ = ["DraftView", "draft_card", "draft_text"]

_LINE: Final = "rgba(128, 128, 128, 0.35)"
_MUTED: Final = "font-size: 12px; opacity: 0.75"
_BREAK: Final = Markup("\n")
_MONO: Final = (
    "font-family: monospace; font-size: 12px; white-space: pre-wrap; margin: 0px; padding: 0px; "
    "background-color: transparent"
)
_CARD: Final = (
    f"border: 1px solid {_LINE}; border-radius: 8px; padding: 10px 14px; margin-bottom: 6px; "
    "max-width: 960px; font-size: 13px; line-height: 1.5"
)
_GOOD: Final = "#2e9e5b"
_BAD: Final = "#dc5050"
_WARN: Final = "#c07f17"
_REQUEST: Final = 2_000  # characters
_FINE: Final = ("valid", "approved")
_GLYPHS: Final = {"not approved": "?"}  # a person is asked
_CROSS: Final = "\N{MULTIPLICATION X}"
_NOT_RUN: Final = "no step has been called"


@dataclass(frozen=True, slots=True)
class DraftView:
    """A source that is to be reviewed, as it is shown.

    Attributes:
        name: of the workflow; "" if there is none.
        status: "valid", "refused", "no source", "not approved", or "approved".
        request: what was asked for; model: who was; both "" if a person wrote it.
        calls: what it may call: alias and step id.
        outline: what it may ask for, or None; reached: lines that its rehearsal came to.
        rehearsed: what came of that, a line each; empty if there was none.
        warning: what the rehearsal found, as text that points at a line; or "".
        problems: what is wrong, as texts that point at lines.
        rounds: what came of each answer, a line each.
        answer: what the model said instead of a source; or "".
        source: the text; diff: from the source that ran, if it is to mend one.
        reasons: what of it was not approved, a phrase each.
        approved: what was approved last under that name, or ""; changes: the diff from there.
    """

    name: str
    status: str
    request: str = ""
    model: str = ""
    calls: Sequence[tuple[str, str]] = ()
    outline: Outline | None = None
    reached: Collection[int] = ()
    rehearsed: Sequence[str] = ()
    warning: str = ""
    problems: Sequence[str] = ()
    rounds: Sequence[str] = ()
    answer: str = ""
    source: str = ""
    diff: str = ""
    reasons: Sequence[str] = ()
    approved: str = ""
    changes: str = ""

    @property
    def said(self) -> str:
        """Who wrote it, and that it has not run."""
        return f"drafted by {self.model}; {_NOT_RUN}" if self.model else _NOT_RUN

    @property
    def title(self) -> tuple[str, str]:
        """Its name and how it stands; a glyph before the word."""
        glyph = "\N{CHECK MARK}" if self.status in _FINE else _GLYPHS.get(self.status, _CROSS)
        return self.name or "draft", f"{glyph} {self.status}"


def draft_text(view: DraftView) -> str:
    """Return a draft as text."""
    name, status = view.title
    parts = [f"{visible(name)}: {status}; {visible(view.said)}"]
    parts += [f"{head}\n{_indented(text)}" for head, text in _parts(view)]
    if view.outline is not None:
        parts.append(f"outline\n{_indented(outline_text(view.outline, view.reached))}")
    return "\n".join(parts)


def _parts(view: DraftView) -> list[tuple[str, str]]:
    """Head and text of whatever there is to say, in the order of a review."""
    calls = "\n".join(f"{alias}  {step_id}" for alias, step_id in view.calls)
    found = [
        ("request", _cut(view.request)),
        ("what is wrong", "\n".join(view.problems)),
        ("not approved, because", "\n".join(view.reasons)),
        ("in its rehearsal", view.warning),
        ("the model's answer", _cut(view.answer)),
        ("it may call", calls),
        ("rehearsal, with made-up results", "\n".join(view.rehearsed)),
        ("difference to the source that ran", view.diff),
        (f"difference to {view.approved}, approved last", view.changes),
        ("rounds", "\n".join(view.rounds)),
    ]
    return [(head, readable(text.strip("\n"))) for head, text in found if text.strip()]


def draft_card(view: DraftView) -> Markup:
    """Return a draft as HTML: static, nothing to press, every text of a model escaped."""
    name, status = view.title
    colour = _GOOD if view.status in _FINE else _WARN if view.status in _GLYPHS else _BAD
    title = element(
        "div",
        element("strong", name, style="font-size: 15px"),
        " \N{MIDDLE DOT} ",
        element("strong", status, style=f"color: {colour}"),
        f" \N{MIDDLE DOT} {view.said}",
    )
    blocks = [_block(head, text) for head, text in _parts(view)]
    if view.outline is not None:
        head = element("div", "outline", style=f"{_MUTED}; margin-top: 8px")
        blocks.insert(_before(view), element("div", head, outline_html(view.outline, view.reached)))
    return element("div", title, *blocks, *_source(view), style=_CARD)


def _before(view: DraftView) -> int:
    """Where the outline stands: after what was asked and what is wrong with it."""
    first = (
        "request", "what is wrong", "not approved, because", "in its rehearsal",
        "the model's answer",
    )  # fmt: skip
    return sum(head in first for head, _ in _parts(view))


def _source(view: DraftView) -> list[Markup]:
    if not view.source:
        return []
    return [
        element(
            "details",
            element("summary", "source"),
            _pre(view.source.rstrip("\n")),
            style="margin-top: 8px",
        )
    ]


def _block(head: str, text: str) -> Markup:
    marks = {"what is wrong": _BAD, "in its rehearsal": _WARN, "not approved, because": _WARN}
    mark = marks.get(head, _LINE)
    style = f"border-left: 3px solid {mark}; padding: 1px 10px; margin-top: 2px"
    return element(
        "div",
        element("div", head, style=f"{_MUTED}; margin-top: 8px"),
        element("div", _pre(text), style=style),
    )


def _pre(text: str) -> Markup:
    """A text with its lines and indentation, also where styles are dropped."""
    lines = text.expandtabs(4).split("\n")
    return element("pre", *(part for line in lines for part in (line, _BREAK)), style=_MONO)


def _cut(text: str) -> str:
    return prose(text, limit=_REQUEST)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))
