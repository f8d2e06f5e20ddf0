"""Run a notebook without a person in front of it, and say how its runs ended."""

from __future__ import annotations

import asyncio
import json
import os
from ast import literal_eval
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.commands.outcome import Outcome
from wf_notebook.config import headless_environment
from wf_notebook.errors import UsageError, WorkflowError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# How long the kernel may take to stop a cell and to say how the runs stand, once time is up.
GRACE_SECONDS: Final = 30.0
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
        error: the cell that stopped it, or None.
        timed_out: whether it was stopped because time was up.
        died: whether the kernel died; `outcomes` is empty then.
    """

    notebook: Any
    outcomes: Sequence[Outcome]
    error: CellError | None = None
    timed_out: bool = False
    died: bool = False


def run_notebook(
    path: str,
    *,
    cell: str | None = None,
    answers: Mapping[str, Sequence[object]] | None = None,
    timeout: float | None = None,
    world: str | None = None,
) -> Execution:
    """Run a notebook in its own folder, in a kernel of its own, which is gone afterwards.

    Args:
        path: the notebook.
        cell: stop after the cell `%%workflow NAME`; else run to the end.
        answers: payloads for hooks, by token, title or schema; each hook gets them in order.
        timeout: seconds for all of it, or None for no limit.
        world: the world to use instead of the notebook's own.

    Raises:
        UsageError: no such notebook, kernel or cell; or nbclient is not installed.
    """
    notebook = _read(path, upto=cell)
    environment = headless_environment(
        notebook=os.path.abspath(path), answers=json.dumps(answers or {}), world=world
    )
    client = _client(notebook, os.path.dirname(os.path.abspath(path)))
    return asyncio.run(_Execution(client, timeout).execute(environment))


def _read(path: str, *, upto: str | None) -> Any:
    import nbformat

    untyped = cast("Any", nbformat)
    try:
        notebook = untyped.read(path, as_version=4)
    except FileNotFoundError:
        raise UsageError(f"There is no notebook {path}.", hint="Check the path.") from None
    except (OSError, ValueError, untyped.reader.NotJSONError, untyped.ValidationError) as problem:
        first = str(problem).split("\n", 1)[0]
        raise UsageError(f"{path} is not a readable notebook: {first}", hint="") from None
    if upto is not None:
        notebook.cells = notebook.cells[: _place_of(notebook.cells, upto) + 1]
    return notebook


def _place_of(cells: Sequence[Any], name: str) -> int:
    for place, cell in enumerate(cells):
        words = cell.source.split("\n", 1)[0].split()
        if cell.cell_type == "code" and words[:1] == ["%%workflow"] and name in words[1:2]:
            return place
    msg = f"The notebook has no cell %%workflow {name}."
    raise UsageError(msg, hint="The name stands right after %%workflow.")


def _client(notebook: Any, folder: str) -> Any:
    try:
        from nbclient import NotebookClient
    except ImportError:
        msg = "Running a notebook needs nbclient and ipykernel, which are not installed."
        raise UsageError(msg, hint="pip install 'wf-notebook[run]'") from None
    return NotebookClient(
        notebook,
        timeout=None,
        resources={"metadata": {"path": folder}},
        extra_arguments=[
            "--IPKernelApp.log_level=ERROR"
        ],  # its warnings are not about the notebook
    )


class _Execution:
    """One notebook in one kernel, under one deadline."""

    def __init__(self, client: Any, timeout: float | None) -> None:
        self._client = client
        self._timeout = timeout
        self._timed_out = False
        self._error: CellError | None = None

    async def execute(self, environment: Mapping[str, str]) -> Execution:
        from jupyter_client.kernelspec import NoSuchKernel
        from nbclient.exceptions import DeadKernelError

        client = self._client
        client.reset_execution_trackers()
        deadline = None if self._timeout is None else _now() + self._timeout
        outcomes: Sequence[Outcome] = ()
        died = False
        try:
            async with client.async_setup_kernel(env=dict(environment)):
                try:
                    outcomes = await self._cells_and_report(deadline)
                except DeadKernelError:
                    died = True
        except NoSuchKernel as problem:
            msg = f"The notebook asks for the kernel {problem.name!r}, which is not installed."
            raise UsageError(msg, hint="Install it, or change the notebook's kernel.") from None
        return Execution(client.nb, outcomes, self._error, self._timed_out, died)

    async def _cells_and_report(self, deadline: float | None) -> Sequence[Outcome]:
        info = await self._client.kc.kernel_info(reply=True, timeout=GRACE_SECONDS)
        self._client.nb.metadata["language_info"] = info["content"]["language_info"]
        await self._evaluate(_ATTEND, "None", GRACE_SECONDS)
        await self._cells(deadline)
        if self._error is None and not self._timed_out:
            await self._within(deadline, self._evaluate(_SETTLE, "None", None))
        self._client.set_widgets_metadata()
        text = await self._evaluate("None", _REPORT, GRACE_SECONDS)
        return tuple(Outcome.from_json(found) for found in json.loads(literal_eval(text)))

    async def _cells(self, deadline: float | None) -> None:
        """Run the cells in order, until one fails or time is up."""
        from nbclient.exceptions import CellExecutionError

        number = 0
        for index, cell in enumerate(self._client.nb.cells):
            number += cell.cell_type == "code"
            try:
                await self._within(deadline, self._client.async_execute_cell(cell, index))
            except CellExecutionError as problem:
                self._error = CellError(
                    number, str(problem.ename), str(problem.evalue), str(problem.traceback)
                )
            if self._error is not None or self._timed_out:
                return

    async def _within(self, deadline: float | None, work: Any) -> None:
        """Await some work of the kernel; once time is up, interrupt it and give it a moment."""
        task = asyncio.ensure_future(work)
        left = None if deadline is None else max(deadline - _now(), 0)
        done, _ = await asyncio.wait({task}, timeout=left)
        if not done:
            self._timed_out = True
            await _settled(self._client.km.interrupt_kernel())
            done, _ = await asyncio.wait({task}, timeout=GRACE_SECONDS)
        if not done:
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
        if content["status"] != "ok":
            msg = f"The kernel could not say how its runs stand: {content.get('evalue')}"
            raise WorkflowError(msg, hint="Run the notebook again; its runs go on.")
        return str(content["user_expressions"]["value"]["data"]["text/plain"])


def _ignore(_message: object) -> None:
    """Drop an output of the code beside the cells."""


async def _settled(value: Any) -> None:
    """Await what jupyter_client returned, whether it is awaitable or not."""
    if asyncio.iscoroutine(value) or isinstance(value, asyncio.Future):
        await value


def _now() -> float:
    return asyncio.get_running_loop().time()
