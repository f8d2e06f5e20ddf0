"""Run a notebook without a person in front of it, and say how its runs ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from ast import literal_eval
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.cells.workflows import workflow_of
from wf_notebook.commands.outcome import BULLETIN, Outcome
from wf_notebook.config import headless_environment
from wf_notebook.errors import UsageError, WorkflowError
from wf_notebook.headless.ending import GRACE_SECONDS, Ending
from wf_notebook.headless.parameters import inject
from wf_notebook.headless.progress import Progress
from wf_notebook.ids import SystemIds

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from wf_notebook.headless.parameters import Value

# Code that the kernel runs beside the cells. Attending comes first, so that a notebook that never
# loads the extension is answered, too; the report comes last, even after a cell has failed.
_ATTEND: Final = "__import__('wf_notebook.notebook.unattended').notebook.unattended.attend()"
_SETTLE: Final = "await __import__('wf_notebook.notebook.unattended').notebook.unattended.settle()"
_REPORT: Final = "__import__('wf_notebook.notebook.unattended').notebook.unattended.finish()"


@dataclass(frozen=True, slots=True)
class CellError:
    """What stopped the notebook: the cell (from 1, as a reader counts code cells), and the error."""

    cell: int
    name: str
    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Execution:
    """What came of running a notebook.

    Attributes:
        notebook: the notebook with its outputs, as nbformat holds it.
        outcomes: the runs that it started or took up again, oldest first.
        notes: what a person should know of its parameters and answers.
        error: the cell that stopped it, or None.
        timed_out: whether it was stopped because time was up.
        signal: the number of the signal that stopped it, or None.
        died: whether the kernel died; `outcomes` is empty then.
        untold: why the kernel could not say how the runs stand; "" if it could.
    """

    notebook: Any
    outcomes: Sequence[Outcome]
    notes: Sequence[str] = ()
    error: CellError | None = None
    timed_out: bool = False
    signal: int | None = None
    died: bool = False
    untold: str = ""


@dataclass(frozen=True, slots=True)
class Continued:
    """Which execution is continued: its id, and a run of it."""

    execution: str
    run_id: str


def run_notebook(  # noqa: PLR0913 - keyword-only, each with a sensible default
    path: str,
    *,
    cell: str | None = None,
    parameters: Mapping[str, Value] | None = None,
    answers: Mapping[str, Sequence[object]] | None = None,
    timeout: float | None = None,
    world: str | None = None,
    continued: Continued | None = None,
    progress: Progress | None = None,
) -> Execution:
    """Run a notebook in its own folder, in a kernel of its own, which is gone afterwards.

    Args:
        path: the notebook.
        cell: stop after the cell `%%workflow NAME`; else run to the end.
        parameters: values for the cell that is tagged `parameters`.
        answers: payloads for hooks, by token, title or schema; each hook gets them in order.
        timeout: seconds for all of it, or None for no limit.
        world: the world to use instead of the notebook's own.
        continued: the execution that is continued: runs that it has made are taken up.
        progress: what is told how far it is.

    Raises:
        UsageError: no such notebook, kernel or cell; or nbclient is not installed.
    """
    notebook = _read(path)
    notes = inject(notebook, parameters) if parameters else []
    if cell is not None:
        notebook.cells = notebook.cells[: _place_of(notebook.cells, cell) + 1]
    environment = headless_environment(
        notebook=os.path.abspath(path),
        answers=json.dumps(answers or {}),
        world=world,
        execution=(continued and continued.execution) or SystemIds().event_id(),
        continues="" if continued is None else continued.run_id,
        progress=progress is not None and progress.shown,
    )
    client = _client(notebook, os.path.dirname(os.path.abspath(path)))
    execution = _Execution(client, timeout, progress or Progress(), notes)
    return asyncio.run(execution.execute(environment))


def _read(path: str) -> Any:
    import nbformat

    untyped = cast("Any", nbformat)
    try:
        return untyped.read(path, as_version=4)
    except FileNotFoundError:
        raise UsageError(f"There is no notebook {path}.", hint="Check the path.") from None
    except (OSError, ValueError, untyped.reader.NotJSONError, untyped.ValidationError) as problem:
        first = str(problem).split("\n", 1)[0]
        raise UsageError(f"{path} is not a readable notebook: {first}", hint="") from None


def _place_of(cells: Sequence[Any], name: str) -> int:
    for place, cell in enumerate(cells):
        found = workflow_of(cell.source) if cell.cell_type == "code" else None
        if found is not None and found[0] == name:
            return place
    msg = f"The notebook has no cell %%workflow {name}."
    raise UsageError(
        msg, hint="The name stands right after %%workflow; else it is the entry's own."
    )


def _client(notebook: Any, folder: str) -> Any:
    try:
        from nbclient import NotebookClient
    except ImportError:
        msg = "Running a notebook needs nbclient and ipykernel, which are not installed."
        raise UsageError(msg, hint="pip install 'wf-notebook[run]'") from None
    client: Any = NotebookClient(
        notebook,
        timeout=None,
        resources={"metadata": {"path": folder}},
        extra_arguments=[
            "--IPKernelApp.log_level=ERROR"
        ],  # its warnings are not about the notebook
    )
    client.comm_open_handlers[BULLETIN] = _ignore  # heard by a client of its own
    return client


class _Execution:
    """One notebook in one kernel, until its last cell or an earlier end."""

    def __init__(
        self, client: Any, seconds: float | None, progress: Progress, notes: Sequence[str]
    ) -> None:
        self._client = client
        self._seconds = seconds
        self._progress = progress
        self._notes = list(notes)
        self._error: CellError | None = None
        self._outcomes: Sequence[Outcome] = ()
        self._untold = ""
        self._end: Ending

    async def execute(self, environment: Mapping[str, str]) -> Execution:
        from nbclient.exceptions import DeadKernelError

        self._client.reset_execution_trackers()
        self._end = end = Ending(self._seconds)
        died = False
        with end.heard(), self._progress:
            try:
                async with self._kernel(environment) as ready:
                    if ready:
                        await self._cells_and_report()
            except DeadKernelError:
                died = True
        return Execution(
            notebook=self._client.nb,
            outcomes=self._outcomes,
            notes=self._notes,
            error=self._error,
            timed_out=end.timed_out,
            signal=end.signal,
            died=died and end.signal is None,
            untold=self._untold,
        )

    # --- the kernel ----------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _kernel(self, environment: Mapping[str, str]) -> AsyncGenerator[bool]:
        """Start a kernel, and end it; gives whether it was ready before the end had come."""
        client = self._client
        client.km = client.create_kernel_manager()
        starting = asyncio.ensure_future(self._start(environment))
        try:
            if not await self._end.wait_for(starting):
                starting.cancel()
                await asyncio.wait({starting})
                yield False
                return
            await starting
            async with client.async_setup_kernel(cleanup_kc=True), self._heard():
                self._end.listen()  # nbclient has just taken the signals for itself
                yield True
        finally:
            if client.km is not None:  # it was not begun, or not ended
                await _settled(client.km.shutdown_kernel(now=True))

    async def _start(self, environment: Mapping[str, str]) -> None:
        from jupyter_client.kernelspec import NoSuchKernel

        try:
            await self._client.async_start_new_kernel(env=dict(environment))
            await self._client.async_start_new_kernel_client()
        except NoSuchKernel as problem:
            msg = f"The notebook asks for the kernel {problem.name!r}, which is not installed."
            raise UsageError(msg, hint="Install it, or change the notebook's kernel.") from None

    @contextlib.asynccontextmanager
    async def _heard(self) -> AsyncGenerator[None]:
        """Pass on what the kernel tells of its runs, where progress is shown."""
        if not self._progress.shown:
            yield
            return
        ear = self._client.km.client()
        ear.start_channels(shell=False, iopub=True, stdin=False, hb=False, control=False)
        hearing = asyncio.ensure_future(self._hear(ear))
        try:
            yield
        finally:
            hearing.cancel()
            await asyncio.wait({hearing})
            ear.stop_channels()

    async def _hear(self, ear: Any) -> None:
        opened = ""
        while True:
            message = await ear.iopub_channel.get_msg(timeout=None)
            content = message["content"]
            if message["msg_type"] == "comm_open" and content["target_name"] == BULLETIN:
                opened = content["comm_id"]
            elif message["msg_type"] == "comm_msg" and content["comm_id"] == opened:
                self._progress.runs(content["data"]["runs"])

    # --- the cells -----------------------------------------------------------------------------

    async def _cells_and_report(self) -> None:
        info = await self._client.kc.kernel_info(reply=True, timeout=GRACE_SECONDS)
        self._client.nb.metadata["language_info"] = info["content"]["language_info"]
        await self._evaluate(_ATTEND, "None", GRACE_SECONDS)
        await self._cells()
        if self._error is None and not self._end.has_come:
            self._progress.settling()
            with contextlib.suppress(_UntoldError):  # interrupted
                await self._within(self._evaluate(_SETTLE, "None", None))
        self._client.set_widgets_metadata()
        try:
            text = await self._evaluate("None", _REPORT, self._end.grace)
        except _UntoldError as untold:
            self._untold = str(untold)
            return
        told = json.loads(literal_eval(text))
        self._outcomes = tuple(Outcome.from_json(found) for found in told["outcomes"])
        self._notes += told["notes"]

    async def _cells(self) -> None:
        """Run the cells in order, until one fails or the end has come."""
        from nbclient.exceptions import CellExecutionError

        cells = self._client.nb.cells
        number, total = 0, sum(cell.cell_type == "code" for cell in cells)
        for index, cell in enumerate(cells):
            if cell.cell_type == "code":
                number += 1
                self._progress.cell(number, total, str(cell.source))
            try:
                await self._within(self._client.async_execute_cell(cell, index))
            except CellExecutionError as problem:
                self._error = CellError(
                    number, str(problem.ename), str(problem.evalue), str(problem.traceback)
                )
            if self._error is not None or self._end.has_come:
                return

    async def _within(self, work: Any) -> None:
        """Await some work of the kernel; once the end has come, interrupt it and give it a moment."""
        task = asyncio.ensure_future(work)
        if not await self._end.wait_for(task):
            await _settled(self._client.km.interrupt_kernel())
            await asyncio.wait({task}, timeout=self._end.grace)
        if not task.done():
            await _settled(self._client.km.shutdown_kernel(now=True))
        await task

    async def _evaluate(self, code: str, expression: str, seconds: float | None) -> str:
        """Run code beside the cells, then return the repr of an expression."""
        from nbclient.exceptions import DeadKernelError

        try:
            reply = await self._client.kc.execute_interactive(
                code,
                silent=True,
                store_history=False,
                user_expressions={"value": expression},
                allow_stdin=False,
                output_hook=_ignore,
                timeout=seconds,
            )
        except (TimeoutError, RuntimeError) as problem:
            raise DeadKernelError(str(problem)) from None
        content = cast("dict[str, Any]", reply["content"])
        value = content.get("user_expressions", {}).get("value", {})
        if content["status"] != "ok" or value.get("status") != "ok":
            failed: Any = content if content["status"] != "ok" else value
            msg = f"The kernel could not say how its runs stand: {failed.get('evalue')}"
            raise _UntoldError(msg, hint="Run the notebook again; its runs go on.")
        return str(value["data"]["text/plain"])


class _UntoldError(WorkflowError):
    """The kernel could not say how its runs stand."""


def _ignore(_message: object) -> None:
    """Drop a message."""


async def _settled(value: Any) -> None:
    """Await what jupyter_client returned, whether it is awaitable or not."""
    if asyncio.iscoroutine(value) or isinstance(value, asyncio.Future):
        await value
