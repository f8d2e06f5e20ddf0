"""How is what a replay came to told, in lines of text and without values?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wf_notebook.views.text import table as columns
from wf_notebook.views.words import events_of, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.engine.replay import Diverged
    from wf_notebook.testing.histories import ReplayReport
    from wf_notebook.testing.replays import Replay

__all__ = ["told"]

_GLYPHS: Final = {"replays": "✓", "checked": "●"}
_ASKS: Final = 3


def told(found: Replay) -> Sequence[str]:
    """Return a line about a run or file, and below it what there is to be known of a divergence."""
    glyph = _GLYPHS.get(found.outcome, "✕")
    whose = f"{found.name} ({found.run_id})" if found.run_id else ""
    subject = visible(" ".join(word for word in (_target(found), whose) if word))
    parted = None if found.report is None else found.report.divergence
    if parted is not None:
        where = f" at line {parted.line} of the source" if parted.line else ""
        return [f"{glyph} {subject} diverged{where}", *_divergence(found, parted)]
    return [f"{glyph} {subject} {_said(found)}", *_below(found)]


def _target(found: Replay) -> str:
    return "" if found.target == found.run_id else found.target


def _said(found: Replay) -> str:
    signed = "; this world has signed the receipt" if found.world else ""
    match found.outcome:
        case "replays":
            return f"replays, {events_of(found.events, None)}{_end(found.report)}{signed}"
        case "checked":
            return f"is as it was written, and was not replayed: {visible(found.said)}{signed}"
        case _:
            code = "" if found.error is None else f"{found.error.code}: "
            return f"cannot be replayed: {code}{visible(_without_target(found))}"


def _without_target(found: Replay) -> str:
    return found.said.removeprefix(f"{found.target}: ")


def _end(report: ReplayReport | None) -> str:
    """Say where the source stands after the log."""
    if report is None:
        return ""
    if report.status == "failed":
        error = report.error or {}
        return f", failed with {report.code if report.code != 'USER_ERROR' else error.get('type')}"
    return f", {report.status}"


def _below(found: Replay) -> Sequence[str]:
    """What the source would do next; what is wrong with an edited one."""
    if found.error is not None and found.outcome == "refused":
        problems = getattr(found.error, "diagnostics", ())
        return [f"    line {d.line}: {d.code} {visible(d.message)}" for d in problems]
    asks = () if found.report is None else found.report.asks
    more = [f"    and {len(asks) - _ASKS} more"] if len(asks) > _ASKS else []
    return [*(f"    next it asks for {visible(ask)}" for ask in asks[:_ASKS]), *more]


def _divergence(found: Replay, parted: Diverged) -> Sequence[str]:
    line = found.line_at(parted.line)
    shown = [f"    {parted.line:>4} | {visible(line)}"] if line else []
    before = [("before it" if n == 0 else "", e) for n, e in enumerate(parted.last_events)]
    rows = [("recorded", parted.recorded), ("asked for", parted.asked), *before]
    told_rows = columns([(word, visible(text)) for word, text in rows])
    return [*shown, *(f"    {row}" for row in told_rows)]
