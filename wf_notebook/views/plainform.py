"""A form for an open hook in plain ipywidgets controls, where no module of ours can be loaded.

Nothing waits here: a click may arrive on the main thread or on a subshell's, what becomes of it on
the engine's. What the hook's body gave as title and details is sealed in the world, and what a
control shows is kept in notebooks and dashboards: so they are not shown, and what was typed is taken
out before the controls are closed.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import ipywidgets

from wf_notebook.errors import HookNotFoundError, HookPayloadError, UsageError
from wf_notebook.views.answers import error_of, said
from wf_notebook.views.plainfields import button, close_all, marked, payload_field, seen, text_line
from wf_notebook.views.words import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from concurrent.futures import Future

    from wf_notebook.ids import Ids
    from wf_notebook.views.asking import Actions
    from wf_notebook.views.plainfields import Field
    from wf_notebook.world.state import Hook, RunState

# A change that a front end held back comes at once when the kernel is idle again, but after the click.
HELD_SECONDS: Final = 0.25
_ABOVE: Final = "Not resumed: see above."


class _Definition(Protocol):
    @property
    def schemas(self) -> Mapping[str, Mapping[str, Any]]: ...


class _Host(Protocol):
    @property
    def ids(self) -> Ids: ...

    def post(self, callback: Callable[[], object], /) -> None: ...

    def submit(self, coroutine: Coroutine[Any, Any, None], /) -> Future[None]: ...


class _UnreadableError(Exception):
    """Something was typed that cannot be sent."""

    def __init__(self, problems: Sequence[tuple[Field, str]]) -> None:
        super().__init__(_ABOVE)
        self.problems = problems


class RunLike(Protocol):
    """A run as a form knows it; `Run` is one."""

    @property
    def id(self) -> str:
        """The run's id."""
        ...

    @property
    def name(self) -> str:
        """What the workflow is called."""
        ...

    @property
    def state(self) -> RunState:
        """What it is now."""
        ...

    @property
    def definition(self) -> _Definition:
        """What it executes."""
        ...

    @property
    def actions(self) -> Actions:
        """What buttons do."""
        ...

    @property
    def host(self) -> _Host:
        """The engine of its world."""
        ...

    def subscribe(self, callback: Callable[[], None], /) -> Callable[[], None]:
        """Call back on the engine's thread after each change; returns how to stop."""
        ...


def form_of(run: RunLike, token: str | None) -> PlainForm:
    """Return a form for the run's open hook with that token, or for its only open one.

    Raises:
        HookNotFoundError: there is none.
        UsageError: no token was given and several are open.
    """
    hook = _meant(run, token)
    schema = run.definition.schemas.get(hook.schema) if hook.schema is not None else None
    return PlainForm(run, hook, schema)


def _meant(run: RunLike, token: str | None) -> Hook:
    open_hooks = run.state.open_hooks
    found = [hook for hook in open_hooks if token in (None, hook.token)]
    if len(found) == 1:
        return found[0]
    tokens = ", ".join(visible(hook.token) for hook in open_hooks)
    if found:
        msg = f"Run {run.id} has several open hooks: {tokens}."
        raise UsageError(msg, hint="Name one of them: run.form(token).")
    asked = "open hook" if token is None else f"open hook with the token '{visible(token)}'"
    there = (
        f"Its open hooks: {tokens}." if tokens else "It waits for nobody; `why()` says for what."
    )
    raise HookNotFoundError(f"Run {run.id} has no {asked}.", reason="unknown", hint=there)


class PlainForm(ipywidgets.VBox):  # type: ignore[misc]  # the library ships no types
    """A form with a Resume button, to be shown as a cell's value or put into other widgets.

    Once its hook was resumed, here or elsewhere, a line says so and all of the form is closed but
    that line, which has to be a widget: dashboards show nothing else that comes later. `close()`
    closes it, too.
    """

    def __init__(self, run: RunLike, hook: Hook, schema: Mapping[str, Any] | None) -> None:
        self._run = run
        self._hook = hook
        self._field: Field = payload_field(schema)
        self._sent: tuple[str, str] | None = None  # (payload, resume id) of what was sent last
        self._busy = False
        self._over = False
        self._told: Sequence[Field] = ()
        self._line = text_line("")
        resume = button("Resume", self._click, self._say)
        resume.button_style = "primary"
        head = text_line(f"{visible(hook.token)}, asked by {run.name}", "font-weight: bold")
        cast("Any", super()).__init__([head, self._field.node, resume, self._line])
        self._stop: Callable[[], None] = run.subscribe(self._changed)
        run.host.post(self._changed)

    def __repr__(self) -> str:
        return f"<form of hook {visible(self._hook.token)} in run {self._run.id}>"

    def close(self) -> None:
        """Close it with all that is in it; what was typed goes first. Idempotent."""
        if self.comm is None:
            return
        self._stop()
        if not self._over:
            self._field.clear()
        for child in self._inside:
            close_all(child)
        cast("Any", self).layout.close()
        cast("Any", super()).close()

    @property
    def _inside(self) -> Sequence[Any]:
        return cast("Sequence[Any]", cast("Any", self).children)

    # --- a click, on any thread ------------------------------------------------------------------

    def _click(self) -> None:
        """Send what was typed, once."""
        if self._busy or self._over:
            return
        self._busy = True
        self._tell(())
        self._say("Resuming…")
        try:
            asked = self._run.host.submit(self._hand_over())
        except BaseException:
            self._busy = False
            raise
        asked.add_done_callback(self._answered)

    async def _hand_over(self) -> None:
        await asyncio.sleep(HELD_SECONDS)
        problems: list[tuple[Field, str]] = []
        payload = self._field.read(problems)
        if problems:
            raise _UnreadableError(problems)
        asked = self._run.actions.resume(self._hook.token, payload, self._id_of(payload))
        await asyncio.wrap_future(asked)

    def _id_of(self, payload: object) -> str:
        """The resume's id: the same payload sent again has the same, and is recorded once."""
        text = json.dumps(payload)
        if self._sent is None or self._sent[0] != text:
            self._sent = (text, self._run.host.ids.event_id())
        return self._sent[1]

    # --- what becomes of it, on the engine's thread ------------------------------------------------

    def _answered(self, asked: Future[Any]) -> None:
        seen(lambda: self._learn(error_of(asked)), self._say)

    def _learn(self, error: BaseException | None) -> None:
        if error is None:  # still busy: until it is over no click may read what is being emptied
            self._end(f"✓ Resumed {visible(self._hook.token)}.")
            return
        self._busy = False
        placed = self._placed(error)
        self._tell(placed)
        self._say(_ABOVE if placed else said(error))
        self._look()

    def _placed(self, error: BaseException) -> Sequence[tuple[Field, str]]:
        """What of an error belongs to fields."""
        match error:
            case _UnreadableError():
                return error.problems
            case HookPayloadError():
                places = (tuple(found.get("path", ())) for found in error.errors)
                fields = map(self._field.find, places)
                return [(f, str(e["message"])) for f, e in zip(fields, error.errors, strict=True)]
            case _:
                return ()

    def _changed(self) -> None:
        seen(self._look, self._say)  # what fails here must not stop the engine

    def _look(self) -> None:
        """End the form if its hook was resumed elsewhere, timed out, or its run has ended."""
        still_open = {hook.id for hook in self._run.state.open_hooks}
        if self._hook.id not in still_open and not self._busy:
            self._end(f"{visible(self._hook.token)} is no longer open.")

    def _end(self, text: str) -> None:
        """Leave a line in place of the form."""
        if self._over or self.comm is None:
            return
        self._over = True
        self._stop()
        self._sent = None
        self._field.clear()
        gone = [child for child in self._inside if child is not self._line]
        self.children = (self._line,)
        for child in gone:
            close_all(child)
        self._say(text)

    # --- what it says ----------------------------------------------------------------------------

    def _say(self, text: str) -> None:
        self._line.value = marked(text)

    def _tell(self, placed: Sequence[tuple[Field, str]]) -> None:
        """Show messages beside their fields; several on one field together."""
        for field in self._told:
            field.tell("")
        for field in {id(field): field for field, _ in placed}.values():
            field.tell(" ".join(text for one, text in placed if one is field))
        self._told = [field for field, _ in placed]
