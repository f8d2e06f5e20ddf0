"""What host and guest say to each other, and the host's check of what it is told.

The host sends JSON objects, `start` then any number of `deliver`; the guest answers each with one
reply. Nothing in a reply is trusted: shapes are checked here, and what a command asks for is
checked by the engine against the run's own definition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from wf_notebook.errors import GuestProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wf_notebook.config import IsolationMode

Position = Annotated[int, Field(ge=1, le=10_000_000)]
Count = Annotated[int, Field(ge=0)]
Line = Annotated[int, Field(ge=1)] | None
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
    due_us: Annotated[int, Field(ge=0, lt=1 << 62)]


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


class GuestFailure(_Message):
    """An exception as data.

    Attributes:
        frames: innermost last: `[line, column, end_line, end_column, function]` in the source.
        step: for the failure of a step, its position among the run's commands.
    """

    type: str
    message: str
    frames: list[tuple[int, int | None, int | None, int | None, str]] = []
    cause: GuestFailure | None = None
    parts: list[GuestFailure] = []
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
        code: failure code, when failed: "USER_ERROR", "BUDGET_EXCEEDED" or "PAYLOAD_ERROR".
        error: when failed.
        prints: `[index, text]` of lines printed in this activation; indices count from 0 in a run.
    """

    status: Literal["suspended", "completed", "failed"]
    after: Count
    ended_after: Count | None = None
    commands: list[Annotated[Command, Field(discriminator="op")]] = []
    result: JsonTree = None
    code: str | None = None
    error: GuestFailure | None = None
    prints: list[tuple[int, str]] = []


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

    async def spawn(self) -> Guest:
        """A fresh guest.

        Raises:
            IsolationUnavailable: none can be had on this machine.
        """
        ...

    async def close(self) -> None:
        """Stop every guest and leave no process or thread behind. Idempotent."""
        ...
