"""How did a run end for the one who started it: in words, and as an exit code?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.errors import (
    DivergenceError,
    UsageError,
    WaitingForHook,
    WorkflowError,
    WorldError,
    WorldQueryError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

COMPLETED: Final = 0
FAILED: Final = 1
USAGE: Final = 2
SUSPENDED: Final = 3
DIVERGED: Final = 4
WORLD: Final = 5
BULLETIN: Final = "wf_notebook.bulletin"
"""The comm by which a kernel tells `wf run`, while it runs, how its runs stand."""


@dataclass(frozen=True, slots=True)
class OpenHook:
    """A hook that nobody has answered: its token, its title and schema or "", and the last refusal."""

    token: str
    title: str = ""
    schema: str = ""
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run as one execution left it.

    Attributes:
        status: as `Run.status`.
        world: the path of its world.
        blocked: why a blocked run cannot go on: one word, or "".
        timeline: the run as text, for people.
        result: `repr` of a completed run's value, else "".
        error: the message of a failed or blocked run, else "".
        hooks: open hooks that wait for an answer.
    """

    run_id: str
    name: str
    status: str
    timeline: str
    world: str = ""
    blocked: str = ""
    result: str = ""
    error: str = ""
    hooks: tuple[OpenHook, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 completed, 1 failed or unfinished, 3 waits for a person, 4 diverged."""
        if self.status == "completed":
            return COMPLETED
        if self.blocked == "divergence":
            return DIVERGED
        if self.status == "suspended" and self.hooks:
            return SUSPENDED
        return FAILED

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Outcome:
        """Read what `to_json` wrote."""
        hooks = tuple(OpenHook(**hook) for hook in found["hooks"])
        values: dict[str, Any] = {**found, "hooks": hooks}
        return cls(**values)


def gravest(codes: Iterable[int]) -> int:
    """Return the one code that stands for several: world, diverged, failed, suspended, completed.

    >>> gravest([]), gravest([COMPLETED, SUSPENDED]), gravest([SUSPENDED, FAILED])
    (0, 3, 1)
    """
    found = set(codes)
    order = (WORLD, DIVERGED, USAGE, FAILED, SUSPENDED)
    return next((code for code in order if code in found), COMPLETED)


def exit_code_of_error(error: type[WorkflowError]) -> int:
    """Return the code with which a command ends after an error.

    >>> exit_code_of_error(UsageError)
    2
    """
    families = (
        (UsageError, USAGE),
        (WorldQueryError, USAGE),
        (WorldError, WORLD),
        (WaitingForHook, SUSPENDED),
        (DivergenceError, DIVERGED),
    )
    return next((code for family, code in families if issubclass(error, family)), FAILED)
