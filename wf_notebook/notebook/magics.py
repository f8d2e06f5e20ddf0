"""The magics `%%workflow` and `%wf`: they parse a line and delegate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand

from wf_notebook.notebook.cellargs import read_line, workflow_arguments

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
    @line_magic
    def wf(self, line: str) -> None:
        """Look at runs and move them on.

        ::

            %wf runs | show [RUN] | why [RUN] | source [RUN] | steps [RUN] | hooks
            %wf stream [RUN] [NAME]
            %wf resume TOKEN [JSON] | answer [TOKEN] | wake [RUN] | cancel [RUN] | adopt [RUN]
            %wf revisions [NAME] | approve HASH | forget-revisions NAME
            %wf forget RUN… | rotate-key | sql SELECT … | doctor

        `%wf COMMAND --help` explains one. RUN is an id or the beginning of one; without it, this
        notebook's latest run.

        Examples::

            %wf runs --status suspended
            %wf why
            %wf show 01K9
            %wf resume approve-A-17 {"ok": true, "amount": 5}
        """
        self._session.command(line)


def parser() -> Any:
    """Return the parser of `%%workflow` lines."""
    magic: Any = WorkflowMagics.workflow
    return magic.parser
