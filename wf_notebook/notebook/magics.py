"""The magics: they parse a line and delegate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import (
    Magics,
    cell_magic,
    line_cell_magic,
    line_magic,
    magics_class,
    no_var_expand,
)

from wf_notebook.cells.line import read_line, workflow_arguments
from wf_notebook.notebook.draftargs import (
    draft_arguments,
    prompt_arguments,
    read_draft_line,
    read_prompt_line,
)

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from wf_notebook.notebook.session import Session


@magics_class
class WorkflowMagics(Magics):
    """What `%load_ext wf_notebook` adds."""

    def __init__(self, shell: InteractiveShell, session: Session) -> None:
        super().__init__(shell)
        self._session = session

    @no_var_expand
    @cell_magic
    @workflow_arguments
    def workflow(self, line: str, cell: str) -> Any:
        """Start the cell as a durable workflow, or attach to its unfinished run.

        The cell holds one `async def`, the workflow; the steps it may call are the functions
        that @step has registered. The run is shown under the cell and returned at once.
        """
        return self._session.launch(read_line(parser(), line), cell)

    @no_var_expand
    @cell_magic
    @draft_arguments
    def workflow_draft(self, line: str, cell: str) -> Any:
        """Have a model write a workflow from what the cell says in plain language. Nothing runs.

        What it wrote is checked, mended by the model if need be, rehearsed with made-up results, and
        put into the next cell for review. Choose the model with set_model() or --model.
        """
        return self._session.draft(read_draft_line(parser("workflow_draft"), line), cell)

    @no_var_expand
    @line_magic
    @prompt_arguments
    def workflow_prompt(self, line: str) -> None:
        """Print what a model has to be told to write a workflow: rules, examples, steps."""
        self._session.prompt(read_prompt_line(parser("workflow_prompt"), line))

    @no_var_expand
    @line_cell_magic
    def wf(self, line: str, cell: str | None = None) -> Any:
        """Look at runs and move them on.

        ::

            %wf runs | show [RUN] | why [RUN] | source [RUN] | steps [RUN] | hooks
            %wf stream [RUN] [NAME]
            %wf resume TOKEN [JSON] | answer [TOKEN] | wake [RUN] | cancel [RUN] | adopt [RUN]
            %wf revisions [NAME] | approve HASH | forget-revisions NAME | repair [RUN]
            %wf export [RUN] [PATH] | replay [TARGET…]
            %wf forget RUN… | gc --older DUR | rotate-key | sql SELECT … | lint NOTEBOOK… | doctor
            %%wf sql [--out NAME] [--frame pandas|polars|arrow]     the cell is the query

        `%wf COMMAND --help` explains one. RUN is an id or the beginning of one; without it, this
        notebook's latest run.

        Examples::

            %wf runs --status suspended
            %wf why
            %wf show 01K9
            %wf resume approve-A-17 {"ok": true, "amount": 5}
        """
        return self._session.command(line, cell)


def parser(magic: str = "workflow") -> Any:
    """Return the parser of a magic's lines."""
    found: Any = getattr(WorkflowMagics, magic)
    return found.parser
