"""Which steps and models may a cell of the notebook name, as far as reading it tells?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wf_notebook.definition.functions import is_alias
from wf_notebook.linting.meanings import Model, Scope, Step, Unread
from wf_notebook.linting.registry import Registry
from wf_notebook.linting.statements import Statements, modules_beside
from wf_notebook.linting.values import Values

if TYPE_CHECKING:
    import ast
    from collections.abc import Mapping

    from wf_notebook.linting.meanings import Meaning

__all__ = ["Known"]

NOTEBOOK: Final = "__main__"  # where a kernel runs its cells


class Known:
    """What the cells of a notebook have defined so far.

    Args:
        folder: the notebook's, where its modules are.
    """

    def __init__(self, folder: str) -> None:
        self._scope = Scope(NOTEBOOK)
        self._registry = Registry()
        modules = modules_beside(folder, self._registry)
        self._values = Values(self._scope, self._registry, modules)
        self._statements = Statements(self._scope, self._registry, modules)

    def read(self, tree: ast.Module) -> None:
        """Read a cell of Python."""
        self._statements.read(tree.body)

    def hide(self, why: str) -> None:
        """Note that a cell may have defined anything."""
        self._statements.hide(why)

    @property
    def hidden(self) -> str:
        """Why there may be steps that nobody has read, or ""."""
        return self._registry.hidden or next(iter(self._registry.doubtful.values()), "")

    def step(self, text: str) -> Step | Unread | None:
        """Return the step that a (dotted) name means to a cell; None if it surely means none."""
        found = self._meaning(text)
        if isinstance(found, Step):
            return found
        registered = self._registry.find(text)
        if isinstance(registered, Step):
            # The name may mean another step in the notebook, which comes first.
            return Step() if isinstance(found, Unread) else registered
        if registered is not None:
            return Unread(registered)
        return found if isinstance(found, Unread) else None

    def model(self, name: str) -> Model | Unread | None:
        """Return the model that a name means to a cell; None if it surely means none."""
        found = self._scope.find(name)
        if isinstance(found, Model):
            return None if found.base else found
        return found if isinstance(found, Unread) else None

    def steps(self) -> Mapping[str, Step]:
        """Return the registered steps that a cell can call by their names."""
        return {name: step for name, step in self._registry.steps.items() if is_alias(name)}

    def _meaning(self, text: str) -> Meaning | None:
        """What a dotted name means; None if its first part has no meaning here."""
        first, *rest = text.split(".")
        found = self._scope.find(first)
        for name in rest:
            found = None if found is None else self._values.member(found, name)
        return found
