"""What whoever asked something of a run is told: that it is durable, too late, or not to be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wf_notebook.engine.decide import (
    Adopted,
    AttributesSet,
    CancelAsked,
    Resumed,
    StepEnded,
    StreamEnded,
    WaitEnded,
    hook_ended,
)
from wf_notebook.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from wf_notebook.engine.decide import Decision, Item
    from wf_notebook.errors import WorkflowError
    from wf_notebook.world.events import Event


def grant(reply: Future[int], seq: int) -> None:
    """Tell who asked of the event; nobody, if they have given up waiting."""
    if reply.set_running_or_notify_cancel():
        reply.set_result(seq)


def deny(reply: Future[int], error: Exception) -> None:
    """Tell who asked that it is not to be done; nobody, if they have given up waiting."""
    if reply.set_running_or_notify_cancel():
        reply.set_exception(error)


def answer(decision: Decision, events: Sequence[Event]) -> None:
    """Tell those who asked of the events, which are durable."""
    seqs = {event.event_id: event.seq for event in events}
    for reply, event in decision.replies:
        grant(reply, 0 if event is None else seqs.get(event.event_id, 0))
    if decision.cancel is not None:
        grant(decision.cancel.reply, events[-1].seq)


def refuse(item: Item, error: WorkflowError) -> None:
    """Tell whoever asked for an item of an error, if they still wait."""
    reply = getattr(item, "reply", None)
    if reply is not None and not reply.done():
        deny(reply, error)


def too_late(run_id: str, item: Item) -> None:
    """Tell whoever asked something of a run that it has ended or was set aside."""
    match item:
        case Resumed(reply=reply, token=token):
            deny(reply, hook_ended(token, run_id))
        case AttributesSet(reply=reply) if reply is not None:
            msg = f"Run {run_id} has ended, and its attributes with it."
            hint = "Label a run while it lives, or start another."
            deny(reply, UsageError(msg, hint=hint))
        case CancelAsked(reply=reply) | Adopted(reply=reply):
            grant(reply, 0)
        case WaitEnded(reply=reply) | StreamEnded(reply=reply) if reply is not None:
            grant(reply, 0)
        case _:
            pass


def kept(item: Item) -> Item | None:
    """Return what is left of an item whose turn was not written: what happened, not who asked."""
    match item:
        case StepEnded():
            return item
        case AttributesSet(changes=changes, step=step):
            return AttributesSet(changes, step)
        case WaitEnded(wait=wait, woken=False):
            return WaitEnded(wait)
        case StreamEnded(stream=stream):
            return StreamEnded(stream)
        case _:
            return None
