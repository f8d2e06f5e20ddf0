"""An open world at work: the engine on its thread, and how other threads talk to it."""

from __future__ import annotations

import asyncio
import contextlib
import platform
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from wf_notebook.definition.schemas import validate_payload
from wf_notebook.engine.activity import define
from wf_notebook.engine.answers import closed, forked
from wf_notebook.engine.decide import (
    Adopted,
    AttributesSet,
    CancelAsked,
    Nudge,
    Resumed,
    hook_disposed,
    hook_ended,
)
from wf_notebook.engine.guests import Guests
from wf_notebook.engine.loops import LoopThread
from wf_notebook.engine.promises import Promises
from wf_notebook.engine.runner import Runner
from wf_notebook.errors import (
    HookNotFoundError,
    RunForgottenError,
    UsageError,
    WorldError,
)
from wf_notebook.threads import Pending

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
    from concurrent.futures import Future

    from wf_notebook.clock import Clock
    from wf_notebook.config import ApprovalPolicy, IsolationMode, Limits
    from wf_notebook.definition.model import Definition
    from wf_notebook.definition.steps import StepRegistry
    from wf_notebook.engine.activity import Activity
    from wf_notebook.engine.decide import Item
    from wf_notebook.engine.face import Engine
    from wf_notebook.guest.values import Tree
    from wf_notebook.ids import Ids
    from wf_notebook.world.state import RunState
    from wf_notebook.world.store import EventStore

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a source came from.

    Attributes:
        notebook: the notebook's or script's name, or "".
        label: what tracebacks call it, such as "Cell In[2]".
        line_offset: what to add to a line of the source to get the line a person sees.
    """

    notebook: str = ""
    label: str = ""
    line_offset: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {"notebook": self.notebook, "label": self.label, "line_offset": self.line_offset}


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of a notebook by `wf run`, which the runs that it starts are marked with.

    Attributes:
        id: its id; "" outside `wf run`.
        continues: a run of the execution that is continued under the same id; "" for a new one.
    """

    id: str = ""
    continues: str = ""


@dataclass(frozen=True, slots=True)
class Launch:
    """A run to be created.

    Attributes:
        run_id: its id.
        definition: what it executes.
        args, kwargs: trees.
        isolation: where its guest runs.
        extra: further plain metadata (`key`, `attributes`, `rerun_of`, …).
        models: pydantic models by schema name, for validating payloads in this process.
    """

    run_id: str
    definition: Definition
    args: Sequence[Tree]
    kwargs: Mapping[str, Tree]
    isolation: IsolationMode
    origin: Origin = field(default_factory=Origin)
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    models: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def meta(self) -> dict[str, Any]:
        """Return the plain part of `run_created`."""
        d = self.definition
        return {
            "workflow_id": d.workflow_id,
            "name": d.name,
            "entry": d.entry,
            "source_hash": d.source_hash,
            "steps": {b.alias: b.step_id for b in d.steps},
            "language": d.language,
            "python": platform.python_version(),
            "isolation": self.isolation,
            "origin": self.origin.to_json(),
            **self.extra,
        }

    def data(self, seed: bytes) -> dict[str, Tree]:
        """Return the sealed part of `run_created`."""
        digests: dict[str, Tree] = {b.alias: b.digest for b in self.definition.steps}
        return {
            "args": list(self.args),
            "kwargs": dict(self.kwargs),
            "seed": seed.hex(),
            "digests": digests,
        }


class Host:
    """Runs the engine of one world on the thread `wf-loop`.

    Methods may be called from any thread; those that return a future don't wait.

    Args:
        store: the world; closed with the host.
        isolation: for runs that don't say; None for the best that this machine has.
        paused: whether attempts are held back until `release`.
        notebook: the one that this process serves, or "".
        thread: where the engine lives; None for one of its own.
        engine: what moves the runs; None for a runner here.

    Attributes:
        store: the world, here or in the process that owns it.
        runner: what moves the runs.
        deserted: set where no person sits before the notebook: says of a run that waits only for
            people whether nobody will come. On the engine's thread.
        execution: which execution of the notebook this is, where `wf run` runs it.
        taken_up: ids of the runs that this execution has found instead of starting them.
        forgotten: ids of runs that were forgotten here, for those who have a handle.
        isolation: what was chosen for runs that don't say; None for the best there is.
        approval: which sources must be approved before a run of them is created: "off", "drafts"
            (those that a model wrote), or "all".
        on_forget: called with the ids of runs when they have been forgotten, on the engine's thread.
    """

    def __init__(  # noqa: PLR0913 - everything it acts on comes in through the door
        self,
        store: EventStore,
        *,
        steps: StepRegistry,
        clock: Clock,
        ids: Ids,
        limits: Limits,
        isolation: IsolationMode | None = None,
        paused: bool = False,
        notebook: str = "",
        thread: LoopThread | None = None,
        engine: Engine | None = None,
    ) -> None:
        self.store = store
        self.notebook = notebook
        self.clock = clock
        self.ids = ids
        self.limits = limits
        self.deserted: Callable[[Activity], bool] | None = None
        self.execution = Execution()
        self.taken_up: set[str] = set()
        self.approval: ApprovalPolicy = "off"
        self.isolation = isolation
        self._guests = Guests(isolation, limits)
        self._thread = thread or LoopThread("wf-loop")
        self._closed = False
        self._why_closed = closed
        self._closing = threading.Lock()
        self._ended: Future[None] | None = None
        self._left = False  # to the process that this one was forked from
        self._promises = Promises()
        self._opened: Future[None] | None = None
        self.forgotten: set[str] = set()
        self.on_forget: list[Callable[[Sequence[str]], None]] = []
        try:
            self.runner: Engine = (
                engine or self._thread.submit(self._make(store, steps, paused=paused)).result()
            )
        except BaseException:
            self._thread.close()
            raise

    async def _make(self, store: EventStore, steps: StepRegistry, *, paused: bool) -> Runner:
        runner = Runner(
            store=store,
            steps=steps,
            guests=self._guests,
            clock=self.clock,
            ids=self.ids,
            limits=self.limits,
            notebook=self.notebook,
        )
        if paused:
            runner.pause()
        return runner

    async def take(
        self, store: EventStore, held: Iterable[Activity], *, paused: bool, moves: bool = True
    ) -> None:
        """Move the runs here from now on; on the engine's loop.

        Until it returns, what is asked goes to whoever has moved them before.

        Args:
            store: the world; closed with the host, unless this raises.
            held: what people hold of its runs; they go on in these objects.
            paused: whether attempts are held back until `release`.
            moves: whether anything may move; not where the world is only read.

        Raises:
            WorldError: it could not be read.
        """
        before = self.runner
        runner = await self._make(store, before.steps, paused=paused)
        runner.watchers = before.watchers
        try:
            if moves:
                await runner.open({act.run_id: act for act in held})
        except BaseException:
            await runner.close()
            raise
        self.store, self.runner = store, runner

    # --- threads ---------------------------------------------------------------------------

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The engine's loop."""
        return self._thread.loop

    @property
    def on_loop(self) -> bool:
        """Whether the caller is on the engine's thread, where nothing may wait."""
        return threading.get_ident() == self._thread.ident

    @property
    def on_steps(self) -> bool:
        """Whether the caller is on the thread of asynchronous steps, which must not block."""
        return threading.get_ident() == self.runner.steps_thread

    @property
    def closed(self) -> bool:
        """Whether the world was closed, or is being closed."""
        return self._closed

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the engine's loop.

        Raises:
            WorldClosedError: the world was closed.
        """
        if self._closed:
            coroutine.close()
            raise self._why_closed()
        return self._promises.follow(self._thread.submit(coroutine))

    def ask(self, reply: Future[T], callback: Callable[..., object], *args: object) -> Future[T]:
        """Call on the engine's loop, with a future that this will resolve, or closing the world.

        Raises:
            WorldClosedError: the world was closed.
        """
        self._promises.give(reply)
        self.post(partial(callback, *args))
        return reply

    def call(self, function: Callable[[], T]) -> T:
        """Call on the engine's loop and wait for what it returns."""
        if self.on_loop:
            return function()

        async def call() -> T:
            return function()

        return self.submit(call()).result()

    def post(self, callback: Callable[[], object]) -> None:
        """Call on the engine's loop, soon; not at all if the world was closed."""
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(callback)

    def wait(self, future: Future[T], timeout: float | None = None) -> T:
        """Wait for a future of the engine's, where waiting is possible.

        Raises:
            UsageError: the caller is on a thread that the future depends on.
        """
        if self.on_loop:
            msg = "This call waits for the engine, on the engine's own thread."
            raise UsageError(msg, hint="Use the future or `await` it instead.")
        return future.result(timeout)

    # --- what may be asked -------------------------------------------------------------------

    def mode(self, isolation: IsolationMode | None) -> IsolationMode:
        """Return where a run would be put.

        Raises:
            IsolationUnavailable: it cannot be had on this machine.
        """
        return self.wait(self.submit(self.runner.mode(isolation)))

    def open(self) -> Future[None]:
        """Find the unfinished runs and move on those that can move."""
        self._opened = self.submit(self.runner.open())
        return self._opened

    async def ready(self) -> None:
        """Return once the unfinished runs found at opening are known; on the engine's loop."""
        if self._opened is not None:
            await asyncio.shield(asyncio.wrap_future(self._opened))

    def settle(self) -> None:
        """Wait until the unfinished runs found at opening are known."""
        if self._opened is not None:
            self.wait(self._opened)

    def start(self, launch: Launch) -> Future[Activity]:
        """Create a run; the future is done once that is durable."""
        return self.submit(self._start(launch))

    async def _start(self, launch: Launch) -> Activity:
        act = await self.runner.create(
            launch.run_id,
            launch.definition,
            meta=launch.meta(),
            data=launch.data(self.ids.seed()),
        )
        act.models = launch.models
        self._tell_parent(launch)
        return act

    def _tell_parent(self, launch: Launch) -> None:
        parent: Any = launch.extra.get("parent") or {}
        act = self.runner.activity(str(parent.get("run_id")))
        if act is not None:
            act.children[parent["step_id"]] = launch.run_id
            self.runner.notify(act)

    def activity(self, run_id: str) -> Future[Activity]:
        """Return a run: the live one, or one read back from the log.

        The future fails with `RunNotFoundError`.
        """
        return self.submit(self._activity(run_id))

    def activities(self, run_ids: Sequence[str]) -> Future[list[Activity]]:
        """Return runs, each as `activity` does; what can be read in one go is."""
        return self.submit(self._activities(run_ids))

    async def _activities(self, run_ids: Sequence[str]) -> list[Activity]:
        await define(self.store, [act for i in run_ids if (act := self.runner.activity(i))])
        return [await self._activity(run_id) for run_id in run_ids]

    async def _activity(self, run_id: str) -> Activity:
        act = await self.runner.find(run_id)
        if act.definition is None:
            # forms want its schemas, tracebacks its source; a bad one is the run's own trouble
            with contextlib.suppress(WorldError, ValueError, KeyError, TypeError):
                await self.definition(act)
        return act

    def resume(
        self, token: str, payload: object, resume_id: str | None, *, run_id: str | None = None
    ) -> Future[int]:
        """Validate a payload and hand it to the open hook with that token.

        With `run_id`, only to a hook of that run. The future gives the seq of the recorded event. It fails with `HookNotFoundError`,
        `HookPayloadError` or a `WorldError`.
        """
        return self.submit(self._resume(token, payload, resume_id, only=run_id))

    async def _resume(
        self, token: str, payload: object, resume_id: str | None, *, only: str | None
    ) -> int:
        # first of all: the token may be another hook's by now, which the payload isn't meant for
        before = await self._sent_before(token, resume_id, only=only)
        if before is not None:
            return before
        try:
            return await self._hand_over(token, payload, resume_id, only=only)
        except HookNotFoundError:
            # sent twice at once: the other one was first, and the hook or the run has ended since
            before = await self._sent_before(token, resume_id, only=only)
            if before is None:
                raise
            return before

    async def _hand_over(
        self, token: str, payload: object, resume_id: str | None, *, only: str | None
    ) -> int:
        owner = await asyncio.wrap_future(self.store.token_owner(token))
        if owner is None:
            raise await self._no_hook(token)
        if only not in (None, owner[0]):
            raise _elsewhere(token, owner[0])
        run_id, hook_id = owner
        act = await self._activity(run_id)
        hook = act.state.hooks.get(hook_id)
        if hook is None:  # its log could not be read when the world was opened
            await asyncio.wrap_future(self.store.read(run_id))  # raises what stands in the way
            raise WorldError(f"Run {run_id} could not be read.", hint="Open the world again.")
        schema = hook.schema or ""
        schemas = (await self.definition(act)).schemas
        # a model's validators are the user's code: never on our loop
        tree = await asyncio.to_thread(
            validate_payload, act.models.get(schema), schemas.get(schema), payload
        )
        reply: Future[int] = Pending()
        chosen = resume_id or self.ids.event_id()
        self.runner.post(run_id, Resumed(hook_id, token, tree, chosen, reply))
        seq = await asyncio.wrap_future(reply)
        # 0: it was sent twice at once, and the other one was first
        return seq or await self._sent_before(token, chosen, only=run_id) or 0

    async def definition(self, act: Activity) -> Definition:
        """Return a run's definition, read from the world if need be; on the engine's loop."""
        self.need_known(act.run_id)
        if act.definition is None:
            act.definition = await self.runner.definition(act.run_id)
        return act.definition

    async def _sent_before(
        self, token: str, resume_id: str | None, *, only: str | None
    ) -> int | None:
        """Return the event of a resume whose answer was lost, by any hook that had the token."""
        act = self.runner.activity(only) if only is not None else None
        if resume_id is None or (act is not None and not _took(act.state, token, resume_id)):
            return None
        history = await asyncio.wrap_future(self.store.hook_history(token))
        for hook in history:
            seq: int | None = hook["resumes"].get(resume_id)
            if seq is not None and only in (None, hook["run_id"]):
                return seq
        return None

    async def _no_hook(self, token: str) -> HookNotFoundError:
        history = await asyncio.wrap_future(self.store.hook_history(token))
        live = await self.runner.live()
        open_tokens = sorted(hook.token for act in live for hook in act.state.open_hooks)
        listed = "Open hooks: " + ", ".join(open_tokens) + "." if open_tokens else "None is open."
        if not history:
            msg = f"No hook has the token '{token}'. {listed}"
            return HookNotFoundError(msg, reason="unknown")
        run_id = history[0]["run_id"]
        ended = all(act.run_id != run_id for act in live)
        return (hook_ended if ended else hook_disposed)(token, run_id, listed)

    def wake(self, run_id: str, wait_id: str | None) -> Future[int]:
        """End one wait early, or all sleeps of a run; the future gives 0 if there was none."""
        reply: Future[int] = Pending()
        return self.ask(reply, lambda: self.runner.wake(run_id, wait_id, reply))

    def label(self, act: Activity, changes: Mapping[str, str | None]) -> Future[int]:
        """Change a run's attributes; the future gives the seq of the recorded event.

        Raises:
            UsageError: there would be too many, or one is too long.
            WorldKeyError: the world is locked.
        """
        if act.locked is not None:
            raise act.locked
        reply: Future[int] = Pending()
        item = AttributesSet(dict(changes), reply=reply)
        act.attributes.change(changes, lambda: self._post_item(act.run_id, item, reply))
        return reply

    def _post_item(self, run_id: str, item: Item, reply: Future[int]) -> Future[int]:
        return self.ask(reply, lambda: self.runner.post(run_id, item))

    def adopt(self, run_id: str) -> Future[int]:
        """Take a run over into this process's notebook; the future gives 0 if it has ended."""
        reply: Future[int] = Pending()
        return self._post_item(run_id, Adopted(self.notebook, reply), reply)

    def cancel(self, run_id: str, reason: str | None) -> Future[int]:
        """Cancel a run; the future gives 0 if it had ended before."""
        reply: Future[int] = Pending()
        return self._post_item(run_id, CancelAsked(reason, reply), reply)

    def forget(self, run_ids: Sequence[str]) -> Future[None]:
        """Erase runs that have ended; see `EventStore.forget`."""
        return self.submit(self.forgetting(run_ids))

    async def forgetting(self, run_ids: Sequence[str]) -> None:
        """Erase runs that have ended; on the engine's loop."""
        now_us = self.clock.now_us()
        try:
            await asyncio.wrap_future(self.store.forget(run_ids, now_us=now_us))
        except WorldError:  # they may be gone all the same
            self._note_forgotten([run_id for run_id in run_ids if await self._is_gone(run_id)])
            raise
        self._note_forgotten(run_ids)

    def _note_forgotten(self, run_ids: Sequence[str]) -> None:
        self.forgotten.update(run_ids)
        for told in list(self.on_forget):
            told(run_ids)

    async def _is_gone(self, run_id: str) -> bool:
        try:
            await asyncio.wrap_future(self.store.outline(run_id))
        except RunForgottenError:
            return True
        except WorldError:
            return False
        return False

    def need_known(self, run_id: str) -> None:
        """Say of a run that was forgotten that it was.

        Raises:
            RunForgottenError: it was forgotten since the world was opened.
        """
        if run_id in self.forgotten:
            raise RunForgottenError(run_id)

    def release(self) -> None:
        """Let attempts start, if they were held back."""
        self.post(self.runner.release)

    def nudge(self, run_id: str) -> None:
        """Let a run look again at what blocks it."""
        self.post(lambda: self.runner.post(run_id, Nudge()))

    def close(self) -> None:
        """Set all runs aside, stop guests and threads, close the world.

        Idempotent; where it was interrupted, it goes on when it is called again. Whoever still
        waits for an answer gets a `WorldClosedError`.
        """
        if self._left:
            return
        self._closed = True
        with self._closing:
            if self._ended is None:
                self._ended = self._thread.submit(self._close())
        self._ended.result()
        self.runner.end_steps()
        self._thread.close()
        self.store.close()

    def abandon(self) -> None:
        """Leave the world to the process that this one was forked from: no thread is here."""
        if not self._closed:
            self._closed, self._why_closed, self._left = True, forked, True
            self._promises = Promises()  # whoever holds the other's lock is not in this process
            self._promises.end(forked)

    async def _close(self) -> None:
        await self.runner.close()
        await self._guests.close()
        self._promises.end(closed)


def _elsewhere(token: str, run_id: str) -> HookNotFoundError:
    msg = f"The hook '{token}' belongs to another run, {run_id}."
    hint = f"Resume it there: get_run('{run_id}').resume(...), or world.resume(...)."
    return HookNotFoundError(msg, reason="elsewhere", hint=hint)


def _took(state: RunState, token: str, resume_id: str) -> bool:
    """Whether a hook of that token was resumed by that id."""
    hooks = state.hooks.values()
    return any(hook.token == token and resume_id in hook.resume_ids for hook in hooks)
