"""The line with which somebody else answers a hook: a shell takes it, and it approves nothing."""

from __future__ import annotations

import shlex

import pytest

from tests.view_runs import APPROVAL
from wf_notebook import open_world, step
from wf_notebook.cli import main
from wf_notebook.views.commandline import resume_line

SOURCE = """
async def ask(token):
    "use workflow"
    return await create_hook(token=token)
"""


@step
def never() -> None:
    raise AssertionError


AWKWARD = [
    "plain",
    "a b",
    "it's",
    '"quoted"',
    "$HOME `id`",
    "-leading",
    "naïve ✓",
    "a;b&c|d",
    "--help",
]


@pytest.mark.parametrize("token", AWKWARD)
def test_a_shell_takes_it_for_the_words_it_is(token: str) -> None:
    """Whatever stands in a token or a path, the line splits into just those words."""
    words = shlex.split(resume_line(token, APPROVAL, "/a b/it's.duckdb"))
    assert words[:4] == ["wf", "resume", "--world", "/a b/it's.duckdb"]
    assert words[-2:] == [token, '{"ok": …, "due": …}']


@pytest.mark.parametrize(
    ("schema", "payload"),
    [
        (None, "…"), ({}, "…"), ({"type": "string"}, "…"),
        ({"properties": {"a": {}}}, '{"a": …}'),
        ({"required": [f"f{n}" for n in range(20)]}, None),
    ],
)  # fmt: skip
def test_what_has_to_be_filled_in_is_left_open(schema: object, payload: str | None) -> None:
    """The fields are named; as it stands it is no JSON."""
    found = shlex.split(resume_line("t", schema, "w.duckdb"))[-1]  # type: ignore[arg-type]
    assert found == payload or (payload is None and found.endswith('"f11": …, …}'))


@pytest.mark.parametrize(
    ("token", "world"),
    [("t", ""), ("t", ":memory:"), ("a\x1b[2Jb", "w.duckdb"), ("a\nb", "w.duckdb")],
)
def test_where_there_is_no_such_line_there_is_none(token: str, world: str) -> None:
    """A world that no other process can open; a token that would do something to a terminal."""
    assert resume_line(token, None, world) == ""


def test_wf_takes_it(world_path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The line answers its hook once the JSON is there; as it stands it is refused."""
    with open_world(world_path, steps=[never]) as world:
        tokens = [f'it\'s "$HOME" `id` {AWKWARD[-3]}', "-leading"]
        runs = [world.start(SOURCE, (t,), steps=[never], isolation="inline") for t in tokens]
        ids = [run.wait_for("hook", timeout=60).id for run in runs]
    for token in tokens:
        words = shlex.split(resume_line(token, None, world_path))[1:]
        assert main(words) == 2
        assert main([*words[:-1], '{"ok": true}']) == 0, capsys.readouterr().err
    with open_world(world_path, steps=[never]) as world:
        assert [world.get(key).result(timeout=60) for key in ids] == [{"ok": True}] * len(ids)
