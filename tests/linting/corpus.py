"""The notebooks of the corpus, and what has to be found in them."""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "corpus" / "notebooks"
EXPECTED: dict[str, list[tuple[int, int, str, str]]] = {
    name: [(cell, line, code, word) for cell, line, code, word in found]
    for name, found in json.loads((FOLDER / "expected.json").read_text("utf-8")).items()
}


def path_of(name: str) -> str:
    """Where a notebook of the corpus is."""
    return str(FOLDER / f"{name}.ipynb")


READABLE = [
    name for name, found in EXPECTED.items() if not any(code == "WF510" for *_, code, _ in found)
]
