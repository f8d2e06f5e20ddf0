"""What does `%load_ext wf_notebook` bring into a shell, and how is it taken out again?

Nothing heavy happens on the main thread: the database, the widgets and the commands are imported
when they are first needed, or by the thread `wf-open`, which also opens the notebook's world and
says which runs are unfinished.
"""

from __future__ import annotations

import asyncio
import builtins
import keyword
import os
import sys
import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakKeyDictionary

from wf_notebook import config
from wf_notebook.cells.line import read_line
from wf_notebook.cells.reading import magic_cell
from wf_notebook.errors import UsageError, WorldError
from wf_notebook.ids import SystemIds
from wf_notebook.notebook import inspection, traceback
from wf_notebook.notebook.commandcells import whole_cell
from wf_notebook.notebook.completion import make_matcher
from wf_notebook.notebook.facts import SessionFacts
from wf_notebook.notebook.frontend import unattended
from wf_notebook.notebook.interrupts import wake_on_signals
from wf_notebook.notebook.magics import WorkflowMagics, parser
from wf_notebook.notebook.settings import AUTO, Workflow
from wf_notebook.notebook.waiting import make_transformer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from IPython.core.interactiveshell import InteractiveShell

    from wf_notebook.api import Origin, World
    from wf_notebook.cells.line import CellLine
    from wf_notebook.config import ApprovalPolicy, IsolationMode
    from wf_notebook.drafting.drafts import Draft
    from wf_notebook.notebook.display import Displays
    from wf_notebook.notebook.draftargs import DraftLine, PromptLine
    from wf_notebook.notebook.progress import Progress
    from wf_notebook.notebook.reviews import Reviews
    from wf_notebook.run import Run
    from wf_notebook.views.listing import Chosen
    from wf_notebook.world.tables import Table

_LISTED: Final = 5
_REPLAY_SECONDS: Final = 5.0  # a long log may take longer; its line then says how far it is
_RUN_CLASS: Final = ("wf_notebook.run", "Run")
_DRAFT_CLASS: Final = ("wf_notebook.drafting.drafts", "Draft")
_TABLE_CLASS: Final = ("wf_notebook.world.tables", "Table")
_SESSIONS: Final[WeakKeyDictionary[InteractiveShell, Session]] = WeakKeyDictionary()


def load(shell: InteractiveShell) -> None:
    """Bring magics, completion, settings and tracebacks into a shell. Idempotent."""
    if shell not in _SESSIONS:
        session = _SESSIONS[shell] = Session(shell)
        session.begin()


def unload(shell: InteractiveShell) -> None:
    """Take everything out again; no thread is left. Idempotent."""
    session = _SESSIONS.pop(shell, None)
    if session is not None:
        session.end()


class Session:
    """One shell with the extension loaded."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._in_kernel = getattr(shell, "kernel", None) is not None
        self._settings = Workflow(parent=shell)
        self._magics = WorkflowMagics(shell, self)
        self._facts = SessionFacts(self.names)
        self._matcher = make_matcher(self._facts)
        self._transformer = make_transformer(
            {"workflow": self.waits, "workflow_draft": lambda _line: True}
        )
        self._displays: Displays | None = None
        self._reviews: Reviews | None = None
        self._cell = ""  # the text of the running one
        self._draft: Draft | None = None  # shown by this cell already
        self._worlds: list[World] = []
        self._opening = threading.Thread(target=self._open, name="wf-open", daemon=True)
        self._first_cell_over = False
        self._sleep_deeper: Callable[[], None] | None = None
        self._uninspect: Callable[[], None] | None = None

    # --- coming and going ----------------------------------------------------------------------

    def begin(self) -> None:
        """Register everything, then open the world beside."""
        shell = cast("Any", self._shell)
        shell.register_magics(self._magics)
        shell.configurables.append(self._settings)
        self._settings.observe(self._set_policy, "approval")
        shell.Completer.custom_matchers.append(self._matcher)
        shell.input_transformers_post.append(self._transformer)
        if self._in_kernel:
            self._uninspect = inspection.attach(shell.kernel, self._facts)
        shell.events.register("pre_run_cell", self._before_cell)
        shell.events.register("post_run_cell", self._after_cell)
        self._displayer().for_type_by_name(*_RUN_CLASS, self._show_value)
        self._displayer().for_type_by_name(*_DRAFT_CLASS, self._show_draft_value)
        self._displayer().for_type_by_name(*_TABLE_CLASS, self._show_answer)
        traceback.attach(shell.InteractiveTB)
        if self.unattended:
            from wf_notebook.notebook.unattended import attend

            attend()
        self._wake_on_signals()
        self._opening.start()

    def end(self) -> None:
        """Take back what `begin` registered; set the runs aside."""
        from wf_notebook.notebook import ahead

        shell = cast("Any", self._shell)
        self._opening.join()
        traceback.detach()
        if self._sleep_deeper is not None:
            self._sleep_deeper()
        for shown in (_RUN_CLASS, _DRAFT_CLASS, _TABLE_CLASS):
            self._displayer().pop(".".join(shown), None)
        shell.events.unregister("pre_run_cell", self._before_cell)
        shell.events.unregister("post_run_cell", self._after_cell)
        shell.input_transformers_post.remove(self._transformer)
        shell.Completer.custom_matchers.remove(self._matcher)
        if self._uninspect is not None:
            self._uninspect()
        shell.configurables.remove(self._settings)
        _unregister(shell, self._magics)
        if self._displays is not None:
            self._displays.close()
        if self._reviews is not None:
            self._reviews.close()
        if self.unattended:
            from wf_notebook.notebook.unattended import leave

            leave()
        for world in self._worlds:
            world.close()
        ahead.dismiss_guests()

    def _wake_on_signals(self) -> None:
        """Let interrupts reach a cell that awaits; as soon as there is a loop."""
        if self._in_kernel and self._sleep_deeper is None:
            self._sleep_deeper = wake_on_signals()

    def _displayer(self) -> Any:
        """The formatter that is asked first, and may show a value by itself."""
        formatter: Any = self._shell.display_formatter
        return formatter.ipython_display_formatter

    @property
    def unattended(self) -> bool:
        """Whether nobody sits before the notebook, so that cells wait and open hooks are no place to stay."""
        return unattended(self._shell)

    # --- the world -------------------------------------------------------------------------------

    def world(self) -> World:
        """Return the session's world: the one that is set, else the current one; opened if need be.

        Raises:
            WorldError: it cannot be opened.
        """
        from wf_notebook import api

        before = api.open_worlds()
        found = api.current_world(
            path=self._settings.world or None,
            paused=not self._first_cell_over,
            isolation=self.isolation(),
            limits=config.Limits(concurrent_steps=self._settings.max_concurrent_steps),
        )
        if found not in before:
            found.approval = cast("ApprovalPolicy", self._settings.approval)
            self._worlds.append(found)
            if self._first_cell_over:
                found.release()
        return found

    def _set_policy(self, change: Any) -> None:
        """`%config Workflow.approval` counts at once, and for worlds that are opened later."""
        from wf_notebook import api

        for world in api.open_worlds():
            world.approval = change["new"]

    @property
    def _made(self) -> bool:
        """Whether the file of the session's world is there."""
        from wf_notebook.world.paths import default_world_path

        return os.path.exists(self._settings.world or default_world_path())

    def _existing_world(self) -> World | None:
        """The session's world, unless it would have to be made."""
        from wf_notebook import api

        return self.world() if api.open_worlds() or self._made else None

    def _open(self) -> None:
        """Open an existing world, and make the first run ready; on `wf-open`."""
        from wf_notebook.notebook import ahead

        try:
            ahead.bring_steps()  # before all else: a cell may wait for it already
            if not self._made:
                self._start_guests()  # a new world will be this process's own
            world = self._existing_world()
            if world is not None:
                self._greet(world)
            ahead.bring_run(self._view_kind(None))
        except WorldError as error:
            self.say(str(error))
        except RuntimeError:
            if threading.main_thread().is_alive():
                raise
            # else the process is ending: nobody is there to be told, and no thread can be started

    def _start_guests(self) -> None:
        from wf_notebook.notebook import ahead

        if self.isolation() != "inline":
            ahead.start_guests()

    def _greet(self, world: World) -> None:
        """Say whose a world is, and which of its runs are unfinished."""
        from wf_notebook.world.lock import named

        if world.locked is not None:
            self.say(f"Locked: {world.locked}")
        if not world.owned:
            self.say(f"This world is owned by {named(world.owner)}: its runs move there.")
        self._take_up_all(world)
        if world.owned:
            self._start_guests()

    def _take_up_all(self, world: World) -> None:
        rows = world.unfinished_rows()
        for row in rows[:_LISTED]:
            self._take_up(world.get(row.run_id))
        if len(rows) > _LISTED:
            self.say(f"… and {len(rows) - _LISTED} more: %wf runs")

    def _take_up(self, run: Run) -> None:
        _replayed(run)
        view = run.view()
        self.say(f"{view.glyph} {view.name} {view.why}  {run.id}")
        if self._view_kind(None) == "widget" and run.notebook == self.notebook:
            self._shows().revive(run)

    def _before_cell(self, info: Any) -> None:
        self._cell = info.raw_cell or ""

    def _after_cell(self, _result: object) -> None:
        """Bring outputs up to date; after the first cell, steps may start."""
        self._wake_on_signals()
        self._draft = None
        if self._reviews is not None:
            self._reviews.end_cell()
        if not self._first_cell_over:
            self._first_cell_over = True
            for world in self._worlds:
                world.release()
        if self._displays is not None:
            self._displays.end_cell()

    # --- what the magics do ------------------------------------------------------------------------

    def launch(self, line: CellLine, source: str) -> Any:
        """Do what a `%%workflow` cell says."""
        from wf_notebook.notebook.launch import launch

        return launch(self, line, source)

    def draft(self, line: DraftLine, request: str) -> Any:
        """Do what a `%%workflow_draft` cell says."""
        from wf_notebook.notebook.drafting import draft

        return draft(self, line, request)

    def prompt(self, line: PromptLine) -> None:
        """Print what a `%workflow_prompt` line asks for."""
        from wf_notebook.notebook.drafting import prompt

        self.say(prompt(self.names, line))

    @property
    def drafter(self) -> tuple[str, int]:
        """The model that is set, or "", and how often it may mend its answer."""
        return str(self._settings.model), self._settings.max_repairs

    def progress(self, model: str) -> Progress:
        """A place under the cell that shows how far the model is."""
        from wf_notebook.notebook.progress import Progress

        outputs: Any = self._shell.display_pub if self._in_kernel else None
        return Progress(outputs, f"wf-draft-{SystemIds().event_id()}", model)

    def next_cell(self, text: str) -> None:
        """Put a text into the next cell."""
        cast("Any", self._shell).set_next_input(text)

    def show_draft(self, made: Draft, source_hash: str) -> None:
        """Show a draft under the cell, to be approved under its hash if it has one."""
        if self._in_kernel and source_hash:
            self._shown_reviews().show(self.world(), source_hash)
            self._draft = made

    def _land(self, made: Draft, source_hash: str) -> None:
        """Show a draft that a `%wf` line asked for, and put it into the next cell."""
        self.show_draft(made, source_hash)
        self._show_draft_value(made)
        self._draft = None
        if source_hash:
            self.next_cell(made.cell())

    def refuse(self, world: World, source_hash: str) -> None:
        """Show what was refused because nobody has approved it."""
        if self._in_kernel:
            self._shown_reviews().show(world, source_hash)

    def _shown_reviews(self) -> Reviews:
        from wf_notebook.notebook.reviews import Reviews

        if self._reviews is None:
            publisher: Any = self._shell.display_pub
            self._reviews = Reviews(publisher)
        return self._reviews

    def _show_draft_value(self, made: Draft) -> None:
        """Show a draft that is the value of a cell, unless the cell has shown it already."""
        if made is self._draft:
            return
        from wf_notebook.views.drafted import draft_card, draft_text

        view = made.view()
        if self._in_kernel:
            publisher: Any = self._shell.display_pub
            publisher.publish({"text/plain": draft_text(view), "text/html": draft_card(view)})
        else:
            self.say(draft_text(view))

    def waits(self, text: str) -> bool:
        """Whether a cell with that line waits for its run."""
        try:
            line = read_line(parser(), text)
        except UsageError:
            return False  # the magic itself will say so
        everywhere = self._settings.wait or self.unattended
        return not line.check and (line.wait or everywhere)

    def command(self, line: str, cell: str | None = None) -> Any:
        """Do what a `%wf` line says, or a `%%wf` cell; returns its value, if it has one."""
        from wf_notebook.commands import Caller, call, split_words, table

        kept: list[object] = []
        caller = Caller(
            word="%wf",
            open_world=self._world_for_command,
            ask=_ask,
            notebook=self.notebook,
            saved=self._in_kernel,
            drafter=str(self._settings.model),
            land=self._land,
            gives=partial(self._give, kept),
        )
        if self._in_kernel:
            caller = replace(caller, shows=self._show_table)
        text = line if cell is None else whole_cell(line, cell, table.commands)
        call(table, split_words(text, table.commands), caller)
        return kept[-1] if kept else None

    def _give(self, kept: list[object], value: object, name: str | None) -> bool:
        """Keep the value of a line, or bind it to a name."""
        if name is None:
            kept.append(value)
        elif name.isidentifier() and not keyword.iskeyword(name):
            self.names[name] = value
        else:
            raise UsageError(f"--out: {name!r} is not a name in Python.")
        return True

    def _show_answer(self, found: Table) -> None:
        """Show the answer to a query that is the value of a cell."""
        from wf_notebook.views.queried import table_bundle, table_text

        if self._in_kernel:
            publisher: Any = self._shell.display_pub
            publisher.publish(table_bundle(found))
        else:
            self.say(table_text(found))

    def _show_table(self, world: World, chosen: Chosen, view: str | None) -> bool:
        """Show runs under the cell; False where they are to be printed."""
        kind = self._view_kind(view)
        if kind != "text":
            self._shows().table(world.host, chosen, kind)
        return kind != "text"

    def _world_for_command(self, _write: bool) -> World:  # noqa: FBT001 - a callback's shape
        found = self._existing_world()
        if found is None:
            msg = "There is no world yet."
            raise WorldError(msg, hint="It is made with the first run: %%workflow.")
        return found

    # --- what a cell needs (launch.Notebook) -----------------------------------------------------

    @property
    def names(self) -> dict[str, Any]:
        """The user's namespace."""
        names: dict[str, Any] = cast("Any", self._shell).user_ns
        return names

    @property
    def notebook(self) -> str:
        """The notebook's file name, by which its runs are found; "" where there is none."""
        return config.notebook_name()

    def origin(self) -> Origin:
        """Where the running cell's source comes from: its first line is the one below the magic."""
        from wf_notebook.api import Origin

        found = magic_cell(self._cell)
        label = f"Cell In[{self._shell.execution_count - 1}]"
        return Origin(self.notebook, label, 1 if found is None else found.row)

    def isolation(self) -> IsolationMode | None:
        """Where sources run, unless the cell says."""
        chosen: Any = self._settings.isolation
        return None if chosen == AUTO else chosen

    def say(self, text: str) -> None:
        """Print a line under the cell."""
        sys.stdout.write(f"{text}\n")

    def show(self, run: Run, view: str | None) -> None:
        """Show a run under the cell; in a terminal, the cell's value does."""
        if self._in_kernel:
            self._shows().show(run, self._view_kind(view))

    def skip(self, run: Run) -> None:
        """Show nothing of a run under the cell."""
        self._shows().skip(run)

    def adopt(self, run: Run) -> None:
        """Take a run as one that this execution started or took up."""
        if self._in_kernel:
            self._shows().submitted(run)
        if self.unattended:
            from wf_notebook.notebook.unattended import attend

            attend().adopt(run)

    def settled(self, run: Run) -> Awaitable[None]:
        """Wait until nothing more will happen to a run by itself; a terminal asks its person."""
        if not self._in_kernel:
            from wf_notebook.notebook import terminal

            if terminal.has_person():
                return terminal.settled(run, _ask, self.say)
        return asyncio.wrap_future(run.settled())

    def _shows(self) -> Displays:
        from wf_notebook.notebook.display import Displays

        if self._displays is None:
            publisher: Any = self._shell.display_pub
            self._displays = Displays(publisher)
        return self._displays

    def _view_kind(self, view: str | None) -> str:
        chosen = view or self._settings.view
        if chosen != AUTO:
            return chosen
        if not self._in_kernel:
            return "text"
        # A headless run has no browser that could show a widget.
        return "card" if self.unattended else "widget"

    def _show_value(self, run: Run) -> None:
        """Show a run that is the value of a cell."""
        from wf_notebook.views.text import render_run

        if run.forgotten:
            self.say(repr(run))
        elif self._in_kernel:
            self.show(run, None)
        else:
            self.say(render_run(run.view()))


def _replayed(run: Run) -> None:
    """Give a run time to replay: then it can say whether it goes on here, and what it waits for."""
    over = threading.Event()

    def look() -> None:
        if not run.moving:
            over.set()

    stop = run.subscribe(look)
    run.host.post(look)
    over.wait(_REPLAY_SECONDS)
    stop()


def _ask(prompt: str) -> str:
    """Ask through the front end; looked up at each call, because a kernel replaces `input`."""
    return builtins.input(prompt)


def _unregister(shell: InteractiveShell, magics: WorkflowMagics) -> None:
    manager: Any = shell.magics_manager
    for kind, names in magics.magics.items():
        for name in names:
            manager.magics[kind].pop(name, None)
    manager.registry.pop(type(magics).__name__, None)
    cast("Any", shell).configurables.remove(magics)  # where Magics puts itself
