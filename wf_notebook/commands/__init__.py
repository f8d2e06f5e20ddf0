"""The table of commands that both `%wf` and `wf` read."""

from wf_notebook.commands.base import Caller, Command
from wf_notebook.commands.call import call
from wf_notebook.commands.table import table
from wf_notebook.commands.words import split_words

__all__ = ["Caller", "Command", "call", "split_words", "table"]
