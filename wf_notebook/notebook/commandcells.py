"""Which command does a `%%wf` cell give, with the cell as the rest of its line?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wf_notebook.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import click


def whole_cell(line: str, cell: str, commands: Mapping[str, click.Command]) -> str:
    r"""Return line and cell as one line of `%wf`.

    Raises:
        UsageError: the command takes no text as it stands.

    >>> from wf_notebook.commands import table
    >>> whole_cell("sql --out found", "from runs\n", table.commands)
    'sql --out found\nfrom runs\n'
    """
    taking = [name for name, one in commands.items() if getattr(one, "raw_after", None) is not None]
    name = line.split(maxsplit=1)[0] if line.strip() else ""
    if name not in taking:
        listed = " or ".join(sorted(taking))
        raise UsageError(
            f"%%wf takes {listed}, whose text is the cell.", hint="For others write %wf COMMAND."
        )
    return f"{line}\n{cell}"
