"""What host and guest say to each other, and the host's check of what it is told.

The host sends JSON objects, `start` then any number of `deliver`; the guest answers each with one
reply. Nothing in a reply is trusted: shapes are checked here, and what a command asks for is
checked by the engine against the run's own definition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from wf_notebook.errors import GuestProtocolError
from wf_notebook.guest.agreed import MAX_TIME_US, PRINTED_CHARS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wf_notebook.config import IsolationMode

Position = Annotated[int, Field(ge=1, le=10_000_000)]
Count = Annotated[int, Field(ge=0, le=1 << 40)]
Line = Annotated[int, Field(ge=1, le=10_000_000)] | None
Column = Annotated[int, Field(ge=0, le=10_000_000)] | None
JsonTree: TypeAlias = Any


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Command(_Message):
    """`after`: how many delivered events the guest had seen when it asked."""

    n: Position
    after: Count
    line: Line = None


class StepCommand(_Command):
    """`steps.<alias>(...)` was called; `args` are bound by name."""

    op: Literal["step"]
    alias: str
    args: dict[str, JsonTree]


class StepCancelCommand(_Command):
    """The future of an open step was cancelled."""

    op: Literal["step_cancel"]


class HookCommand(_Command):
    """`create_hook(...)` was called; `ack` says that a task already awaits its `conflict()`."""

    op: Literal["hook"]
    token: Annotated[str, Field(min_length=1, max_length=200)]
    schema_name: str | None = Field(default=None, alias="schema")
    title: Annotated[str, Field(max_length=500)] | None = None
    metadata: JsonTree = None
    ack: bool = False


class HookDisposeCommand(_Command):
    """A hook was disposed by the body, or by its own timeout."""

    op: Literal["hook_dispose"]


class WaitCommand(_Command):
    """A sleep began, or asyncio set a timer; `due_us` is absolute."""

    op: Literal["wait"]
    kind: Literal["sleep", "timer"]
    due_us: Annotated[int, Field(ge=0, le=MAX_TIME_US)]


class WaitCancelCommand(_Command):
    """A recorded wait is no longer waited for."""

    op: Literal["wait_cancel"]


Command: TypeAlias = (
    StepCommand
    | StepCancelCommand
    | HookCommand
    | HookDisposeCommand
    | WaitCommand
    | WaitCancelCommand
)


Frame: TypeAlias = tuple[
    Annotated[int, Field(ge=1, le=10_000_000)],
    Column,
    Line,
    Column,
    Annotated[str, Field(max_length=1_000)],
]


class GuestFailure(_Message):
    """An exception as data.

    Attributes:
        frames: innermost last: `[line, column, end_line, end_column, function]` in the source.
        step: for the failure of a step, its position among the run's commands.
    """

    type: Annotated[str, Field(max_length=200)]
    message: Annotated[str, Field(max_length=20_000)]
    frames: Annotated[list[Frame], Field(max_length=100)] = []
    cause: GuestFailure | None = None
    parts: Annotated[list[GuestFailure], Field(max_length=50)] = []
    step: Position | None = None

    @property
    def line(self) -> int | None:
        """The innermost line of the source, or None."""
        return self.frames[-1][0] if self.frames else None


class Reply(_Message):
    """What one activation came to.

    Attributes:
        status: "suspended": the body waits; "completed", "failed": the entry has ended.
        after: events delivered so far, counted from the start.
        ended_after: how many had been delivered when the entry ended, or None.
        commands: in the order in which the body asked.
        result: tree, when completed.
        code: failure code, when failed.
        error: when failed.
        prints: `[index, text]` of lines printed in this activation; indices count from 0 in a run.
    """

    status: Literal["suspended", "completed", "failed"]
    after: Count
    ended_after: Count | None = None
    commands: list[Annotated[Command, Field(discriminator="op")]] = []
    result: JsonTree = None
    code: Literal["USER_ERROR", "BUDGET_EXCEEDED", "PAYLOAD_ERROR", "DIVERGENCE"] | None = None
    error: GuestFailure | None = None
    prints: list[tuple[Count, str]] = []


_REPLY: TypeAdapter[Reply] = TypeAdapter(Reply)


def parse_reply(text: bytes) -> Reply:
    """Read a guest's message.

    Raises:
        GuestProtocolError: it is not a reply.
    """
    try:
        return _REPLY.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        msg = f"The guest sent something that is not a reply ({where}: {first['msg']})."
        raise GuestProtocolError(msg) from None


def bounded(reply: Reply, *, events: int, activations: int, commands: int) -> Reply:
    """Return a reply that asks for no more than it may, and has seen what it was told.

    Args:
        reply: what a guest said.
        events: how many it has been told of since the run began.
        activations: how many of those, and the start, it answers with this reply.
        commands: how many steps, sleeps and hooks one activation may ask for.

    Raises:
        GuestProtocolError: its own machine, left alone, would not have said so.
    """
    printed = sum(len(text) for _, text in reply.prints) + len(reply.prints)
    afters = [command.after for command in reply.commands]
    if reply.after != events or (reply.ended_after or 0) > events:
        raise _impossible(f"it has seen {reply.after} events of {events}")
    if afters != sorted(afters) or any(after > events for after in afters):
        raise _impossible("its commands are not in the order of events")
    if len(afters) > commands * activations:
        raise _impossible(f"it asks for {len(afters)} things at once")
    if printed > PRINTED_CHARS * activations:
        raise _impossible(f"it prints {printed} characters at once")
    if [index for index, _ in reply.prints] != sorted({index for index, _ in reply.prints}):
        raise _impossible("what it prints is not in order")
    return reply


def _impossible(what: str) -> GuestProtocolError:
    return GuestProtocolError(f"The guest said what cannot be: {what}.", hint="It was stopped.")


class Guest(Protocol):
    """One live guest: it holds the coroutines of one run."""

    async def activate(self, message: Mapping[str, Any]) -> Reply:
        """Send a message and await the reply.

        Raises:
            GuestDiedError: it ended.
            GuestBudgetError: it used too much time or memory; it was stopped.
            GuestProtocolError: it sent something else than a reply; it was stopped.
        """
        ...

    async def where(self) -> list[int]:
        """Lines of the source at which the body's tasks are waiting, sorted."""
        ...

    async def close(self) -> None:
        """Discard it; no `finally` in the source runs. Idempotent."""
        ...


class Isolation(Protocol):
    """A place where guests run."""

    @property
    def mode(self) -> IsolationMode:
        """Which promise it makes."""
        ...

    async def prepare(self) -> None:
        """Start now what the first guest needs.

        Raises:
            IsolationUnavailable: none can be had on this machine.
        """
        ...

    async def spawn(self) -> Guest:
        """A fresh guest.

        Raises:
            IsolationUnavailable: none can be had on this machine.
        """
        ...

    async def close(self) -> None:
        """Stop every guest and leave no process or thread behind. Idempotent."""
        ...
