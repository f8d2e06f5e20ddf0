"""When does what somebody waits for hold of a run?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from wf_notebook.views.model import status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wf_notebook.engine.activity import Activity

__all__ = ["MOMENTS", "Moment", "is_over", "only_person", "over_or_person", "stands"]

Moment = Literal["suspended", "hook", "sleep", "terminal"]


def stands(act: Activity) -> bool:
    """Whether the run has ended, or is blocked."""
    return act.state.terminal or act.blocked is not None


def is_over(act: Activity) -> bool:
    """Whether nothing more will happen by itself: the run has ended, or is blocked for good."""
    return act.state.terminal or (act.blocked is not None and not act.blocked.passing)


def only_person(act: Activity) -> bool:
    """Whether nothing can move the run but whoever resumes a hook."""
    state = act.state
    idle = state.status == "running" and not act.turning and not act.inbox
    return idle and bool(state.open_hooks) and not state.open_steps and not state.open_waits


def over_or_person(act: Activity) -> bool:
    """Whether nothing more will happen by itself, or unless a person resumes a hook."""
    return is_over(act) or only_person(act)


def _suspended(act: Activity) -> bool:
    idle = not act.turning and not act.inbox
    return act.state.terminal or (idle and status_of(act.state, None) == "suspended")


def _has_hook(act: Activity) -> bool:
    return act.state.terminal or any(not hook.received for hook in act.state.open_hooks)


def _has_sleep(act: Activity) -> bool:
    return act.state.terminal or any(wait.kind == "sleep" for wait in act.state.open_waits)


def _has_ended(act: Activity) -> bool:
    return act.state.terminal


MOMENTS: Final[Mapping[str, Callable[[Activity], bool]]] = {
    "suspended": _suspended,
    "hook": _has_hook,
    "sleep": _has_sleep,
    "terminal": _has_ended,
}
