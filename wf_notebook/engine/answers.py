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
    not_open,
)
from wf_notebook.errors import UsageError, WorldClosedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from wf_notebook.engine.decide import Decision, Item
    from wf_notebook.errors import WorkflowError
    from wf_notebook.world.events import Event
    from wf_notebook.world.state import RunState


def answer(state: RunState, decision: Decision, events: Sequence[Event]) -> None:
    """Tell those who asked of the events, which are durable, and in the state."""
    seqs = {event.event_id: event.seq for event in events}
    for reply, event in decision.replies:
        seq = 0 if event is None else seqs.get(event.event_id, 0)
        if event is not None and event.type == "hook_received" and not seq:
            # several came at once, and on one before it the body disposed of the hook
            tell(reply, not_open(state, state.hooks[str(event.correlation_id)].token))
        else:
            tell(reply, seq)
    if decision.cancel is not None:
        tell(decision.cancel.reply, events[-1].seq)


def tell(reply: Future[int], said: int | Exception) -> None:
    """Answer whoever asked, if they still wait: who was interrupted has given up."""
    if reply.done() or not reply.set_running_or_notify_cancel():
        return
    if isinstance(said, int):
        reply.set_result(said)
    else:
        reply.set_exception(said)


def refuse(item: Item, error: WorkflowError) -> None:
    """Tell whoever asked for an item of an error."""
    reply: Future[int] | None = getattr(item, "reply", None)
    if reply is not None:
        tell(reply, error)


def too_late(run_id: str, item: Item) -> None:
    """Tell whoever asked something of a run that it has ended."""
    match item:
        case Resumed(reply=reply, token=token):
            tell(reply, hook_ended(token, run_id))
        case AttributesSet(reply=reply) if reply is not None:
            msg = f"Run {run_id} has ended, and its attributes with it."
            hint = "Label a run while it lives, or start another."
            tell(reply, UsageError(msg, hint=hint))
        case CancelAsked(reply=reply) | Adopted(reply=reply):
            tell(reply, 0)
        case WaitEnded(reply=reply) | StreamEnded(reply=reply) if reply is not None:
            tell(reply, 0)
        case _:
            pass


def closed() -> WorldClosedError:
    """Return what those hear who still wait when the world is closed."""
    return WorldClosedError(
        "The world was closed.", hint="The run goes on when it is opened again."
    )


def forked() -> WorldClosedError:
    """Return what those hear who use a world in a child made by fork."""
    msg = "The world belongs to the process that this one was forked from."
    return WorldClosedError(msg, hint="Use it there, or start processes with the method 'spawn'.")


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
