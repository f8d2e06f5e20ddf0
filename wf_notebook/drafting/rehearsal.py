"""What a source does with made-up results: does it end, by which steps, sleeps and hooks?

It runs as any run does, in the confined guest, but in a world in memory, on a clock that is moved
on by hand, and with stubs in place of all steps: nothing real is called. Since a model wrote the
source and nobody has read it yet, it is only run where the confinement holds.
"""

from __future__ import annotations

import ast
import contextlib
from collections import Counter
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, Literal

from wf_notebook.config import Limits
from wf_notebook.definition.model import Diagnostic
from wf_notebook.definition.steps import StepRegistry
from wf_notebook.drafting.arguments import arguments_for, keys_read
from wf_notebook.drafting.entries import entry_of
from wf_notebook.drafting.fences import shown
from wf_notebook.drafting.samples import sample
from wf_notebook.engine.failures import told
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
from wf_notebook.views.words import duration
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wf_notebook.definition.given import Schemas
    from wf_notebook.definition.model import Definition
    from wf_notebook.definition.steps import Step
    from wf_notebook.engine.activity import Activity
    from wf_notebook.run import Run
    from wf_notebook.world.state import Hook, RunState

__all__ = ["Act", "Rehearsal", "rehearse"]

LIMITS: Final = Limits(
    activation_seconds=3.0,
    activation_cpu_seconds=3,
    memory_mb=512,
    commands_per_activation=1_000,
    message_bytes=8 << 20,
    events_per_run=2_000,
    live_guests=1,
)
_SECONDS: Final = 20.0  # of real time, for all of it
_ANSWERS: Final = 3  # to one hook; who asks further would ask for ever
_MOST_SHOWN: Final = 40
_BEYOND: Final = ("BUDGET_EXCEEDED", "MAX_EVENTS_EXCEEDED")
_DELIBERATE: Final = (ast.Raise, ast.Assert)
_CALLED_AS: Final = "; it is called as "  # of a call that doesn't fit the step's parameters

Status = Literal["completed", "failed", "endless", "waits", "skipped"]


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that the source asked for.

    Attributes:
        kind: "step", "sleep" or "hook".
        label: the step's alias, how long it slept, or the hook's title or schema.
        line: of the source, from 1, or None.
    """

    kind: Literal["step", "sleep", "hook"]
    label: str
    line: int | None

    def __str__(self) -> str:
        where = "" if self.line is None else f" (line {self.line})"
        return f"{self.kind} {self.label}{where}"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of a rehearsal.

    Attributes:
        status: "completed"; "failed"; "endless" (it had not ended when its time was up); "waits"
            (for payloads beyond those that it was given); "skipped".
        said: the same as a sentence, and why.
        acts: what it asked for, in order, by the one path that the made-up values took.
        seconds: how long it took by the clock of the run.
        problem: what looks like a mistake of the source, or None.
    """

    status: Status
    said: str
    acts: tuple[Act, ...] = ()
    seconds: float = 0.0
    problem: Diagnostic | None = None

    @property
    def lines(self) -> list[str]:
        """What it asked for, a line each; the same thing many times is one line."""
        runs = [(act, len(list(again))) for act, again in groupby(self.acts)]
        if len(runs) > _MOST_SHOWN:  # going round: each thing once, as it first came
            runs = list(Counter(self.acts).items())
        shown = [f"{act} ×{n}" if n > 1 else str(act) for act, n in runs]
        more = len(shown) - _MOST_SHOWN
        return shown[:_MOST_SHOWN] + ([f"… and {more} more"] if more > 0 else [])

    def to_record(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        problem = self.problem
        return {
            "status": self.status,
            "said": self.said,
            "seconds": self.seconds,
            "acts": [[act.kind, act.label, act.line] for act in self.acts],
            "problem": None if problem is None else [problem.line, problem.code, problem.message],
        }


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
        return _skipped(f"the steps {', '.join(missing)} are not registered here")
    stage: _Stage | None = None
    try:
        stage = _Stage(definition, steps, limits)
        return stage.play(schemas, seconds)
    except IsolationUnavailable:
        return _skipped("strict isolation does not hold on this machine, and nobody has read it")
    except ArgumentsError as error:
        return _skipped(f"it could not be called: {error.message.rstrip('.')}")
    except WorkflowError as error:
        return _skipped(f"it could not be run: {error.message.rstrip('.')}")
    finally:
        if stage is not None:
            stage.close()


def _skipped(why: str) -> Rehearsal:
    return Rehearsal("skipped", f"It was not rehearsed: {why}.")


class _Stage:
    """A world in memory with stubs for one definition."""

    def __init__(self, definition: Definition, steps: Mapping[str, Step], limits: Limits) -> None:
        self._definition = definition
        self._keys = keys_read(definition.source)
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
        found = sample(self._entries[alias].returns, keys=self._keys)
        if found.vague:
            self._guessed.add(alias)
        try:
            step.encode(found.value)
        except PayloadError:
            self._guessed.add(alias)
            return FatalError("There is no example of what this step returns.")
        return found.value

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
        return self._told(run.state, took, stands=ended)

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

    # ---------------------------------------------------------------------------- telling

    def _told(self, state: RunState, seconds: float, *, stands: bool) -> Rehearsal:
        acts = _acts(state)
        status, said = self._outcome(state, stands=stands)
        if status == "completed" and seconds:
            said += f" It takes {duration(round(seconds * 1_000_000))} with steps that take none."
        return Rehearsal(status, said, acts, seconds, self._problem(state, status))

    def _outcome(self, state: RunState, *, stands: bool) -> tuple[Status, str]:
        asked = len(_acts(state))
        if state.status == "completed":
            return "completed", f"It ended after {_counted(asked)}."
        if not stands or state.code in _BEYOND:
            return "endless", f"It had not ended after {_counted(asked)}."
        if state.status == "failed":
            return "failed", self._failed(state)
        waits = ", ".join(_hook_label(hook) for hook in state.open_hooks)
        return "waits", f"It waits for more than it was given: {waits or 'something'}."

    def _failed(self, state: RunState) -> str:
        where = f" at line {state.line}" if state.line else ""
        said = f"It failed{where}: {_raised(state)}."
        if self._guesses(state):
            said += " What it was given was a guess, so this may be no mistake."
        return said

    def _guesses(self, state: RunState) -> bool:
        called = {step.alias for step in state.steps.values()}
        return self._vague or bool(called & self._guessed)

    def _problem(self, state: RunState, status: Status) -> Diagnostic | None:
        """Return what a model should mend: not what only the made-up values have caused."""
        source = self._definition.source
        if status == "endless" and _has_open_loop(source):
            line = _loop_line(source, state.line)
            message = "With the same results each time it did not end."
            hint = (
                "Bound the loop by a count or by asyncio.timeout; if it shall go on for ever, "
                "answer with the same source again."
            )
            return _at(source, line, message, hint)
        if status == "failed" and not _is_deliberate(source, state):
            message = f"In a rehearsal this raised {_raised(state)}."
            binding = _CALLED_AS in message
            if binding or not self._guesses(state):
                return _at(source, state.line or 1, message, "")
        return None


def _at_rest(seen: int) -> Callable[[Activity], bool]:
    def reached(act: Activity) -> bool:
        state = act.state
        if state.terminal or act.blocked is not None:
            return True
        idle = not act.turning and not act.inbox and not state.open_steps
        return idle and state.status == "running" and state.seq > seen

    return reached


def _acts(state: RunState) -> tuple[Act, ...]:
    found = [(s.n, Act("step", s.alias, s.line)) for s in state.steps.values()]
    found += [(h.n, Act("hook", _hook_label(h), h.line)) for h in state.hooks.values()]
    found += [
        (w.n, Act("sleep", duration(w.due_us - w.created_us), w.line))
        for w in state.waits.values()
        if w.kind == "sleep"
    ]
    return tuple(act for _, act in sorted(found, key=lambda pair: pair[0]))


def _hook_label(hook: Hook) -> str:
    return shown(hook.title or hook.schema or "for any payload").replace("\n", " ")


def _raised(state: RunState) -> str:
    """Return what a run failed with, in one line in which nothing hides."""
    return " ".join(shown(told(state.error or {})).split())


def _counted(asked: int) -> str:
    return "1 step, sleep or hook" if asked == 1 else f"{asked} steps, sleeps and hooks"


# ------------------------------------------------------------------------- judging the source


def _at(source: str, line: int, message: str, hint: str) -> Diagnostic:
    text = source.split("\n")[line - 1] if 0 < line <= source.count("\n") + 1 else ""
    column = len(text) - len(text.lstrip()) + 1
    return Diagnostic(line, column, line, len(text) + 1, "WF605", message, hint)


def _is_deliberate(source: str, state: RunState) -> bool:
    """Whether the source itself raised what the run failed with, or a step did."""
    error = state.error or {}
    if error.get("type") in ("FatalError", "StepError") or "alias" in error:
        return True
    frames: Sequence[Sequence[Any]] = error.get("frames") or ()
    line = frames[-1][0] if frames else state.line
    return any(
        isinstance(node, _DELIBERATE) and node.lineno <= (line or 0) <= (node.end_lineno or 0)
        for node in ast.walk(parse_source(source))
    )


def _has_open_loop(source: str) -> bool:
    return any(isinstance(node, ast.While) for node in ast.walk(parse_source(source)))


def _loop_line(source: str, stopped: int | None) -> int:
    """Return where the innermost `while` around a line begins, else the first one."""
    loops = [node for node in ast.walk(parse_source(source)) if isinstance(node, ast.While)]
    around = [n for n in loops if n.lineno <= (stopped or 0) <= (n.end_lineno or 0)]
    return max(n.lineno for n in around) if around else min(n.lineno for n in loops)
