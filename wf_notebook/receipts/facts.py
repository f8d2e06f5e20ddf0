"""What a receipt says of its run in Markdown: names, ids, times and who approved, never a value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from wf_notebook.views.words import events_of, moment, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.definition.model import Definition
    from wf_notebook.receipts.shape import Approval
    from wf_notebook.views.model import RunView
    from wf_notebook.world.state import RunState

__all__ = ["facts_text"]

_MARKUP: Final = re.compile(r"([\\`*_{}\[\]<>#|~$&!])")
_FENCES: Final = re.compile("`+")
_DIGEST_DIGITS: Final = 12


def facts_text(
    view: RunView,
    *,
    state: RunState,
    definition: Definition,
    approval: Approval | None,
    world_id: str,
    payloads: bool,
) -> str:
    """Return the facts of a run as Markdown.

    Args:
        view: the run at the moment of the export.
        state: what its log comes to.
        definition: what it executes.
        approval: which approved revision that is, or None.
        world_id: the world it ran in.
        payloads: whether values stand in the receipt.
    """
    rows = [
        ("Run", _code(view.run_id)),
        ("World", _code(world_id)),
        ("Workflow", _code(definition.workflow_id)),
        ("Source", _code(f"sha256:{definition.source_hash}")),
        *_times(view),
        ("Ran on", f"{_plain(view.runtime or 'unknown')}, {view.isolation} isolation"),
        ("Approved", _approved(approval)),
        *(("Label", _code(f"{name}={text}")) for name, text in view.attributes.items()),
        *([("Started by", _code(view.parent))] if view.parent else []),
        *([("Repeats", _code(view.rerun_of))] if view.rerun_of else []),
        *_hooks(state),
    ]
    facts = [f"- **{word}**: {text}" for word, text in rows]
    parts = [
        f"# Receipt: {_code(view.name)}",
        f"{view.glyph} **{view.status}** {_plain(view.beyond_status)}{_as_of(view)}.",
        "\n".join(facts),
        "\n".join(["**Steps**", "", *_steps(state, definition)]),
        _how_to_check(payloads=payloads),
    ]
    return "\n\n".join(parts)


def _as_of(view: RunView) -> str:
    if view.terminal:
        return f", {events_of(view.events, None)}"
    return f", as of event {view.events} and {moment(view.now_us)}"


def _times(view: RunView) -> list[tuple[str, str]]:
    started = [("Started", moment(view.started_us))] if view.started_us is not None else []
    ended = [("Ended", moment(view.ended_us))] if view.ended_us is not None else []
    return [("Created", moment(view.created_us)), *started, *ended]


def _approved(approval: Approval | None) -> str:
    if approval is None:
        return "no approval was asked for"
    revision = _code(f"{approval.name}@{approval.revision}")
    if approval.by is None or approval.time_us is None:
        return f"{revision}; the record of who approved it is not there any more"
    return f"{revision}, by {_code(approval.by or 'nobody named')}, {moment(approval.time_us)}"


def _steps(state: RunState, definition: Definition) -> Sequence[str]:
    lines: list[str] = []
    for binding in definition.steps:
        calls = [step for step in state.steps.values() if step.alias == binding.alias]
        failed = sum(step.status == "failed" for step in calls)
        counted = {0: "not called", 1: "called once"}.get(len(calls), f"called {len(calls)} times")
        ended = f", {failed} failed" if failed else ""
        code = binding.digest[:_DIGEST_DIGITS]
        lines.append(
            f"- {_code(binding.alias)}: {_code(binding.step_id)}, code {_code(code)}, {counted}{ended}"
        )
    return lines


def _hooks(state: RunState) -> list[tuple[str, str]]:
    hooks = list(state.hooks.values())
    if not hooks:
        return []
    answered = sum(hook.received > 0 for hook in hooks)
    count = "1 hook" if len(hooks) == 1 else f"{len(hooks)} hooks"
    return [("Asked of people", f"{count}, {answered} answered")]


def _how_to_check(*, payloads: bool) -> str:
    values = (
        "Arguments, results and payloads stand in this file, as **plain text**."
        if payloads
        else "Arguments, results and payloads are not in this file."
    )
    return (
        "Below: the source that ran, and its timeline. The run's log is in the output of that cell. "
        f"{values} `wf replay` with this file's name checks that nothing of it was changed."
    )


def _code(text: str) -> str:
    """Return a text as code: nothing in it is markup.

    >>> _code("a"), _code("a`b"), _code("`")
    ('`a`', '``a`b``', '`` ` ``')
    """
    shown = visible(text)
    longest = max((len(found) for found in _FENCES.findall(shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if shown[:1] in ("`", " ", "") or shown[-1:] in ("`", " ") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _plain(text: str) -> str:
    r"""Return a text with nothing in it that Markdown would take for markup.

    >>> _plain("<b>*x*")
    '\\<b\\>\\*x\\*'
    """
    return _MARKUP.sub(r"\\\1", visible(text))
