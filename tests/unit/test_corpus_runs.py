"""Whatever the check accepts runs in the guest as it would in CPython: each benign source."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.oracle import Guest, Reference, Script
from wf_notebook.definition.compile import names_used, normalise
from wf_notebook.definition.validate import validate

BENIGN: Final = sorted((Path(__file__).parents[1] / "corpus" / "benign").glob("*.py"))


@pytest.mark.parametrize("path", BENIGN, ids=lambda path: path.stem)
def test_a_source_does_what_it_does_in_cpython(path: Path) -> None:
    """Result, error, output and calls are those of plain asyncio with the same answers."""
    source = normalise(path.read_text("utf-8"))
    aliases, schemas = names_used(source)
    entry = validate(source, aliases=aliases, schemas=schemas).entry
    assert entry is not None
    script = Script.beside(path)
    told = Guest(script, aliases, schemas).run(source, entry)
    assert told == Reference(Script.beside(path), aliases).run(source, entry)
    if script.raises is None:
        assert (told.error, told.status) == (None, "completed")
        assert told.result is not None or told.printed or told.calls
    else:
        assert told.error is not None
        assert told.error[0] == script.raises


def test_the_corpus_asks_for_what_there_is() -> None:
    """The whole surface of a source is used somewhere, and more than once."""
    texts = [path.read_text("utf-8") for path in BENIGN]
    for name in ("sleep(", "create_hook(", "now()", "uuid4()", "random.", "asyncio.", "StepError"):
        assert sum(name in text for text in texts) >= 2, name


def test_every_script_belongs_to_a_source() -> None:
    """None was left behind when its source was renamed."""
    scripts = {path.stem for path in BENIGN[0].parent.glob("*.json")}
    assert scripts == {path.stem for path in BENIGN}
