"""Who asked something of a run, and what they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wf_notebook.engine.decide import CancelAsked, Resumed, StepEnded, StreamEnded, WaitEnded
from wf_notebook.errors import HookNotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.engine.decide import Decision, Item
    from wf_notebook.errors import WorkflowError
    from wf_notebook.world.events import Event


def kept(item: Item) -> Item | None:
    """Return what is left of an item whose turn was not written: the outcome, not who asked."""
    match item:
        case StepEnded():
            return item
        case WaitEnded(wait=wait, woken=False):
            return WaitEnded(wait)
        case StreamEnded(stream=stream):
            return StreamEnded(stream)
        case _:
            return None


def answer_callers(decision: Decision, events: Sequence[Event]) -> None:
    """Answer those who asked for something that is durable now."""
    seqs = {event.event_id: event.seq for event in events}
    for reply, event in decision.replies:
        reply.set_result(0 if event is None else seqs.get(event.event_id, 0))
    if decision.cancel is not None:
        decision.cancel.reply.set_result(events[-1].seq)


def refuse(item: Item, error: WorkflowError) -> None:
    """Answer whoever asked for an item, if they still wait."""
    reply = getattr(item, "reply", None)
    if reply is not None and not reply.done():
        reply.set_exception(error)


def too_late(run_id: str, item: Item) -> None:
    """Answer whoever asked something of a run that has ended or was set aside."""
    match item:
        case Resumed(reply=reply, token=token):
            msg = f"The hook '{token}' is no longer open: run {run_id} has ended."
            reply.set_exception(HookNotFoundError(msg))
        case CancelAsked(reply=reply):
            reply.set_result(0)
        case WaitEnded(reply=reply) | StreamEnded(reply=reply) if reply is not None:
            reply.set_result(0)
        case _:
            pass
