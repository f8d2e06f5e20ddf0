"""I15: of what is sealed nothing is found in anything that we write, each secret with its own canary."""

from __future__ import annotations

import json
import logging
import tempfile
from typing import TYPE_CHECKING, Any

import click
import pytest
from pydantic import BaseModel

from wf_notebook import FatalError, open_world, step, step_context
from wf_notebook.commands import Caller, call, split_words, table
from wf_notebook.definition.steps import Backoff
from wf_notebook.errors import HookPayloadError, WorkflowError
from wf_notebook.views.card import card, mimebundle
from wf_notebook.views.text import render_run

if TYPE_CHECKING:
    from pathlib import Path

    from wf_notebook.api import World
    from wf_notebook.run import Run

KEY = bytes(range(64, 96))
CANARIES = {
    name: f"canary{number:02}zq"
    for number, name in enumerate((
        "source", "argument", "keyword", "result of a step", "large result",
        "text of an error", "text of a fatal error", "title", "metadata", "payload", "refused payload",
        "chunk", "printed", "result", "end of a run", "reason", "child",
    ))
}  # fmt: skip

SOURCE = f"""
# {CANARIES["source"]}
async def flow(word, *, key):
    "use workflow"
    print({CANARIES["printed"]!r})
    found = await steps.work(word)
    await steps.child()
    hook = create_hook(token="note", schema="Note", title={CANARIES["title"]!r},
                       metadata={{"m": {CANARIES["metadata"]!r}}})
    note = await hook
    await sleep("1ms")
    try:
        await steps.breaks(note.text)
    except StepError:
        pass
    if word.startswith("fail"):
        raise ValueError({CANARIES["end of a run"]!r})
    if word.startswith("wait"):
        await create_hook(token="last")
    return [{CANARIES["result"]!r}, found]
"""
CHILD = """
async def child(word):
    "use workflow"
    return word
"""


class Note(BaseModel):
    text: str


@step(retries=1, backoff=Backoff(initial=0.01))
def work(word: str) -> dict[str, str]:
    context = step_context()
    context.stream("log").write(CANARIES["chunk"])
    if context.attempt == 1:
        raise ValueError(CANARIES["text of an error"])
    return {"a": CANARIES["result of a step"], "b": CANARIES["large result"] * 10_000}


@step
def child() -> str:
    from wf_notebook import start

    run = start(CHILD, [CANARIES["child"]], steps=[work], isolation="inline")
    return run.id


@step
def breaks(text: str) -> None:
    raise FatalError(CANARIES["text of a fatal error"])


def played(world: World) -> list[Run]:
    """Runs of every kind: completed, failed, cancelled, waiting."""
    runs: list[Run] = []
    for kind in ("ok", "fail", "wait", "stop"):
        run = world.start(
            SOURCE.replace('"note"', f'"note-{kind}"').replace('"last"', f'"last-{kind}"'),
            [f"{'wait' if kind == 'stop' else kind} {CANARIES['argument']}"],
            kwargs={"key": CANARIES["keyword"]},
            steps=[work, child, breaks],
            schemas=[Note],
            attributes={"kind": kind},
        )
        run.wait_for("hook", timeout=30)
        with pytest.raises(HookPayloadError, match="WF223"):
            run.resume(f"note-{kind}", {"text": [CANARIES["refused payload"]]})
        run.resume(f"note-{kind}", {"text": CANARIES["payload"]})
        runs.append(run.wait_for("terminal" if kind in ("ok", "fail") else "hook", timeout=30))
    runs[-1].cancel(CANARIES["reason"])
    return runs


def found_in(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    return [name for name, canary in CANARIES.items() if canary.encode() in data]


def found_in_files(*folders: Path) -> dict[str, list[str]]:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert files
    found = {str(path): found_in(path.read_bytes()) for path in files}
    return {name: canaries for name, canaries in found.items() if canaries}


def said(world: World, runs: list[Run], capsys: pytest.CaptureFixture[str]) -> str:
    """All that the commands, the views and the formatters write into a notebook."""
    written: list[Any] = []
    for run in runs:
        view = run.view()
        written += [render_run(view), card(view), mimebundle(view), view.to_json(), repr(run)]
        written += [run._repr_mimebundle_(), run.why()]
    tables = world.sql("select table_name from information_schema.tables").rows
    lines = ["runs", "hooks", "runs --json", "hooks --json", "steps"]
    lines += [f"{word} {run.id}" for run in runs for word in ("show", "why", "steps", "stream")]
    lines += [f"show {run.id} --json" for run in runs]
    lines += [f"sql select * from {name}" for (name,) in tables]
    lines += [f"sql select * from {catalog}.main.definitions" for (catalog,) in world.sql(
        "select distinct database_name from duckdb_tables() where table_name = 'definitions'"
    ).rows]  # fmt: skip
    caller = Caller("%wf", lambda write: world, lambda prompt: "", saved=True)
    capsys.readouterr()
    for line in lines:
        try:
            call(table, split_words(line, table.commands), caller)
        except WorkflowError as error:
            click.echo(str(error))
    return json.dumps(written, default=str) + capsys.readouterr().out


def test_no_canary_anywhere(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """World file, log, lock, temporary files, logs at DEBUG, whatever is shown; and all is there.

    Then the runs are forgotten: not a canary could be opened from what is left.
    """
    caplog.set_level(logging.DEBUG, logger="wf_notebook")
    temp = tmp_path / "temp"
    temp.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temp))
    (temp / "looked at").write_text("so that there is something to be found")
    folder = tmp_path / "worlds"
    with open_world(folder / "w.duckdb", key=KEY, isolation="inline") as world:
        runs = played(world)
        opened = json.dumps([[run.history(), run.source] for run in runs])
        opened += json.dumps([run.stream(s.name).read() for run in runs for s in run.streams])
        opened += json.dumps([child.history() for run in runs for child in run.children()])
        assert set(CANARIES) - set(found_in(opened)) == {"refused payload"}
        assert found_in(said(world, runs, capsys)) == []
        assert found_in_files(folder, temp) == {}
    assert found_in_files(folder, temp) == {}
    assert found_in(caplog.text) == []
    assert KEY.hex() not in caplog.text
    with open_world(folder / "w.duckdb", key=b"x" * 32) as locked:
        shown = [locked.get(run.id) for run in runs]
        assert found_in(said(locked, shown, capsys)) == []
    with open_world(folder / "w.duckdb", key=KEY, isolation="inline") as world:
        ids = [row.run_id for row in world.rows(limit=None)]
        for run in world.unfinished():
            run.cancel(CANARIES["reason"])
        world.forget(*ids)
        for sealed in ("events", "run_keys", "w.main.definitions"):  # not the view of that name
            assert world.sql(f"from {sealed}").rows == []
        assert found_in_files(folder, temp) == {}
    assert found_in_files(folder, temp) == {}
