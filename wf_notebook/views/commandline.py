"""How somebody else, at a shell, answers a hook."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.views.words import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIELDS: Final = 12


def resume_line(token: str, schema: Mapping[str, Any] | None, world: str) -> str:
    r"""Return a line that answers a hook from a shell; "" where there is none.

    What has to be filled in is left as "…", which is no JSON: the line as it stands approves
    nothing.

    Args:
        token: the hook's token.
        schema: what the payload has to fit, or None for any JSON.
        world: path of the world file; "" or ":memory:" if no other process can open it.

    >>> resume_line("approve A", {"required": ["ok"]}, "orders.duckdb")
    'wf resume --world orders.duckdb \'approve A\' \'{"ok": …}\''
    """
    # a token that holds a control character would do something to the terminal it is pasted into
    if world in ("", ":memory:") or visible(token) != token:
        return ""
    words = ["wf", "resume", "--world", world, *(["--"] if token.startswith("-") else [])]
    return shlex.join([*words, token, _payload(schema or {})])


def _payload(schema: Mapping[str, Any]) -> str:
    names = [str(name) for name in schema.get("required") or schema.get("properties") or ()]
    if not names:
        return "…"
    more = ", …" if len(names) > _FIELDS else ""
    fields = ", ".join(f"{json.dumps(name)}: …" for name in names[:_FIELDS])
    return f"{{{fields}{more}}}"
