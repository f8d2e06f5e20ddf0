"""What else a hook says to whoever answers it, as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from pydantic_core import to_jsonable_python

from wf_notebook.definition.values import plain
from wf_notebook.views.words import visible

if TYPE_CHECKING:
    from wf_notebook.world.state import Hook

_CHARS: Final = 4_000


def details(hook: Hook) -> str:
    """Return a hook's metadata as indented JSON, cut where it is very long; "" if it has none."""
    if hook.metadata_tree is None:
        return ""
    found = to_jsonable_python(plain(hook.metadata), fallback=str)
    text = json.dumps(found, indent=2, ensure_ascii=False)
    cut = f"{text[:_CHARS]}\n…" if len(text) > _CHARS else text
    return "\n".join(visible(line) for line in cut.splitlines())
