"""How a run becomes a notebook: its facts, its source as a cell, its card and its document."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from wf_notebook import __version__, history
from wf_notebook.approving import revision
from wf_notebook.definition.cells import offer, workflow_cell
from wf_notebook.errors import RevisionDamagedError, RevisionNotFoundError
from wf_notebook.receipts.facts import facts_text
from wf_notebook.receipts.files import write
from wf_notebook.receipts.reading import found_in
from wf_notebook.receipts.shape import MIME, Approval, Visible, sealed
from wf_notebook.views.card import card
from wf_notebook.views.model import build_view
from wf_notebook.views.publisher import RunLike, facts_of
from wf_notebook.views.text import render_run
from wf_notebook.views.why import why
from wf_notebook.world.state import fold

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from wf_notebook.definition.model import Definition
    from wf_notebook.engine.host import Host
    from wf_notebook.receipts.shape import Receipt
    from wf_notebook.views.model import RunView
    from wf_notebook.world.events import Event
    from wf_notebook.world.state import RunState

__all__ = ["export", "notebook_of"]

_NB_FORMAT: Final = {"nbformat": 4, "nbformat_minor": 5}
_KERNEL: Final = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


class Exported(RunLike, Protocol):
    """A run that can be exported; `Run` is one."""

    @property
    def host(self) -> Host:
        """The engine at work on its world."""
        ...

    @property
    def definition(self) -> Definition:
        """What it executes."""
        ...

    @property
    def approval(self) -> Mapping[str, Any] | None:
        """Which approved revision it executes, or None."""
        ...

    def events(self) -> list[Event]:
        """Return its log, opened."""
        ...


def export(
    run: Exported, path: str | os.PathLike[str], *, payloads: bool = False, force: bool = False
) -> Receipt:
    """Write the receipt of a run; see `Run.to_notebook`."""
    notebook = notebook_of(run, payloads=payloads)
    receipt = found_in(notebook)  # what is written can be read back, or is not written
    write(notebook, path, run_id=receipt.run_id, force=force)
    return receipt


def notebook_of(run: Exported, *, payloads: bool) -> dict[str, Any]:
    """Return the receipt of a run as a notebook, valid and whole."""
    import nbformat

    definition, events = run.definition, run.events()
    state, host = fold(events), run.host
    approval = _approval(run, payloads=payloads)
    view = _view(run, state, now_us=host.clock.now_us())
    facts = facts_text(
        view,
        state=state,
        definition=definition,
        approval=approval,
        world_id=host.store.world_id,
        payloads=payloads,
    )
    visible = Visible(
        cells=(("markdown", facts), ("code", _cell(definition))),
        plain=render_run(view),
        html=card(view),
    )
    said = {
        "program": f"wf_notebook {__version__}",
        "status": view.status,
        "blocked": view.blocked,
        "approval": None if approval is None else approval.to_json(),
        "world_id": host.store.world_id,
        "exported_us": view.now_us,
    }
    saved = history.write(state.run_id, definition, events, payloads=payloads)
    document = sealed(said, saved, visible)
    signature = host.wait(host.store.sign(state.run_id, document["chain"]))
    made = _notebook(visible, {**document, "signature": signature})
    cast("Any", nbformat).validate(made)
    return made


def _view(run: Exported, state: RunState, *, now_us: int) -> RunView:
    """Return the run as its log has it: nothing of what happened since the log was read."""
    facts = replace(facts_of(run), replayed=None, changed=())
    if state.terminal:
        facts = replace(facts, blocked=None)
    return build_view(state, facts, now_us=now_us, why=why(state, now_us, facts.blocked))


def _approval(run: Exported, *, payloads: bool) -> Approval | None:
    reference, host = run.approval, run.host
    if reference is None:
        return None
    name, number = str(reference["name"]), int(reference["revision"])
    try:
        found = host.wait(host.submit(revision(host, name, number)))
    except (RevisionNotFoundError, RevisionDamagedError):  # erased since: the log names it still
        return Approval(name, number)
    note = found.note if payloads else None
    return Approval(name, number, found.approved_by, found.approved_us, note)


def _cell(definition: Definition) -> str:
    """Return what ran as a cell; a cell has no final newline, and the magic adds it."""
    cell = workflow_cell(
        definition.source,
        name=definition.name if definition.name.isidentifier() else "",
        steps=[offer(binding) for binding in definition.steps],
        schemas=list(definition.schemas),
        source_hash=definition.source_hash,
    )
    return cell.removesuffix("\n")


def _notebook(visible: Visible, document: Mapping[str, Any]) -> dict[str, Any]:
    output = {
        "output_type": "display_data",
        "data": {"text/plain": visible.plain, "text/html": visible.html, MIME: dict(document)},
        "metadata": {},
    }
    (_, facts), (_, source) = visible.cells
    cells: Sequence[Mapping[str, Any]] = (
        {"cell_type": "markdown", "id": "facts", "metadata": {}, "source": facts},
        {
            "cell_type": "code",
            "id": "source",
            "metadata": {},
            "source": source,
            "execution_count": None,
            "outputs": [output],
        },
    )
    metadata = {
        "kernelspec": dict(_KERNEL),
        "language_info": {"name": "python"},
        "wf_notebook": {"receipt": document["version"], "run_id": document["run_id"]},
    }
    return {**_NB_FORMAT, "metadata": metadata, "cells": list(cells)}
