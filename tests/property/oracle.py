"""Play a source on the replay core of vercel-workflow's Python engine, one outcome at a time.

As that engine does, each activation replays the whole log cold on its own event loop; what is new
in it is then written to the log. Left out are what a log is kept in, the queues, and the sandbox,
which would exchange this process's `sys.modules`.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sys
import threading
import warnings
from datetime import UTC, datetime, timedelta
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from vercel.workflow._internal import core, errors, runtime
from vercel.workflow._internal import serialization as ser
from vercel.workflow._internal import world as w

from tests.guest_runs import SECOND, START_US

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODULE = "wf_differential_source"
RUN_ID = "wrun_differential"
START = datetime.fromtimestamp(START_US / SECOND, UTC)
PAYLOADS = ser.PayloadEncoder()
OUTCOMES = ("step_completed", "step_failed", "wait_completed", "hook_created", "hook_received")

Asked = tuple[Any, ...]
"""One command: outcomes delivered before it, what is asked, its position, the rest."""


# ------------------------------------------------------------------------- what a source sees


@dataclasses.dataclass
class Answer:
    """A hook's payload, read as our sources read theirs."""

    value: int

    def __getitem__(self, name: str) -> int:
        return getattr(self, name)


class AnswerHook(Answer, core.BaseHook):
    """That engine opens a hook through the class of its payloads."""


class TaskGroup(asyncio.TaskGroup):
    """CPython's, but with an order in which it cancels: that of its tasks."""

    def __init__(self) -> None:
        super().__init__()
        self._tasks = InOrder()


class InOrder(dict[Any, None]):
    """A set that remembers."""

    def add(self, item: Any) -> None:
        self[item] = None

    def discard(self, item: Any) -> None:
        self.pop(item, None)


def started(step: core.Step[..., Any]) -> Callable[..., asyncio.Future[Any]]:
    """Ask for a step at the call, as `steps.x(...)` does; their own `await step()` asks later."""
    return lambda *args, **kwargs: running().run_step(step, *args, **kwargs)


def sleep(seconds: float) -> asyncio.Future[None]:
    return running().run_wait(seconds)


def create_hook(token: str) -> core.HookEvent[AnswerHook]:
    return AnswerHook.wait(token=token)


def ignore(*_: Any) -> None: ...


def running() -> Replay:
    return Replay.current()


# The shapes are those of `tests.guest_runs.start_message`.
async def a(x): ...  # noqa: ANN001, ANN201
async def b(x, y=None): ...  # noqa: ANN001, ANN201
async def c(): ...  # noqa: ANN201


# ------------------------------------------------------------------------------- one replay


class Registry(core.Workflows):
    """One source and its steps, outside the sandbox."""

    def __init__(self, source: str) -> None:
        super().__init__(as_vercel_job=False)
        steps = {function.__name__: self.step(function) for function in (a, b, c)}
        self.module = ModuleType(MODULE)
        vars(self.module).update(
            asyncio=SimpleNamespace(**{**vars(asyncio), "TaskGroup": TaskGroup}),
            steps=SimpleNamespace(**{alias: started(step) for alias, step in steps.items()}),
            sleep=sleep,
            create_hook=create_hook,
            StepError=errors.FatalError,
        )
        exec(compile(source, "<workflow>", "exec"), vars(self.module))
        body = vars(self.module)["w"]

        async def whole() -> Any:
            asyncio.get_running_loop().set_exception_handler(ignore)  # what nobody awaits
            replay = Replay._ctx.get()
            try:
                result = await body()
            except BaseException as error:
                replay.at_end("failed", told(error))
                raise
            replay.at_end("completed", result)
            return result

        whole.__module__, whole.__qualname__ = MODULE, "whole"
        self.module.whole = self.workflow(whole)  # type: ignore[attr-defined]

    @contextlib.contextmanager
    def _get_sandbox(self) -> Iterator[Any]:
        sys.modules[MODULE] = self.module  # where the engine looks the workflow up
        try:
            yield SimpleNamespace(enter=contextlib.nullcontext, import_lock=threading.Lock())
        finally:
            del sys.modules[MODULE]


class Replay(runtime.WorkflowOrchestratorContext):
    """One cold replay that notes what the body asks for, and when.

    Attributes:
        noted: `(outcomes delivered, op, correlation id, the rest)`, in the body's order.
        end: how the entry ended, or None.
    """

    def __init__(self, events: list[Any], registry: Registry) -> None:
        super().__init__(
            events,
            run_id=RUN_ID,
            seed=RUN_ID,
            started_at=START_US // 1000,
            registry=registry,
            payload_encoder=PAYLOADS,
        )
        self.noted: list[Asked] = []
        self.end: tuple[str, Any] | None = None
        self._delivered = 0

    def at_end(self, status: str, value: Any) -> None:
        """The entry has ended; the loop may still turn once, and cancels what is left."""
        if not self.suspended:
            self.end = status, value

    def _note(self, op: str, correlation_id: str, *rest: Any) -> bool:
        if not self.suspended and self.end is None:
            self.noted.append((self._delivered, op, correlation_id, *rest))
        return True

    def _replay_next_event(self) -> None:
        self._delivered += self.events[self.replay_index].event_type in OUTCOMES
        super()._replay_next_event()

    def _watch(self, op: str, *rest: Any) -> asyncio.Future[Any]:
        """Note the newest suspension, and its cancellation through a future of their own."""
        asked: Any = next(reversed(self.suspensions.values()))
        self._note(op, asked.correlation_id, *rest)
        asked.future = runtime.CallbackCancelFuture(
            on_cancel=lambda _: self._note(f"{op}_cancel", asked.correlation_id)
        )
        return asked.future

    def run_step(self, step: core.Step[..., Any], *args: Any, **kwargs: Any) -> Any:
        super().run_step(step, *args, **kwargs)
        written = ser.hydrate(next(reversed(self.suspensions.values())).input, what="the input")
        positional, named = ser.step_call_arguments(written, what="the input")
        assert not positional, "these shapes are recorded by name"
        return self._watch("step", step.func.__name__, named)

    def run_wait(self, param: Any) -> Any:
        super().run_wait(param)
        if isinstance(param, datetime):
            param -= self.now()
        seconds = param.total_seconds() if isinstance(param, timedelta) else param
        return self._watch("wait", round(seconds * SECOND))

    def create_hook(self, token: str | None, hook_cls: type, *, metadata: Any = None) -> Any:
        event = super().create_hook(token, hook_cls, metadata=metadata)
        self._note("hook", next(reversed(self.hooks)), token)
        return event

    def dispose_hook(self, *, correlation_id: str) -> None:
        if not self.hooks[correlation_id].disposed:  # else its own event is replayed
            self._note("hook_dispose", correlation_id)
        super().dispose_hook(correlation_id=correlation_id)

    def unwritten(self) -> Iterator[Any]:
        """What the engine writes to the log when this replay has come to rest."""
        for asked in self.suspensions.values():
            if asked.has_created_event:
                continue
            match asked:
                case runtime.Suspension():
                    data = w.StepCreatedEventData(step_name=asked.step.name, input=asked.input)
                    yield data.into_event(asked.correlation_id)
                case runtime.Wait():
                    data = w.WaitCreatedEventData(resume_at=asked.resume_at)
                    yield data.into_event(asked.correlation_id)
        for hook in self.hooks.values():
            if hook.disposed and not hook.has_dispose_event:
                yield w.HookDisposedEvent(correlation_id=hook.correlation_id)


# ---------------------------------------------------------------------------------- one run


class OraclePlay:
    """One run of a source; the methods are those of `tests.guest_runs.Play`.

    Attributes:
        commands: all that the body asked for so far, by the positions that our guest gives.
        end: None, `("completed", result)` or `("failed", error)`; see `told`.
    """

    def __init__(self, source: str) -> None:
        self.commands: list[Asked] = []
        self.end: tuple[str, Any] | None = None
        self._registry = Registry(source)
        self._noted: list[Asked] = []
        self._ids: list[str] = []
        self._events: list[Any] = []
        self._delivered = 0
        self._append(w.RunStartedEvent())
        self._replay()

    def done(self, n: int, value: Any) -> None:
        data = w.StepCompletedEventData(result=PAYLOADS.encode(value))
        self._deliver(data.into_event(self._ids[n - 1]))

    def fail(self, n: int, message: str) -> None:
        error = PAYLOADS.encode_error(errors.FatalError(message))
        self._deliver(w.StepFailedEventData(error=error).into_event(self._ids[n - 1]))

    def wake(self, n: int) -> None:
        self._deliver(w.WaitCompletedEvent(correlation_id=self._ids[n - 1]))

    def open_hook(self, n: int) -> None:
        token = next(rest[0] for _, op, m, *rest in self.commands if (op, m) == ("hook", n))
        self._deliver(w.HookCreatedEventData(token=token).into_event(self._ids[n - 1]))

    def resume(self, n: int, value: Any) -> None:
        data = w.HookReceivedEventData(payload=PAYLOADS.encode(value))
        self._deliver(data.into_event(self._ids[n - 1]))

    def _deliver(self, event: Any) -> None:
        self._delivered += 1
        self._append(event)
        self._replay()

    def _append(self, event: Any) -> None:
        """Write an event to the log, at the second that `Play` gives it."""
        created_at = START + timedelta(seconds=self._delivered)
        event_id = f"evnt_{len(self._events)}"
        event.server_props = w.ServerProps(run_id=RUN_ID, event_id=event_id, created_at=created_at)
        self._events.append(event)

    def _replay(self) -> None:
        replay = Replay(list(self._events), self._registry)
        with unheard():
            self.end = asyncio.run(_outcome(replay))
        old = len(self._noted)
        assert replay.noted[:old] == self._noted, "their replay did something else than before"
        assert all(at == self._delivered for at, *_ in replay.noted[old:])
        self._number(replay.noted[old:])
        self._noted = replay.noted
        for event in replay.unwritten():
            self._append(event)

    def _number(self, noted: list[Asked]) -> None:
        """Give positions to what one activation asked for."""
        withdrawn = {asked for _, op, asked, *_ in noted if op == "wait_cancel"}
        fleeting = {asked for _, op, asked, *_ in noted if op == "wait"} & withdrawn
        for at, op, asked, *rest in noted:
            if asked in fleeting:
                continue
            if asked not in self._ids:
                self._ids.append(asked)
            self.commands.append((at, op, self._ids.index(asked) + 1, *rest))


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Let a body make coroutines that it never awaits: it may, while it is suspended."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        yield


async def _outcome(replay: Replay) -> tuple[str, Any] | None:
    """Replay; there must be an outer loop, as in the engine."""
    run = SimpleNamespace(
        run_id=RUN_ID,
        workflow_name=f"workflow//{MODULE}//whole",
        input=PAYLOADS.encode(ser.argument_array((), {})),
    )
    try:
        output = replay.run_workflow(run)  # type: ignore[arg-type]
    except Exception as error:  # noqa: BLE001 - the body's own
        end = "failed", told(error)
    else:
        if output is None:
            return replay.end  # None, unless a task that was left open took the end back
        end = "completed", ser.hydrate(output, what="the result")
    assert end == replay.end
    return end


def told(error: BaseException) -> tuple[Any, ...]:
    """An exception as our guest describes it: type, message, parts.

    A failed step's error is a FatalError there and a StepError here, whose text names the type.
    An entry that ends with CancelledError fails there with a RuntimeError.
    """
    if type(error) is errors.FatalError:
        return "StepError", f"FatalError: {error}", ()
    if type(error) is RuntimeError and str(error) == "workflow was cancelled":
        return "CancelledError", "", ()
    parts = tuple(map(told, getattr(error, "exceptions", ())))
    return type(error).__name__, str(error), parts
