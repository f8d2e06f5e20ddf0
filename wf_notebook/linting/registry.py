"""Which steps are registered in a notebook so far, and may there be others?"""

from __future__ import annotations

from dataclasses import dataclass, field

from wf_notebook.linting.meanings import Step

__all__ = ["Registry"]


@dataclass(slots=True)
class Registry:
    """The steps that the notebook's process would know, by name, as far as can be told.

    Attributes:
        steps: those that are registered for certain.
        doubtful: names under which one may be registered, each with the reason for the doubt.
        hidden: why steps of any name may be registered, or "".
    """

    steps: dict[str, Step] = field(default_factory=dict[str, Step])
    doubtful: dict[str, str] = field(default_factory=dict[str, str])
    hidden: str = ""

    def register(self, name: str, step: Step, *, surely: bool = True, why: str = "") -> None:
        """Add a step; one that isn't sure to be registered makes its name doubtful.

        A step of the same id is replaced, whatever it was called.
        """
        for other in [n for n, s in self.steps.items() if s.step_id and s == step and n != name]:
            del self.steps[other]
            if not surely:
                self.doubtful[other] = why
        if surely:
            self.steps[name] = step
            self.doubtful.pop(name, None)
            return
        self.doubtful[name] = why
        if name in self.steps:
            self.steps[name] = Step()

    def hide(self, why: str) -> None:
        """Note that steps of any name may be registered; the first reason is kept."""
        self.hidden = self.hidden or why

    def find(self, name: str) -> Step | str | None:
        """Return the step of a name, else why there may be one, else None."""
        found = self.steps.get(name)
        return found if found is not None else self.doubtful.get(name) or self.hidden or None
