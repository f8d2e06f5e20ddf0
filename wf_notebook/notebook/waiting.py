"""How does a `%%workflow` cell become one that is awaited?

IPython turns the cell into a call, `get_ipython().run_cell_magic('workflow', line, body)`. A call
cannot wait without blocking clicks, so the call is rewritten to `await …` before it is compiled:
then the kernel's loop goes on while the cell waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_START: Final = "get_ipython().run_cell_magic("
_MARK: Final = "--awaited"


def make_transformer(
    waits: Mapping[str, Callable[[str], bool]],
) -> Callable[[list[str]], list[str]]:
    """Return a transformer for `ip.input_transformers_post`.

    Args:
        waits: for each magic: says whether a cell with that line waits.
    """

    def transformer(lines: list[str]) -> list[str]:
        if not (lines and lines[0].startswith(_START)):
            return lines
        from wf_notebook.cells.reading import magic_call  # when the first such cell runs

        found = magic_call("".join(lines))
        if found is None:
            return lines
        magic, line, body = found
        if magic not in waits or not waits[magic](line):
            return lines
        marked = f"{_MARK} {line}".rstrip()
        return [f"await get_ipython().run_cell_magic({magic!r}, {marked!r}, {body!r})\n"]

    return transformer
