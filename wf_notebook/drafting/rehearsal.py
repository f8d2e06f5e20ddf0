"""What a source does with made-up results: does it end, by which steps, sleeps and hooks?

It runs as any run does, in the confined guest, but in a world in memory, on a clock that is moved
on by hand, and with stubs in place of all steps: nothing real is called. Since a model wrote the
source and nobody has read it yet, it is only run where the confinement holds.
"""

from __future__ import annotations

import contextlib
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, Final

from wf_notebook.config import Limits
from wf_notebook.definition.steps import StepRegistry
from wf_notebook.drafting.arguments import arguments_for, keys_read
from wf_notebook.drafting.entries import entry_of
from wf_notebook.drafting.samples import sample
from wf_notebook.drafting.verdict import judged, skipped
from wf_notebook.engine.host import Host, Origin
from wf_notebook.errors import (
    ArgumentsError,
    FatalError,
    IsolationUnavailable,
    PayloadError,
    WorkflowError,
)
from wf_notebook.guest.language import parse_source
from wf_notebook.ids import SystemIds
from wf_notebook.launching import Arguments, launched, prepare
from wf_notebook.testing.clock import VirtualClock
from wf_notebook.testing.stubs import stub_steps
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wf_notebook.definition.given import Schemas
    from wf_notebook.definition.model import Definition
    from wf_notebook.definition.steps import Step
    from wf_notebook.drafting.verdict import Rehearsal
    from wf_notebook.engine.activity import Activity
    from wf_notebook.run import Run
    from wf_notebook.world.state import RunState

__all__ = ["rehearse"]

LIMITS: Final = Limits(
    activation_seconds=15.0,
    activation_cpu_seconds=2,
    memory_mb=512,
    commands_per_activation=1_000,
    message_bytes=8 << 20,
    events_per_run=2_000,
    live_guests=1,
)
_SECONDS: Final = 60.0  # of real time, for all of it
_ANSWERS: Final = 3  # to one hook; who asks further would ask for ever
_TEXTS: Final = ("text", "1")  # a Decimal, say, is any text to its schema


def rehearse(
    definition: Definition,
    steps: Mapping[str, Step],
    schemas: Schemas = None,
    *,
    seconds: float = _SECONDS,
    limits: Limits = LIMITS,
) -> Rehearsal:
    """Run a definition with stubs that return examples of what their steps may return.

    Sleeps take no time; hooks are answered with examples of their schemas, before they time out.

    Args:
        definition: what is rehearsed.
        steps: the steps it may call, by alias; none of them is called.
        schemas: models of its hooks, where this process has them.
        seconds: of real time that it may take.
        limits: what the run may use.
    """
    missing = [b.alias for b in definition.steps if b.alias not in steps]
    if missing:
        return skipped(f"the steps {', '.join(missing)} are not registered here")
    stage: _Stage | None = None
    try:
        stage = _Stage(definition, steps, limits)
        return stage.play(schemas, seconds)
    except IsolationUnavailable:
        return skipped("strict isolation does not hold on this machine, and nobody has read it")
    except ArgumentsError as error:
        return skipped(f"it could not be called: {error.message.rstrip('.')}")
    except WorkflowError as error:
        return skipped(f"it could not be run: {error.message.rstrip('.')}")
    finally:
        if stage is not None:
            stage.close()


class _Stage:
    """A world in memory with stubs for one definition."""

    def __init__(self, definition: Definition, steps: Mapping[str, Step], limits: Limits) -> None:
        self._definition = definition
        self._keys = keys_read(parse_source(definition.source))
        used = {b.alias: steps[b.alias] for b in definition.steps}
        self._entries = {alias: entry_of(alias, step) for alias, step in used.items()}
        self._guessed: set[str] = set()
        outcomes = {alias: self._result(alias, step) for alias, step in used.items()}
        stubs = stub_steps(outcomes, like=used)
        self._clock = VirtualClock()
        self._host = Host(
            MemoryStore(),
            steps=StepRegistry(stubs.values()),
            clock=self._clock,
            ids=SystemIds(),
            limits=limits,
            isolation="strict",
        )
        self._answers: dict[str, int] = {}
        self._vague = False  # whether something beside the results was a guess

    def close(self) -> None:
        """Let go of guest and threads."""
        self._host.close()

    def _result(self, alias: str, step: Step) -> object:
        """Return an example of what a step returns, or an error if none can be made."""
        for text in _TEXTS:
            found = sample(self._entries[alias].returns, name=text, keys=self._keys)
            with contextlib.suppress(PayloadError):
                step.encode(found.value)
                if found.vague:
                    self._guessed.add(alias)
                return found.value
        self._guessed.add(alias)
        return FatalError("There is no example of what this step returns.")

    # --------------------------------------------------------------------------- playing

    def play(self, schemas: Schemas, seconds: float) -> Rehearsal:
        """Run it to its end, or as far as it comes."""
        self._host.open()
        run = self._start(schemas)
        began = self._clock.now_us()
        ended = False
        with contextlib.suppress(FutureTimeoutError):
            ended = self._to_the_end(run, seconds)
        took = (self._clock.now_us() - began) / 1_000_000
        if run.blocked is not None:
            return skipped(run.blocked.message.rstrip("."))
        state = run.state
        return judged(
            state,
            self._definition.source,
            seconds=took,
            in_time=ended,
            guessed=self._vague or any(s.alias in self._guessed for s in state.steps.values()),
        )

    def _start(self, schemas: Schemas) -> Run:
        definition = self._definition
        kwargs, guessed = arguments_for(definition.source, definition.entry, self._entries)
        self._vague = guessed
        launch = prepare(
            self._host,
            definition,
            Arguments((), kwargs),
            key=None,
            attributes={},
            isolation=None,
            origin=Origin(),
            schemas=schemas or (),
        )
        return launched(self._host, launch, {}, attach=False)  # nothing that is real

    def _to_the_end(self, run: Run, seconds: float) -> bool:
        """Move it on until it has ended, or nothing can move it; False if its time is up first."""
        clock = self._host.loop.time
        deadline, seen = clock() + seconds, 0
        while True:
            self._host.wait(run.reached(_at_rest(seen)), max(deadline - clock(), 0.0))
            state = run.state
            if state.terminal or run.blocked is not None or not self._moved(run, state):
                return True
            seen = state.seq
            if clock() > deadline:
                return False

    def _moved(self, run: Run, state: RunState) -> bool:
        """Answer the oldest hook that may still be answered, else go on to the next wait's end."""
        for hook in state.open_hooks:
            given = self._answers.get(hook.id, 0)
            if given < _ANSWERS:
                self._answers[hook.id] = given + 1
                return self._answered(run, hook.token, hook.schema)
        if not state.open_waits:
            return False
        self._clock.set(max(self._clock.now_us(), min(w.due_us for w in state.open_waits)))
        return True

    def _answered(self, run: Run, token: str, schema: str | None) -> bool:
        known = self._definition.schemas.get(schema or "", {})
        payload = sample(known, keys=self._keys)
        self._vague = self._vague or payload.vague
        try:
            run.resume(token, payload.value)
        except WorkflowError:  # the model wants more of it than its schema says
            self._vague = True
            return False
        return True


def _at_rest(seen: int) -> Callable[[Activity], bool]:
    def reached(act: Activity) -> bool:
        state = act.state
        if state.terminal or act.blocked is not None:
            return True
        idle = not act.turning and not act.inbox and not state.open_steps
        return idle and state.status == "running" and state.seq > seen

    return reached
