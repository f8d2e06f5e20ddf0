"""What completion and help may know about this session, without opening or importing anything."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import CancelledError
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.errors import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from wf_notebook.api import World
    from wf_notebook.definition.steps import Step
    from wf_notebook.engine.activity import Activity
    from wf_notebook.engine.host import Host

    Question = Callable[[Host], Coroutine[Any, Any, list[str]]]

_RECENT: Final = 50
_FORGOTTEN: Final = "forgotten"
# Who presses Tab wants to go on typing: an engine that is busy, or an owner in another process that
# doesn't answer, is not waited for.
_PATIENCE_SECONDS: Final = 0.2


class SessionFacts:
    """Answers from what is loaded already (a `completion.Facts`).

    Args:
        names: the user's namespace.
        patience: seconds for which an answer of the engine is waited for.
    """

    def __init__(self, names: dict[str, Any], patience: float = _PATIENCE_SECONDS) -> None:
        self._names = names
        self._patience = patience

    # --- the namespace -----------------------------------------------------------------------

    def step_names(self) -> list[str]:
        """Names by which a source may call steps, if its cell doesn't choose any."""
        steps = _steps()
        if steps is None:
            return []
        named = (name for name, value in self._public() if isinstance(value, steps.Step))
        return sorted({*steps.REGISTRY.names(), *named})

    def step_paths(self) -> list[str]:
        """What `--steps` may list: those names, and steps in modules as `module.name`."""
        steps = _steps()
        if steps is None:
            return []
        inside = (
            f"{name}.{member}"
            for name, module in self._public()
            if isinstance(module, ModuleType)
            for member, value in list(vars(module).items())
            if isinstance(value, steps.Step)
        )
        return [*self.step_names(), *sorted(inside)]

    def find_step(self, text: str) -> Step | None:
        """The step that a name or `module.name` means."""
        if _steps() is None:
            return None
        from wf_notebook.notebook.finding import find_step

        return find_step(self._names, text)

    def model_names(self) -> list[str]:
        """Names of pydantic models in the user's namespace."""
        pydantic = sys.modules.get("pydantic")
        if pydantic is None:
            return []
        base = pydantic.BaseModel
        return [
            name
            for name, value in self._public()
            if isinstance(value, type) and issubclass(value, base) and value is not base
        ]

    def _public(self) -> list[tuple[str, Any]]:
        return [item for item in list(self._names.items()) if not item[0].startswith("_")]

    # --- the world ---------------------------------------------------------------------------

    def run_ids(self, *, ended: bool | None = None) -> list[str]:
        """Ids of recent runs, newest first; only those that have ended, or haven't, if it's said."""

        async def ids(host: Host) -> list[str]:
            if ended is False:
                return [act.run_id for act in _newest(await host.runner.live())]
            rows = await asyncio.wrap_future(host.store.runs(limit=_RECENT))
            there = (row for row in rows if row.status != _FORGOTTEN)
            return [row.run_id for row in there if not ended or row.ended_us is not None]

        return self._ask(ids)

    def tokens(self) -> list[str]:
        """Tokens of open hooks."""

        async def open_tokens(host: Host) -> list[str]:
            live = _newest(await host.runner.live())
            return [hook.token for act in live for hook in act.state.open_hooks]

        return self._ask(open_tokens)

    def streams(self, run_id: str) -> list[str]:
        """Names of a run's streams."""

        async def streams(host: Host) -> list[str]:
            stored = await asyncio.wrap_future(host.store.streams(run_id))
            return sorted(stored)

        return self._ask(streams)

    def sleeps(self, run_id: str) -> list[str]:
        """Ids of the waits of a run that can be ended early."""

        async def sleeps(host: Host) -> list[str]:
            live = (act for act in await host.runner.live() if act.run_id == run_id)
            return [wait.id for act in live for wait in act.state.waits.values() if wait.open]

        return self._ask(sleeps)

    def labels(self) -> list[str]:
        """Attributes of recent runs, as `name=text`."""

        async def labels(host: Host) -> list[str]:
            rows = await asyncio.wrap_future(host.store.runs(limit=_RECENT))
            return sorted(
                {f"{name}={text}" for row in rows for name, text in row.attributes.items()}
            )

        return self._ask(labels)

    def _ask(self, question: Question) -> list[str]:
        """Ask the engine of the open world; nothing if there is none, or it has no answer at once."""
        world = _open_world()
        if world is None or world.host.on_loop:
            return []
        try:
            asked = world.host.submit(question(world.host))
        except WorkflowError:
            return []
        try:
            return asked.result(self._patience)
        except (TimeoutError, CancelledError, WorkflowError):
            asked.cancel()
            return []


def _steps() -> Any:
    """The module of steps, if it was imported: without it there is none."""
    return sys.modules.get("wf_notebook.definition.steps")


def _newest(live: Iterable[Activity]) -> list[Activity]:
    return sorted(live, key=lambda act: act.state.created_us, reverse=True)[:_RECENT]


def _open_world() -> World | None:
    api: Any = sys.modules.get("wf_notebook.api")
    worlds: list[World] = [] if api is None else api.open_worlds()
    return worlds[-1] if worlds else None
