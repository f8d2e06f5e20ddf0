"""The handle of a run: what people hold, await, ask and resume."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.acting import RunActions, RunLog
from wf_notebook.definition.values import from_tree
from wf_notebook.engine.failures import told, with_steps
from wf_notebook.errors import (
    DivergenceError,
    RunBlockedError,
    RunCancelledError,
    RunFailedError,
    StepNotRegisteredError,
    UsageError,
    WaitingForHook,
)
from wf_notebook.moments import MOMENTS, is_over, only_person, over_or_person, stands
from wf_notebook.streams import RunChunks, RunStream, StreamInfo, listed
from wf_notebook.threads import Pending
from wf_notebook.views.card import card
from wf_notebook.views.model import status_of
from wf_notebook.views.publisher import facts_of, view_of
from wf_notebook.views.text import render_run
from wf_notebook.views.why import why
from wf_notebook.world.state import copy_state

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Mapping
    from concurrent.futures import Future

    from wf_notebook.config import IsolationMode
    from wf_notebook.definition.model import Definition
    from wf_notebook.engine.activity import Activity, Blocked
    from wf_notebook.engine.host import Host
    from wf_notebook.moments import Moment
    from wf_notebook.receipts.shape import Receipt
    from wf_notebook.views.model import RunView
    from wf_notebook.views.plainform import PlainForm
    from wf_notebook.world.events import Event
    from wf_notebook.world.state import Hook, RunState, Step, Wait

__all__ = ["Run"]

_RECHECKED: Final = frozenset(
    {"step", "origin", "isolation", "world"}
)  # blocks that may have been mended


class Run:
    """A run of a workflow in an open world.

    Made by `start()`, `get_run()` and `World.runs()`. Awaiting it gives the result; so does
    `result()`, on a thread that may wait.

    Attributes:
        id: the run's id.
        attached: whether `start()` found this run rather than made it.
    """

    def __init__(self, host: Host, activity: Activity, *, attached: bool = False) -> None:
        self._host = host
        self._activity = activity
        self.id: str = activity.run_id
        self.attached = attached

    def __repr__(self) -> str:
        return f"<Run {self.id} {'' if self.forgotten else f'{self.name} '}{self.status}>"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        if self.forgotten:
            return {"text/plain": repr(self)}
        view = self.view()
        return {"text/plain": render_run(view), "text/html": card(view)}

    @property
    def host(self) -> Host:
        """The engine at work on its world, for those who build on it."""
        return self._host

    @property
    def _act(self) -> Activity:
        """What the engine holds of it; nothing may be known of one that was forgotten."""
        self._host.need_known(self.id)
        return self._activity

    # --- what it is --------------------------------------------------------------------------

    @property
    def state(self) -> RunState:
        """The run, folded from its events: live on the engine's thread, else a copy."""
        if self._host.on_loop:
            return self._act.state
        return self._host.call(lambda: copy_state(self._act.state))

    @property
    def name(self) -> str:
        """The name in the workflow id."""
        return str(self._act.state.created.get("name", ""))

    @property
    def workflow_id(self) -> str:
        """`workflow//dynamic/<hash>//<name>`."""
        return str(self._act.state.created.get("workflow_id", ""))

    @property
    def source_hash(self) -> str:
        """sha256 over source and bindings, hex."""
        return str(self._act.state.created.get("source_hash", ""))

    @property
    def status(self) -> str:
        """pending, running, suspended, blocked, completed, failed, cancelled or forgotten."""
        if self.forgotten:
            return "forgotten"
        blocked = self._act.blocked
        return status_of(self._act.state, blocked.message if blocked else None)

    @property
    def blocked(self) -> Blocked | None:
        """Why it cannot go on until something is mended, or None."""
        return None if self._act.state.terminal else self._act.blocked

    @property
    def forgotten(self) -> bool:
        """Whether it was forgotten since: all but its id and status raise `RunForgottenError`."""
        return self.id in self._host.forgotten

    @property
    def locked(self) -> bool:
        """Whether the key is missing: what is plain is known, the rest raises `WorldKeyError`."""
        return self._act.locked is not None

    @property
    def moving(self) -> bool:
        """Whether something has happened to it that it has not answered yet."""
        return self._act.turning or bool(self._act.inbox)

    @property
    def replayed(self) -> tuple[int, int] | None:
        """(k, n): k of n events have been replayed; None if nothing was."""
        return self._act.replayed

    @property
    def isolation(self) -> IsolationMode:
        """Where its source runs: "strict", "process" or "inline"."""
        return self._act.isolation

    @property
    def steps(self) -> list[Step]:
        """Its calls of steps, in body order."""
        return list(self.state.steps.values())

    @property
    def hooks(self) -> list[Hook]:
        """Its hooks, in body order; `open` says which may be resumed."""
        return list(self.state.hooks.values())

    @property
    def waits(self) -> list[Wait]:
        """Its sleeps and timers, in body order."""
        return list(self.state.waits.values())

    @property
    def definition(self) -> Definition:
        """What it executes, as stored with it."""
        known = self._act.definition
        return known or self._host.wait(self._host.submit(self._host.definition(self._act)))

    @property
    def source(self) -> str:
        """The source that it executes, as stored with it."""
        return self.definition.source

    @property
    def schemas(self) -> Mapping[str, Mapping[str, Any]]:
        """JSON schemas that its hooks may name; empty until the definition was read."""
        known = self._act.definition
        return known.schemas if known is not None else {}

    @property
    def origin(self) -> Mapping[str, Any]:
        """Where its source came from: `notebook`, `label`, `line_offset`."""
        return self._act.state.created.get("origin") or {}

    @property
    def notebook(self) -> str:
        """The notebook that it belongs to, or "": where it was started, or who adopted it."""
        return self._act.state.notebook

    @property
    def execution(self) -> str:
        """The execution of a notebook by `wf run` that has started it, or ""."""
        return str(self._act.state.created.get("execution", ""))

    @property
    def changed(self) -> tuple[str, ...]:
        """Aliases of steps whose code, as defined here, isn't the code that it was started with."""
        return self._host.runner.changed(self._act)

    @property
    def child_ids(self) -> Mapping[str, str]:
        """Id of a step to the id of the run that it has started last, as far as known here."""
        return self._act.children

    @property
    def sealed(self) -> bool:
        """Whether what it holds is encrypted in the world, and the key is here."""
        return self._host.store.sealed

    @property
    def approval(self) -> Mapping[str, Any] | None:
        """Which approved revision it executes, `{"name", "revision"}`, or None if that is unknown."""
        return self._act.state.created.get("approval")

    @property
    def attributes(self) -> Mapping[str, str]:
        """Plain texts that it can be found by."""
        return self._act.state.attributes

    @property
    def parent(self) -> tuple[str, str] | None:
        """(run id, step id) of the step that started it, forgotten or not; or None."""
        found = self._act.state.created.get("parent")
        return (found["run_id"], found["step_id"]) if found else None

    @property
    def root(self) -> str:
        """Id of the run at the top: its own, unless a step started it."""
        return self._act.root_id

    def children(self) -> list[Run]:
        """Return the runs that its steps have started, oldest first, but for forgotten ones."""
        ids = self._host.wait(self._host.store.children(self._act.run_id))
        return [Run(self._host, self._host.wait(self._host.activity(i))) for i in ids]

    def events(self) -> list[Event]:
        """Return its log, opened."""
        events = self._host.wait(self._host.store.read(self.id))
        return list(events)

    def history(self) -> dict[str, Any]:
        """Return its definition and its log as one JSON object, for `testing.replay_history`.

        Source, arguments, results and payloads stand in it as plain text: in the world they are
        sealed. What it printed is not in it.
        """
        from wf_notebook import history

        return history.write(self.id, self.definition, self.events())

    def to_notebook(
        self, path: str | os.PathLike[str], *, payloads: bool = False, force: bool = False
    ) -> Receipt:
        """Write a notebook that tells what ran, and can prove it; see `read_receipt`.

        It holds the source and the log; it may be written while the run goes on.

        Args:
            path: where; an older receipt of this run is replaced.
            payloads: whether arguments, results and payloads stand in it, as plain text.
            force: whether anything else that lies there is replaced, too.

        Raises:
            ReceiptExistsError: something else lies there.
            RunForgottenError, WorldKeyError: what would be told cannot be read.
            OSError: it cannot be written.
        """
        from wf_notebook.receipts.writing import export

        return export(self, path, payloads=payloads, force=force)

    def why(self) -> str:
        """Say in one sentence how it stands, what it waits on and when it moves next."""
        blocked = self.blocked
        said = f"{blocked.message} {blocked.hint}".strip() if blocked else None
        return f"{self.name} {why(self.state, self._host.clock.now_us(), said)}"

    def view(self) -> RunView:
        """Return what a person sees of it now ."""
        return view_of(self, self._host.clock.now_us())

    # --- waiting -------------------------------------------------------------------------------

    def __await__(self) -> Generator[Any, None, Any]:
        return self._outcome().__await__()

    async def _outcome(self) -> Any:
        # each waiter has a future of its own: interrupting one detaches it and nothing else
        while True:
            await asyncio.wrap_future(self.settled())
            if self._has_ended():
                return self._value()

    def settled(self) -> Future[None]:
        """Return a future that is done once nothing more will happen by itself.

        The run has ended, or is blocked. Where no person sits before the notebook: or waits for
        one, or for room on a disk.
        """
        deserted = self._host.deserted
        if deserted is None:
            return self.reached(is_over)
        return self.reached(lambda act: stands(act) or (only_person(act) and deserted(act)))

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the run to end and return its result.

        Args:
            timeout: seconds, or None to wait as long as it takes.

        Raises:
            RunFailedError, RunCancelledError: it ended so.
            WorldKeyError: it ended, but the key of the world is missing.
            RunForgottenError: it was forgotten.
            RunBlockedError: it cannot go on until something is mended. A full disk is waited out:
                the run tries again every other second, and `why()` says so.
            WorldClosedError: its world was closed meanwhile.
            WaitingForHook: on the main thread, without a timeout, and only a person can move it:
                clicks could not arrive while this waits.
            TimeoutError: it took longer.
        """
        self._may_wait()
        alone = timeout is None and threading.current_thread() is threading.main_thread()
        attended = self._host.deserted is None
        watched = alone and attended
        while True:
            self._wait(self.reached(over_or_person) if watched else self.settled(), timeout)
            if self._has_ended():
                return self._value()

    def wait_for(self, moment: Moment, timeout: float | None = 5.0) -> Run:
        """Wait until the run is "suspended", has an open "hook" or "sleep", or is "terminal".

        Args:
            moment: what to wait for; any of them is also over when the run has ended.
            timeout: seconds, or None.

        Raises:
            TimeoutError: it did not happen in time; the message says how the run stands.
        """
        self._may_wait()
        self._wait(self.reached(MOMENTS[moment]), timeout)
        return self

    def _may_wait(self) -> None:
        if self._host.on_steps:
            msg = "A step cannot wait for a run on the thread that runs asynchronous steps."
            raise UsageError(msg, hint="Use `await run` there.")

    def _wait(self, future: Future[None], timeout: float | None) -> None:
        try:
            self._host.wait(future, timeout)
        except FutureTimeoutError:
            future.cancel()
            msg = f"Run {self.id} took longer than {timeout:g} s: {self.why()}."
            raise TimeoutError(msg) from None

    def reached(self, predicate: Callable[[Activity], bool]) -> Future[None]:
        """Return a future that is done once a predicate holds, on the engine's thread.

        It fails with a `WorldClosedError` if the world is closed before.
        """
        future: Future[None] = Pending()
        act = self._act
        if self._host.closed and predicate(act):
            future.set_result(None)
            return future
        return self._host.ask(future, self._watch, act, predicate, future)

    def _watch(
        self, act: Activity, predicate: Callable[[Activity], bool], future: Future[None]
    ) -> None:
        def look() -> None:
            if future.done() or predicate(act):
                stop()
                if future.set_running_or_notify_cancel():
                    future.set_result(None)

        def stop() -> None:
            if look in act.subscribers:
                act.subscribers.remove(look)

        self._host.runner.release()
        if act.blocked is not None and act.blocked.reason in _RECHECKED and not act.resting:
            act.subscribers.append(look)
            self._host.nudge(self.id)  # a turn follows, and then a look
            return
        act.subscribers.append(look)
        look()

    def _has_ended(self) -> bool:
        """Raise what it stands still for; False if that was mended just now, and it goes on."""
        state, blocked = self._act.state, self._act.blocked
        if not state.terminal and blocked is not None:
            raise self._blocked_error(blocked)
        if not state.terminal and self.hooks and only_person(self._act):
            raise self._waiting_for_hook()
        return state.terminal

    def _value(self) -> Any:
        state = self._act.state
        if state.terminal and self._act.locked is not None:
            raise self._act.locked
        match state.status:
            case "completed":
                return from_tree(state.result, Any)
            case "failed":
                raise self._failure()
            case _:
                because = f": {state.reason}" if state.reason else ""
                msg = f"Run {self.id} was cancelled{because}."
                raise RunCancelledError(msg, run_id=self.id, reason=state.reason)

    def _failure(self) -> RunFailedError:
        state = self._act.state
        error = state.error or {}
        offset = int(self.origin.get("line_offset") or 0)
        where = f" at line {state.line + offset}" if state.line else ""
        definition = self._act.definition
        return RunFailedError(
            f"Run {self.id} failed{where}: {told(error)}",
            run_id=self.id,
            code=state.code or "USER_ERROR",
            error=with_steps(error, state),
            line=state.line,
            origin=self.origin,
            source=definition.source if definition is not None else "",
        )

    def _blocked_error(self, blocked: Blocked) -> RunBlockedError:
        message, hint = f"Run {self.id} cannot go on. {blocked.message}", blocked.hint
        if blocked.reason == "divergence":
            return DivergenceError(message, run_id=self.id, report=blocked.report, hint=hint)
        if blocked.reason == "step":
            return StepNotRegisteredError(message, run_id=self.id, hint=hint)
        return RunBlockedError(message, run_id=self.id, hint=hint)

    def _waiting_for_hook(self) -> WaitingForHook:
        tokens = [hook.token for hook in self.hooks if hook.open]
        ways = " or ".join(f"run.resume({token!r}, payload)" for token in tokens)
        hint = f"`await` it and use the form, or call {ways}, or `%wf answer {tokens[0]}`."
        if self._host.deserted is not None:
            hint = (
                f"Nobody sits before this notebook: `wf resume {tokens[0]} JSON` answers the hook, "
                "and the notebook, run again, goes on; `wf run NOTEBOOK --answer` does both. If "
                "somebody does, set WF_NOTEBOOK_WAIT=0."
            )
        return WaitingForHook(
            f"Run {self.id} waits for a person: hook {', '.join(tokens)}.",
            run_id=self.id,
            tokens=tokens,
            hint=hint,
        )

    # --- asking --------------------------------------------------------------------------------

    def resume(self, token: str, payload: object = None, resume_id: str | None = None) -> int:
        """Resume a hook of this run; returns the seq of the recorded event, once durable.

        Args:
            token: the hook's token.
            payload: fits the hook's schema: a model, or JSON-like data.
            resume_id: makes it idempotent: the same id is recorded once.

        Raises:
            HookPayloadError: the payload does not fit; nothing was recorded.
            HookNotFoundError: no open hook of this run has the token.
        """
        run_id = self._act.run_id
        return self._host.wait(self._host.resume(token, payload, resume_id, run_id=run_id))

    def form(self, token: str | None = None) -> PlainForm:
        """Return a form for an open hook in plain ipywidgets controls; without token, the only one.

        For dashboards (Voila) and front ends that load no modules: show it, or put it into a layout.

        Raises:
            HookNotFoundError: no open hook of this run has the token.
            UsageError: no token was given and several hooks are open; they are listed.
        """
        from wf_notebook.views.plainform import form_of

        return form_of(self, token)

    def wake(self, wait_id: str | None = None) -> int:
        """End a sleep early, or all of them; returns the seq of the event, 0 if none slept."""
        return self._host.wait(self._host.wake(self._act.run_id, wait_id))

    def cancel(self, reason: str | None = None) -> int:
        """Cancel the run; returns the seq of the event, 0 if it had already ended.

        Steps in flight are asked to stop. No `finally` of the source runs.
        """
        return self._host.wait(self._host.cancel(self._act.run_id, reason))

    def set_attributes(self, attributes: Mapping[str, str | None]) -> int:
        """Label the run; returns the seq of the recorded event, once durable.

        Args:
            attributes: name to text, or to None to take that attribute away.

        Raises:
            UsageError: there would be more than 32, one is longer than 256 characters, or the run
                has ended.
        """
        return self._host.wait(self._host.label(self._act, attributes))

    def adopt(self) -> int:
        """Take it over into this notebook; returns the seq of the event, 0 if it had ended.

        A run of another notebook goes on here only if its steps have the same code here. Once
        adopted it goes on with this notebook's steps.
        """
        return self._host.wait(self._host.adopt(self._act.run_id))

    def rerun(self) -> Run:
        """Start another run of the same stored definition with the same arguments.

        It is linked to this one: `rerun_of` in its `run_created` event.
        """
        return Run(self._host, self._host.wait(self.actions.rerun()))

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back on the engine's thread after each commit and on replay progress.

        Returns:
            a function that stops it.
        """
        subscribers = self._act.subscribers
        self._host.post(partial(subscribers.append, callback))

        def stop() -> None:
            self._host.post(partial(_remove, subscribers, callback))

        return stop

    @property
    def actions(self) -> RunActions:
        """What the buttons of a view do: futures, on any thread."""
        return RunActions(self._host, self._act)

    @property
    def log(self) -> RunLog:
        """Itself as a view reads it: futures, on any thread."""
        return RunLog(self._host, self._act, lambda: facts_of(self))

    @property
    def chunks(self) -> RunChunks:
        """Its streams as a view reads them: futures, on any thread."""
        return RunChunks(self._host, self._act)

    @property
    def streams(self) -> list[StreamInfo]:
        """Its streams, by name: what steps have written, and "stdout" if the source printed."""
        stored = self._host.wait(self._host.store.streams(self.id))
        return listed(stored, self.state)

    def stream(self, name: str = "default", start: int = 0) -> RunStream:
        """Follow a stream of the run, live until it is closed or the run ends; see `RunStream`.

        Args:
            name: the stream; what the source prints is "stdout".
            start: index of the first chunk wanted; a negative one counts from the end of what is
                there at the first look.
        """
        return RunStream(self._host, self._act, reached=self.reached, name=name, start=start)


def _remove(subscribers: list[Callable[[], None]], callback: Callable[[], None]) -> None:
    if callback in subscribers:
        subscribers.remove(callback)
