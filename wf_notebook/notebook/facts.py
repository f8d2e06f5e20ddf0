"""What completion may know about this session without opening or importing anything."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from wf_notebook.api import World

_RECENT: Final = 50


class SessionFacts:
    """Answers from what is loaded already (a `completion.Facts`).

    Args:
        names: the user's namespace.
    """

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names

    def step_names(self) -> list[str]:
        """Names of the registered steps."""
        steps = sys.modules.get("wf_notebook.definition.steps")
        return [] if steps is None else sorted(steps.REGISTRY.names())

    def model_names(self) -> list[str]:
        """Names of pydantic models in the user's namespace."""
        pydantic = sys.modules.get("pydantic")
        if pydantic is None:
            return []
        base = pydantic.BaseModel
        return [
            name
            for name, value in self._names.items()
            if isinstance(value, type) and issubclass(value, base) and value is not base
        ]

    def run_ids(self) -> list[str]:
        """Ids of recent runs, newest first."""
        world = _open_world()
        return [] if world is None else [row.run_id for row in world.rows(limit=_RECENT)]

    def tokens(self) -> list[str]:
        """Tokens of open hooks."""
        world = _open_world()
        if world is None:
            return []
        return [hook.token for run in world.unfinished() for hook in run.hooks if hook.open]


def _open_world() -> World | None:
    api: Any = sys.modules.get("wf_notebook.api")
    worlds: list[World] = [] if api is None else api.open_worlds()
    return worlds[-1] if worlds else None
