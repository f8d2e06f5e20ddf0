"""Who answers hooks when nobody sits before the notebook?

`wf run` gives answers by token, title or name of the schema. They are handed over as hooks open. A run
that waits for an answer which will not come is deserted: awaiting it raises `WaitingForHook`, so that
the notebook stops instead of hanging. So it does where another tool runs the notebook, without answers.
"""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook import api, config
from wf_notebook.commands.outcome import OpenHook, Outcome
from wf_notebook.engine.host import Execution
from wf_notebook.errors import UsageError, WorkflowError
from wf_notebook.notebook.bulletin import Bulletin
from wf_notebook.views.text import render_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future

    from wf_notebook.api import World
    from wf_notebook.engine.activity import Activity
    from wf_notebook.run import Run
    from wf_notebook.world.state import Hook

_RESULT_CHARS: Final = 20_000
_KINDS: Final = ("token", "title", "schema")  # what an answer's name may be, in this order


class Attendant:
    """Answers the hooks of this execution's runs: those started since, attached to, or awaited.

    Runs that an earlier execution left in the world, and that nobody here asks for, are left alone.

    Args:
        answers: payloads by token, title or schema; each hook gets them in order.
    """

    def __init__(self, answers: Mapping[str, Sequence[Any]]) -> None:
        self._answers = answers
        self._others: set[str] = set()
        self._mine: dict[str, World] = {}
        self._asked: set[tuple[str, int]] = set()
        self._refused: dict[str, str] = {}
        self.bulletin = Bulletin.opened() if config.progress_wanted() else None
        self.stop = api.on_open(self._opened)

    def _opened(self, world: World) -> None:
        world.settle()
        host = world.host
        self._others |= _unfinished(world)
        host.deserted = partial(self._deserted, world)
        host.execution = Execution(config.execution(), config.continued_run())
        host.runner.watchers.append(partial(self._changed, world))

    def adopt(self, run: Run) -> None:
        """Take a run as one of this execution's."""
        self._others.discard(run.id)

    # --- on the engine's loop ------------------------------------------------------------------

    def _changed(self, world: World, act: Activity) -> None:
        if act.run_id not in self._others:
            self._mine.setdefault(act.run_id, world)
            if self.bulletin is not None:
                self.bulletin.post(act, world.host.loop)
            for hook in act.state.open_hooks:
                self._answer(world, act, hook)

    def _answer(self, world: World, act: Activity, hook: Hook) -> None:
        """Hand over the hook's next payload, once."""
        place = (hook.id, hook.received)
        payloads = self._payloads(hook)
        if place in self._asked or hook.received >= len(payloads):
            return
        self._asked.add(place)
        resume_id = f"answer-{hook.id}-{hook.received}"
        payload = payloads[hook.received]
        found = world.host.resume(hook.token, payload, resume_id, run_id=act.run_id)
        found.add_done_callback(partial(self._answered, world, act, hook))

    def _payloads(self, hook: Hook) -> Sequence[Any]:
        named = self._named(hook)
        return () if named is None else self._answers[named[1]]

    def _named(self, hook: Hook) -> tuple[str, str] | None:
        """By what an answer means the hook, and under which name; None if no answer does."""
        names = zip(_KINDS, (hook.token, hook.title, hook.schema), strict=True)
        return next(
            ((k, name) for k, name in names if name is not None and name in self._answers), None
        )

    def _answered(self, world: World, act: Activity, hook: Hook, found: Future[int]) -> None:
        """Note a refusal, and let those who wait for the run look again."""
        error = found.exception()
        if error is not None:
            self._refused[hook.id] = str(error)
            world.host.post(lambda: world.host.runner.notify(act))

    def _deserted(self, world: World, act: Activity) -> bool:
        """Whether nobody will answer any of a run's open hooks."""
        self._others.discard(act.run_id)
        self._changed(world, act)
        return all(self._unanswered(hook) for hook in act.state.open_hooks)

    def _unanswered(self, hook: Hook) -> bool:
        return hook.id in self._refused or hook.received >= len(self._payloads(hook))

    # --- at the end ----------------------------------------------------------------------------

    async def settle(self) -> None:
        """Wait until each run has ended, is blocked, or waits for a person."""
        for run in self._runs():
            await asyncio.wrap_future(run.settled())

    def outcomes(self) -> list[Outcome]:
        """Say how each run stands, oldest first."""
        return [self._outcome(run) for run in self._runs()]

    def notes(self) -> list[str]:
        """Say which answers nobody has asked for, and which meant hooks in two ways."""
        used: dict[str, int] = {}
        meant: dict[str, dict[str, str]] = {}
        for hook in (hook for run in self._runs() for hook in run.hooks):
            if (named := self._named(hook)) is not None:
                kind, name = named
                used[name] = max(used.get(name, 0), hook.received, hook.id in self._refused)
                meant.setdefault(name, {})[kind] = hook.token
        return [
            *(
                _unused(name, used.get(name), len(found))
                for name, found in self._answers.items()
                if used.get(name, 0) < len(found)
            ),
            *(_ambiguous(name, kinds) for name, kinds in meant.items() if len(kinds) > 1),
        ]

    def _runs(self) -> list[Run]:
        worlds = api.open_worlds()
        for world in worlds:  # one that was just started, or had ended, has not been heard of
            for run_id in (_unfinished(world) - self._others) | world.host.taken_up:
                self._mine.setdefault(run_id, world)
        # a world that a cell has closed was that cell's own affair
        found = [world.get(run_id) for run_id, world in self._mine.items() if world in worlds]
        return sorted(found, key=lambda run: run.state.created_us)

    def _outcome(self, run: Run) -> Outcome:
        completed = run.status == "completed"
        blocked = run.blocked
        hooks = (h for h in run.hooks if h.open and run.status == "suspended")
        return Outcome(
            run_id=run.id,
            name=run.name,
            world=self._mine[run.id].path,
            status=run.status,
            timeline=render_run(run.view(), titles=True),
            blocked=blocked.reason if blocked else "",
            result=repr(run.result())[:_RESULT_CHARS] if completed else "",
            error=_error(run) if run.state.terminal or blocked else "",
            hooks=tuple(
                OpenHook(h.token, h.title or "", h.schema or "", self._refused.get(h.id, ""))
                for h in hooks
            ),
        )


def _unused(name: str, used: int | None, given: int) -> str:
    """Say of an answer's payloads how many were asked for; None: no hook had that name.

    >>> _unused("t", 1, 3)
    "Of 3 answers for 't' 1 was asked for."
    """
    if used is None:
        return f"The answer for {name!r} was not used: no hook has that token, title or schema."
    how = "was" if used == 1 else "were"
    return f"Of {given} answers for {name!r} {used} {how} asked for."


def _ambiguous(name: str, kinds: Mapping[str, str]) -> str:
    told = ", ".join(f"as {kind} of the hook {token}" for kind, token in kinds.items())
    return f"The answer for {name!r} was meant in more than one way: {told}."


def _unfinished(world: World) -> set[str]:
    host = world.host
    return {act.run_id for act in host.wait(host.submit(host.runner.live()))}


def _error(run: Run) -> str:
    try:
        run.result()
    except WorkflowError as error:
        return str(error)
    return ""


_attendants: list[Attendant] = []


def attend() -> Attendant:
    """Answer hooks from now on, in a kernel that nobody sits before; idempotent."""
    if not _attendants:
        _attendants.append(Attendant(_answers()))
    return _attendants[0]


def leave() -> None:
    """Answer no more. Idempotent."""
    while _attendants:
        _attendants.pop().stop()


def _answers() -> Mapping[str, Sequence[Any]]:
    text = config.headless_answers() or "{}"
    try:
        found = json.loads(text)
        return {str(key): list(values) for key, values in cast("dict[str, Any]", found).items()}
    except (ValueError, AttributeError, TypeError):
        msg = "WF_NOTEBOOK_ANSWERS is not a JSON object of lists."
        raise UsageError(msg, hint='Write {"approve": [{"ok": true}]}, or use wf run.') from None


async def settle() -> None:
    """Wait until this execution's runs have come to rest; `wf run` calls it after the last cell."""
    for attendant in _attendants:
        await attendant.settle()


def finish() -> str:
    """Return how this execution's runs ended, as JSON, for `wf run`; then close the worlds."""
    outcomes = [one.to_json() for attendant in _attendants for one in attendant.outcomes()]
    notes = [note for attendant in _attendants for note in attendant.notes()]
    for world in api.open_worlds():
        world.close()
    return json.dumps({"outcomes": outcomes, "notes": notes})
