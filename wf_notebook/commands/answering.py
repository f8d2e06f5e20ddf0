"""How does a person answer a hook, line by line?"""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING

from wf_notebook.commands.fields import ask_value
from wf_notebook.errors import HookPayloadError
from wf_notebook.views.details import details
from wf_notebook.views.words import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook.run import Run
    from wf_notebook.world.state import Hook


def answer_hook(
    run: Run,
    hook: Hook,
    *,
    ask: Callable[[str], str],
    say: Callable[[str], None],
    saved: bool = False,
) -> None:
    """Ask field by field until the hook takes what was answered.

    Args:
        run: whose hook it is.
        hook: an open one.
        ask: shows a prompt and returns the line typed.
        say: shows a line.
        saved: whether what is said may be saved in a notebook: then title and metadata stay out.

    Raises:
        HookNotFoundError: it was open no longer.
    """
    schema = None if hook.schema is None else run.definition.schemas.get(hook.schema)
    title = visible(hook.token if saved or hook.title is None else hook.title)
    say(f"{title}, asked by {run.name} ({run.id})")
    if not saved and (told := details(hook)):
        say(indent(told, "  "))
    while True:
        value = ask_value(schema, ask, say)
        try:
            run.resume(hook.token, value)
        except HookPayloadError as refused:
            _explain(refused, say)
        else:
            say(f"Resumed the hook {visible(hook.token)}.")
            return


def _explain(refused: HookPayloadError, say: Callable[[str], None]) -> None:
    for error in refused.errors:
        place = ".".join(str(part) for part in error.get("path", ()))
        say(f"  {place + ': ' if place else ''}{error.get('message')}")
    if not refused.errors:
        say(f"  {refused.message}")
