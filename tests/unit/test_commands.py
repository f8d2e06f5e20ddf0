"""The table of commands, on a world of its own."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import click
import pytest
from pydantic import BaseModel

from wf_notebook import doctor, open_world, step, step_context
from wf_notebook.commands import Caller, Command, call, split_words, table
from wf_notebook.commands.doctor import clicks
from wf_notebook.commands.twins import TWINS
from wf_notebook.errors import (
    HookNotFoundError,
    HookPayloadError,
    RunNotFoundError,
    UsageError,
    WorldPathError,
)
from wf_notebook.world import filesystems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wf_notebook import Run, World

SECRET = "canary-5b1f"

SOURCE = """
async def refund(order):
    "use workflow"
    await steps.look(order)
    approval = await create_hook(token=f"approve-{order}", schema="Approval", title="Approve it")
    await sleep("1h")
    return approval.amount
"""


class Approval(BaseModel):
    ok: bool
    amount: int = 5


@step
def look(order: str) -> str:
    """Look an order up.

    Slowly.
    """
    return f"{SECRET} {order}"


@pytest.fixture
def world(world_path: str) -> Iterator[World]:
    with open_world(world_path, isolation="inline") as found:
        yield found


@pytest.fixture
def start(world: World) -> Callable[[str], Run]:
    def start(order: str) -> Run:
        run = world.start(SOURCE, [order], steps=[look], schemas=[Approval])
        return run.wait_for("hook")

    return start


@pytest.fixture
def wf(world: World, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a `%wf` line and returns what it printed."""

    def run(line: str, *typed: str, **changes: Any) -> str:
        lines = iter(typed)

        def ask(prompt: str) -> str:
            click.echo(prompt)
            return next(lines)

        caller = Caller("%wf", lambda write: world, ask, **changes)
        call(table, split_words(line, table.commands), caller)
        return capsys.readouterr().out

    return run


# ------------------------------------------------------------------------------------- the table


@pytest.mark.parametrize("name", list(table.commands))
def test_every_command_has_help_and_examples(name: str, wf: Callable[..., str]) -> None:
    """`--help` says what a command does and shows it at work, with the caller's own first word."""
    command = table.commands[name]
    assert isinstance(command, Command)
    assert command.examples
    text = wf(f"{name} --help")
    assert f"From Python:\n  {TWINS[name]}\n" in text
    assert "Examples:" in text
    assert f"%wf {command.examples[0]}" in text


def test_examples_are_quoted_for_a_shell() -> None:
    """In a shell the JSON of an example needs quotes, in a notebook it must have none."""
    context = click.Context(table.commands["resume"], info_name="wf")
    assert """wf resume approve-A-17 '{"ok": true, "amount": 5}'""" in context.get_help()


def test_the_magic_lists_every_command() -> None:
    """`%wf?` names each command of the table."""
    from wf_notebook.notebook.magics import WorkflowMagics

    text = WorkflowMagics.wf.__doc__ or ""
    assert [name for name in table.commands if not re.search(rf"\b{name}\b", text)] == []


def test_without_a_word_the_commands_are_listed(wf: Callable[..., str]) -> None:
    """A bare `%wf` helps."""
    assert "resume" in wf("")


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "runs --limit zero",
        "resume",
        "runs --status sleepy",
        "show a b",
        "sql --format x",
    ],
)
def test_wrong_words_are_one_coded_error(line: str, wf: Callable[..., str]) -> None:
    """click's own errors become WF500 with a way out."""
    with pytest.raises(UsageError, match="WF500") as caught:
        wf(line)
    assert "--help" in caught.value.hint


# ----------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('resume T {"ok": true}', ["resume", "T", "--", '{"ok": true}']),
        ("resume T -5", ["resume", "T", "--", "-5"]),
        ('resume T "it\'s"', ["resume", "T", "--", '"it\'s"']),
        ('resume "my token" null', ["resume", "my token", "--", "null"]),
        ("resume T", ["resume", "T"]),
        ("resume --resume-id x T 1", ["resume", "--resume-id", "x", "T", "--", "1"]),
        ("resume T --resume-id x [1]", ["resume", "T", "--resume-id", "x", "--", "[1]"]),
        ("resume --resume-id=x T 1", ["resume", "--resume-id=x", "T", "--", "1"]),
        ("resume --help", ["resume", "--help"]),
        ("sql select 'a' as b -- c", ["sql", "--", "select 'a' as b -- c"]),
        ("sql -- select 1", ["sql", "--", "-- select 1"]),
        (
            "sql -o a.csv --out=x select\n  -1",
            ["sql", "-o", "a.csv", "--out=x", "--", "select\n  -1"],
        ),
        ("cancel R --reason 'wrong order'", ["cancel", "R", "--reason", "wrong order"]),
        ("", []),
    ],
)
def test_a_line_is_split_so_that_json_and_sql_survive(line: str, words: list[str]) -> None:
    """What follows the token, or `sql`, is one word with its quotes; the rest is as in a shell."""
    assert split_words(line, table.commands) == words


def test_an_open_quote_is_a_usage_error() -> None:
    """A line that ends inside quotes is refused, not guessed at."""
    with pytest.raises(UsageError, match="quotation"):
        split_words("cancel R --reason 'wrong", table.commands)


# --------------------------------------------------------------------------------------- looking


def test_runs_lists_newest_first_with_what_they_wait_on(
    start: Callable[[str], Run], wf: Callable[..., str]
) -> None:
    """One line a run: state, name, id, and for a live one what it waits for."""
    first, second = start("a"), start("b")
    lines = wf("runs").splitlines()
    assert [second.id in lines[0], first.id in lines[1]] == [True, True]
    assert "suspended" in lines[0]
    assert "waits for hook approve-b" in lines[0]
    assert wf("runs --limit 1").count("\n") == 1
    assert wf("runs --view text").count("\n") == 2


def test_a_terminal_shows_no_table(wf: Callable[..., str]) -> None:
    """Who asks for one is told where there is one."""
    with pytest.raises(UsageError, match=r"cannot show a widget.*in a notebook"):
        wf("runs --view widget")


def test_runs_filters_by_any_status(start: Callable[[str], Run], wf: Callable[..., str]) -> None:
    """Finished and live words work alike; an empty list says so."""
    ended, live = start("a"), start("b")
    ended.cancel()
    assert live.id in wf("runs --status suspended")
    assert ended.id not in wf("runs --status suspended")
    assert ended.id in wf("runs --status cancelled")
    assert wf("runs --status failed") == "No runs.\n"


def test_json_says_the_same_for_programs(
    world: World, start: Callable[[str], Run], wf: Callable[..., str]
) -> None:
    """`--json` of runs, show and hooks parses and names the same things."""
    run = start("a")
    (row,) = json.loads(wf("runs --json"))
    assert (row["run_id"], row["status"], row["name"]) == (run.id, "suspended", "refund")
    shown = json.loads(wf("show --json"))
    assert [s["alias"] for s in shown["steps"]] == ["look"]
    assert shown["status"] == "suspended"
    (hook,) = json.loads(wf("hooks --json"))
    assert [(r.id, h.token) for r, h in world.hooks()] == [(run.id, "approve-a")]
    assert (hook["token"], hook["schema"], hook["run_id"]) == ("approve-a", "Approval", run.id)


def test_no_command_shows_values(start: Callable[[str], Run], wf: Callable[..., str]) -> None:
    """Arguments, results and payloads never appear; titles only where nothing is saved."""
    start(SECRET)
    lines = ("runs", "show", "why", "steps", "hooks", "runs --json", "show --json", "hooks --json")
    said = "".join(wf(line, saved=True) for line in lines)
    assert f"{SECRET} {SECRET}" not in said
    assert said.replace(f"approve-{SECRET}", "").count(SECRET) == 0
    assert "Approve it" not in said
    assert "Approve it" in wf("hooks")
    assert "Approve it" in wf("show")


def test_runs_are_found_by_their_attributes(
    world: World, start: Callable[[str], Run], wf: Callable[..., str]
) -> None:
    """Those that are labelled so, live or not; a word that is no NAME=TEXT is refused."""
    run, other = start("a"), start("b")
    run.set_attributes({"customer": "A-17", "stage": "asked"})
    other.set_attributes({"customer": "B-1"})
    other.cancel()
    (found,) = json.loads(wf("runs --attribute customer=A-17 -a stage=asked --json"))
    assert (found["run_id"], found["attributes"]["stage"]) == (run.id, "asked")
    assert [r.id for r in world.runs(attributes={"customer": "B-1"})] == [other.id]
    assert world.runs(status="suspended", attributes={"customer": "B-1"}) == []
    assert "customer=A-17, stage=asked" in wf(f"show {run.id}")
    with pytest.raises(UsageError, match="'customer' is not NAME=TEXT"):
        wf("runs -a customer")


def test_answer_shows_what_comes_with_the_hook(world: World, wf: Callable[..., str]) -> None:
    """Metadata is shown to whoever answers, unless what is printed may be saved."""
    source = """
async def w():
    "use workflow"
    order = {"id": "A-17", "when": now()}
    return [await create_hook(token=t, metadata=order) for t in "ab"]
"""
    world.start(source, steps=[look]).wait_for("hook")
    assert '"id": "A-17"' in wf("answer a", "1")
    world.unfinished()[0].wait_for("hook")
    assert "A-17" not in wf("answer b", "2", saved=True)


def test_a_run_is_found_by_a_unique_beginning(
    start: Callable[[str], Run], wf: Callable[..., str]
) -> None:
    """The whole id, a prefix, a prefix without `wrun_`; case doesn't matter."""
    run = start("a")
    bare = run.id.removeprefix("wrun_")
    for word in (run.id, run.id[:-2], bare, bare[:-3].lower()):
        assert wf(f"why {word}").startswith("refund waits for hook approve-a")


def test_an_ambiguous_or_unknown_beginning_is_refused(
    start: Callable[[str], Run], wf: Callable[..., str]
) -> None:
    """Several runs: they are listed. None: it says so."""
    runs = start("a"), start("b")
    with pytest.raises(UsageError, match="2 runs begin with 'wrun_'") as caught:
        wf("why wrun_")
    assert all(run.id in caught.value.message for run in runs)
    with pytest.raises(RunNotFoundError, match="nope"):
        wf("why nope")


def test_without_a_run_the_latest_of_the_notebook_is_meant(
    world: World, start: Callable[[str], Run], wf: Callable[..., str]
) -> None:
    """Runs of other notebooks in the same world are not taken for this one's."""
    from wf_notebook import Origin

    mine = world.start(
        SOURCE, ["m"], steps=[look], schemas=[Approval], origin=Origin("mine.ipynb", "", 0)
    ).wait_for("hook")
    other = start("o")
    assert other.id in wf("show")
    assert mine.id in wf("show", notebook="mine.ipynb")
    with pytest.raises(RunNotFoundError, match="This notebook has no run"):
        wf("show", notebook="third.ipynb")


def test_an_empty_world_says_so(wf: Callable[..., str]) -> None:
    """Nothing there is a sentence or one error, never a crash."""
    assert wf("runs") == "No runs.\n"
    assert wf("hooks") == "No hook is open.\n"
    with pytest.raises(RunNotFoundError, match="no run yet"):
        wf("show")


def test_stream_prints_what_was_written(world: World, wf: Callable[..., str]) -> None:
    """The only stream without its name; of several the one named, from an index; else their list."""

    @step
    def train() -> None:
        out = step_context().stream("metrics")
        for n in range(3):
            out.write({"epoch": n})
        step_context().stream("log").write("begun\n")

    source = 'async def w():\n    "use workflow"\n    print("hello")\n    {}\n'
    world.start(source.format("return 1"), steps=[train]).result(timeout=10)
    assert wf("stream") == "hello\n"
    run = world.start(source.format("await steps.train()"), steps=[train])
    run.result(timeout=10)
    assert [line.split() for line in wf("stream").splitlines()] == [
        ["log", "1", "chunk", "closed"],
        ["metrics", "3", "chunks", "closed"],
        ["stdout", "1", "chunk", "closed"],
    ]
    assert wf(f"stream {run.id} log") == "begun\n"
    assert wf(f"stream {run.id} metrics --start -2") == '{"epoch": 1}\n{"epoch": 2}\n'
    with pytest.raises(UsageError, match="no stream 'nope'") as caught:
        wf(f"stream {run.id} nope")
    assert "log, metrics, stdout" in caught.value.hint


def test_a_run_without_streams_says_so(start: Callable[[str], Run], wf: Callable[..., str]) -> None:
    """It has written none."""
    run = start("a")
    assert wf("stream") == f"{run.id} has written no stream.\n"


def test_source_is_what_is_stored(start: Callable[[str], Run], wf: Callable[..., str]) -> None:
    """The source comes out byte for byte."""
    assert wf(f"source {start('a').id}") == SOURCE.removesuffix("\n") + "\n"


def test_steps_lists_the_catalogue_or_a_runs_calls(
    start: Callable[[str], Run], wf: Callable[..., str]
) -> None:
    """Without a run: signature and first line of help. With one: its calls."""
    offered = wf("steps")
    assert "look(order: str) -> str" in offered
    assert "Look an order up." in offered
    calls = wf(f"steps {start('a').id}")
    assert re.match(r"look +completed +line 4 +1 attempt ", calls)


# ---------------------------------------------------------------------------------------- moving


def test_resume_takes_the_rest_of_the_line_as_json(
    start: Callable[[str], Run], wf: Callable[..., str]
) -> None:
    """Braces, quotes and blanks reach the payload as they were typed."""
    run = start("a")
    assert wf('resume approve-a {"ok": true, "amount": 7}') == "Resumed the hook approve-a.\n"
    run.wait_for("sleep").wake()
    assert run.result(timeout=10) == 7


def test_a_wrong_payload_is_refused_with_its_fields(
    start: Callable[[str], Run], wf: Callable[..., str]
) -> None:
    """Neither a bad value nor bad JSON changes anything."""
    run = start("a")
    seen = run.state.seq
    with pytest.raises(HookPayloadError, match="amount"):
        wf('resume approve-a {"ok": true, "amount": "many"}')
    with pytest.raises(UsageError, match="not JSON"):
        wf("resume approve-a {ok: true}")
    with pytest.raises(UsageError, match='"yes"'):
        wf("resume approve-a yes")
    with pytest.raises(HookNotFoundError, match="approve-b"):
        wf("resume approve-b null")
    assert run.state.seq == seen


def test_the_same_resume_id_is_recorded_once(
    start: Callable[[str], Run], wf: Callable[..., str]
) -> None:
    """Sending it again is answered as before."""
    run = start("a")
    for _ in range(2):
        wf('resume --resume-id one approve-a {"ok": true}')
    assert [hook.received for hook in run.hooks] == [1]


def test_answer_asks_field_by_field(start: Callable[[str], Run], wf: Callable[..., str]) -> None:
    """Each field with its type and default; a wrong line is explained and asked again."""
    run = start("a")
    said = wf("answer", "maybe", "", "y", "many", "")
    assert "Approve it, asked by refund" in said
    assert said.count("ok (y/n): ") == 3
    assert "'maybe' is neither y nor n." in said
    assert "ok is required." in said
    assert said.count("amount (integer) [5]: ") == 2
    assert "'many' is not a whole number." in said
    run.wait_for("sleep").wake()
    assert run.result(timeout=10) == 5


def test_answer_names_the_hooks_when_several_are_open(
    start: Callable[[str], Run], wf: Callable[..., str]
) -> None:
    """One open hook needs no name; with two, both are listed."""
    with pytest.raises(HookNotFoundError, match="No hook is open"):
        wf("answer")
    start("a")
    start("b")
    with pytest.raises(UsageError, match="approve-b, approve-a"):
        wf("answer")
    assert "Resumed the hook approve-b." in wf("answer approve-b", "y", "")
    with pytest.raises(HookNotFoundError, match="approve-x"):
        wf("answer approve-x")


def test_wake_and_cancel_say_what_they_did(
    start: Callable[[str], Run], wf: Callable[..., str]
) -> None:
    """Each names the run; doing it again says that there was nothing to do."""
    run = start("a")
    assert wf("wake") == f"Nothing sleeps in {run.id}.\n"
    assert wf("cancel --reason 'wrong order'") == f"Cancelled refund ({run.id}).\n"
    assert run.state.reason == "wrong order"
    assert wf("cancel") == f"{run.id} had already ended.\n"


def test_wake_ends_the_sleep(start: Callable[[str], Run], wf: Callable[..., str]) -> None:
    """A sleep of an hour ends at once."""
    run = start("a")
    wf('resume approve-a {"ok": true}')
    run.wait_for("sleep")
    assert wf("wake") == f"Woke refund ({run.id}).\n"
    assert run.result(timeout=10) == 5


# ---------------------------------------------------------------------------------------- doctor


def test_doctor_says_what_is_here(world: World, wf: Callable[..., str]) -> None:
    """Versions, the world, its owner, where its key is, what isolation there is."""
    said = wf("doctor")
    for word in ("python", "duckdb", "clicks", "file system", "owner", "isolation"):
        assert re.search(rf"^{word} ", said, re.MULTILINE)
    assert world.path in said
    assert "keys" in said
    assert ("owner", "this process") in doctor()


def test_doctor_doubts_a_file_system_of_others(
    world: World, wf: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a network the lock of the owner may not hold."""
    assert "another machine" not in wf("doctor")
    monkeypatch.setattr(filesystems, "kind_of", lambda _path: "nfs4")
    assert re.search(r"^file system +nfs4: another machine", wf("doctor"), re.MULTILINE)


def test_doctor_works_without_a_world(capsys: pytest.CaptureFixture[str]) -> None:
    """A world that cannot be opened is a line of the report."""

    def refuse(_write: bool) -> World:
        raise WorldPathError("No such world.")

    call(table, ["doctor"], Caller("%wf", refuse, lambda _: ""))
    assert "WF304 No such world." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("6.31.0", "until the cell"),
        ("7.0.1", "subshells"),
        ("7.3.9", "subshells"),
        ("7.4.0", "arrive while a cell awaits"),
        ("8.0a1", "arrive while a cell awaits"),
        (None, "no kernel"),
    ],
)
def test_doctor_knows_which_kernels_deliver_clicks(version: str | None, said: str) -> None:
    """The measured table of the design, by version."""
    assert said in clicks(version)
