"""Whatever the check accepts runs in the guest as it would in CPython: each benign source."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.oracle import Guest, Reference, Script
from wf_notebook.definition.compile import names_used, normalise
from wf_notebook.definition.validate import validate

ROOT: Final = Path(__file__).parents[2]
# Where a version manager has put others beside this one.
OTHER_PYTHONS: Final = sorted(Path(sys.base_prefix).parent.glob("3.1[1-9].*/bin/python"))
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


SCRIPT: Final = """
import dataclasses, json, pathlib, sys, types
sys.path.insert(0, sys.argv[1])
package = types.ModuleType("wf_notebook")
package.__path__ = [sys.argv[1] + "/wf_notebook"]
sys.modules["wf_notebook"] = package
from tests.oracle import Guest, Script
told = {}
for name, (source, entry, aliases, schemas, script) in json.load(sys.stdin).items():
    guest = Guest(Script(script), tuple(aliases), tuple(schemas))
    told[name] = dataclasses.asdict(guest.run(source, entry))
print(json.dumps(told, sort_keys=True))
"""


def test_the_corpus_is_the_same_under_every_python_and_hash_seed() -> None:
    """Results, output and calls depend neither on CPython's version nor on how it hashes."""
    corpus = {}
    for path in BENIGN:
        source = normalise(path.read_text("utf-8"))
        aliases, schemas = names_used(source)
        entry = validate(source, aliases=aliases, schemas=schemas).entry
        script = path.with_suffix(".json").read_text("utf-8")
        corpus[path.stem] = [source, entry, aliases, schemas, script]
    told = []
    for number, python in enumerate([Path(sys.executable), *OTHER_PYTHONS]):
        done = subprocess.run(
            [python, "-W", "ignore", "-c", SCRIPT, ROOT],
            input=json.dumps(corpus),
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": str(number), "PATH": os.defpath},
        )
        told.append(json.loads(done.stdout))
    for other in told[1:]:
        assert other == told[0]
