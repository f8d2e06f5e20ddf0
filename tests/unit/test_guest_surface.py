"""What a source finds without importing: steps, sleep, create_hook, now, random, uuid4, print."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.guest_runs import SECOND, START_US, Play, check_replays, result_of, run
from wf_notebook.guest.agreed import MAX_TIME_US
from wf_notebook.guest.surface import Prints


def raised(statement: str, **changes: Any) -> str:
    """Type and message of what a statement of the body raises, at its own line."""
    source = f"async def w():\n    x = 1\n    {statement}\n    await steps.a(1)\n"
    reply = run(source, **changes)
    assert reply.error is not None, reply
    assert reply.error.line == 3
    return f"{reply.error.type}: {reply.error.message}"


# ---------------------------------------------------------------------------------- steps


@pytest.mark.parametrize(
    ("call", "args"),
    [
        ("s(1, 2)", {"a": 1, "b": 2}),
        ("s(1, b=2)", {"a": 1, "b": 2}),
        ("s(b=2, a=1)", {"a": 1, "b": 2}),
        ("s(1)", {"a": 1}),
        ("v(1, 2, 3, k=4, z=5)", {"a": 1, "rest": {"$t": "tuple", "v": [2, 3]}, "k": 4,
                                  "more": {"z": 5}}),
        ("v(1, k=2)", {"a": 1, "k": 2}),
        ("n()", {}),
        ("p(1, self=2)", {"alias": 1, "self": 2}),
    ],
)  # fmt: skip
def test_arguments_are_bound_by_name(call: str, args: dict[str, Any]) -> None:
    """Twice the same, as the second call of a shape takes a short cut."""
    steps = {"s": "a b=", "v": "a *rest k **more", "n": "", "p": "alias self="}
    play = Play(
        f"async def w():\n    steps.{call}\n    steps.{call}\n    steps.{call}\n", steps=steps
    )
    assert [c["args"] for c in play.commands] == [args] * 3


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("s()", "missing a required argument: 'a'"),
        ("s(1, 2, 3)", "too many positional arguments"),
        ("s(1, c=2)", "unexpected keyword argument 'c'"),
        ("s(1, a=2)", "multiple values for argument 'a'"),
    ],
)
def test_a_wrong_call_is_a_type_error_at_the_call(call: str, says: str) -> None:
    """It names the step, what is wrong, and how it is called."""
    said = raised(f"steps.{call}", steps={"s": "a b="})
    assert said.startswith("TypeError: steps.s(): ")
    assert says in said
    assert said.endswith("it is called as s(a, b=...)")


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("{'items': [1, 2, 3, object()]}", "a.x['items'][3]: an object cannot be recorded"),
        ("steps.c()", "a.x: <steps.c pending> has not been awaited; write `await` before it"),
        ("create_hook('t')", "a.x: <hook 't' open> has not been awaited"),
        ("(i for i in ())", "a.x: a generator cannot be recorded; make a list of it"),
        ("map(str, ())", "a.x: a map cannot be recorded; make a list of it"),
        ("print", "a.x: a method cannot be recorded"),
        ("asyncio.current_task()", "a.x: <Task pending name='workflow'> has not been awaited"),
    ],
)
def test_an_argument_that_cannot_cross_names_its_path(argument: str, says: str) -> None:
    """The error comes at the call, says where in the value, and what to do."""
    found = raised(f"steps.a({argument})").replace("a.x.items", "a.x['items']")
    assert found.startswith(f"Unencodable: {says}")


def test_a_coroutine_as_argument_is_named() -> None:
    """A helper that was called but not awaited."""
    source = """
async def helper(): pass
async def w():
    made = helper()
    try:
        steps.a(made)
    except TypeError as error:
        return str(error)
    finally:
        made.close()
"""
    said = "a.x: the coroutine helper() has not been awaited; write `await` before it"
    assert run(source).result == said


def test_aliases_may_be_named_as_anything_else() -> None:
    """Neither Python's names nor ours get in the way."""
    aliases = ["print", "steps", "sleep", "mro", "keys", "self", "cancel", "set"]
    calls = "".join(f"    steps.{alias}(self=1, alias=2)\n" for alias in aliases)
    play = Play(f"async def w():\n{calls}", steps=dict.fromkeys(aliases, "self alias"))
    assert [c["alias"] for c in play.commands] == aliases


def test_arguments_are_taken_at_the_call() -> None:
    """What the body does to a list afterwards changes nothing."""
    play = Play("async def w():\n    x = [1]\n    steps.a(x)\n    x.append(2)\n    steps.a(x)\n")
    assert [c["args"]["x"] for c in play.commands] == [[1], [1, 2]]


def test_only_the_given_aliases_exist() -> None:
    """Another name is an AttributeError with a guess; the names cannot be changed."""
    assert "no step 'charg'; did you mean 'charge'?" in raised(
        "steps.charg(1)", steps={"charge": ""}
    )
    assert "there are: a, b, c" in raised("steps.zzz")
    assert "read-only" in raised("steps.a = 1")
    assert "read-only" in raised("del steps.a")
    assert result_of("return [repr(steps), repr(steps.a), repr(steps.a(1))]") == [
        "<steps a, b, c>", "<step a>", "<steps.a pending>",
    ]  # fmt: skip


def test_a_steps_failure_is_data() -> None:
    """Type name, message, causes and parts; FatalError is caught by that name too."""
    source = """
async def w():
    try:
        await steps.a(1)
    except StepError as error:
        cause, parts = error.cause, error.parts
        return [error.type, error.message, str(error), error.step, cause.type, cause.cause.message,
                error.__cause__ is cause, [p.type for p in parts], isinstance(error, FatalError)]
"""
    cause = {"type": "OSError", "message": "no", "cause": {"type": "E", "message": "deep"}}
    parts = [{"type": "P", "message": "", "cause": None, "parts": []}]
    play = Play(source)
    play.fail(1, "FatalError", "card refused", cause=cause, parts=parts)
    assert check_replays(play).result == [
        "FatalError", "card refused", "FatalError: card refused", "a", "OSError", "deep",
        True, ["P"], True,
    ]  # fmt: skip


def test_an_uncaught_step_failure_fails_the_run_with_its_causes() -> None:
    """The report keeps the chain and the line that awaited."""
    play = Play("async def w():\n    await steps.a(1)\n")
    play.fail(1, "KeyError", "'k'", cause={"type": "OSError", "message": "gone"})
    error = play.reply.error
    assert error is not None
    assert (error.type, error.message, error.line) == ("StepError", "KeyError: 'k'", 2)
    assert error.cause is not None
    assert error.cause.message == "OSError: gone"


def test_results_are_values() -> None:
    """Records, dates and ordered sets come back as such."""
    body = """
    order = await steps.a(1)
    return [order.id, order["when"].year, [*order.tags], repr(order.tags)]
    """
    value = {"$t": "record", "name": "Order", "v": {
        "id": "A", "when": {"$t": "date", "v": "2026-01-02"},
        "tags": {"$t": "set", "v": ["z", "a"]},
    }}  # fmt: skip
    assert result_of(body, ("done", 1, value)) == ["A", 2026, ["z", "a"], "{'z', 'a'}"]


# ---------------------------------------------------------------------------------- sleep


@pytest.mark.parametrize(
    ("duration", "due_us"),
    [
        ("'1h 30m'", START_US + 5400 * SECOND),
        ("2", START_US + 2 * SECOND),
        ("0.0000001", START_US + 1),
        ("timedelta(days=30)", START_US + 30 * 86_400 * SECOND),
        ("0", START_US),
        ("-5", START_US),
        ("datetime(2030, 1, 1, tzinfo=UTC)", 1_893_456_000 * SECOND),
        ("datetime(1960, 1, 1, tzinfo=UTC)", 0),
        ("timedelta.max", MAX_TIME_US),
        ("1e15", MAX_TIME_US),
    ],
)
def test_sleep_takes_every_form(duration: str, due_us: int) -> None:
    """Text, seconds, timedelta, aware datetime; never early, never past the year 9999."""
    imports = "from datetime import UTC, datetime, timedelta\n"
    play = Play(
        f"{imports}async def w():\n    f = sleep({duration})\n    await steps.a(1)\n    await f\n"
    )
    assert play.commands[0]["due_us"] == due_us
    assert play.asked() == ["wait 1 sleep", "step 2 a"]


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("'soon'", "ValueError: cannot read 'soon'"),
        ("None", "TypeError: a duration is"),
        ("now().replace(tzinfo=None)", "ValueError: sleep() takes a datetime with a time zone"),
    ],
)
def test_a_wrong_sleep_is_an_error_at_the_call(argument: str, says: str) -> None:
    """With what to write instead."""
    assert raised(f"sleep({argument})").startswith(says)


def test_a_sleep_that_is_cancelled_later_is_withdrawn() -> None:
    """A recorded wait that nobody waits for any more."""
    play = Play("async def w():\n    f = sleep(60)\n    await steps.a(1)\n    f.cancel()\n")
    play.done(2)
    assert play.asked()[2:] == ["wait_cancel 1"]
    assert check_replays(play).status == "completed"


# ---------------------------------------------------------------------------------- hooks


def test_a_hook_gives_its_payloads_in_order() -> None:
    """Payloads that come before anyone awaits are kept; awaiting again gives the next."""
    source = """
async def w():
    hook = create_hook("approve", schema="Approval", title="Please")
    await steps.a(1)
    return [await hook, await hook, hook.token]
"""
    play = Play(source)
    assert play.commands[0] == {
        "op": "hook", "token": "approve", "schema": "Approval", "title": "Please",
        "metadata": None, "line": 3,
        "n": 1, "after": 0,
    }  # fmt: skip
    play.open_hook(1)
    play.resume(1, "one")
    play.done(2)
    play.resume(1, "two")
    assert check_replays(play).result == ["one", "two", "approve"]


def test_async_for_takes_all_payloads_until_disposal() -> None:
    """Each payload once, also with several consumers; disposal ends the loops."""
    source = """
async def w():
    found = []
    async with create_hook("t") as hook:
        async def consume(name):
            async for payload in hook:
                found.append([name, payload])
                if payload == 3:
                    hook.dispose()
        await asyncio.gather(consume("one"), consume("two"))
    return found
"""
    play = Play(source)
    for value in (1, 2, 3):
        play.resume(1, value)
    assert play.asked() == ["hook 1 t", "hook_dispose 1"]
    play.resume(1, "late")
    assert check_replays(play).result == [["one", 1], ["two", 2], ["one", 3]]


def test_a_disposed_hook_gives_what_came_before_and_then_raises() -> None:
    """Disposal loses nothing that was there."""
    source = """
async def w():
    hook = create_hook("t")
    await steps.a(1)
    hook.dispose()
    hook.dispose()
    found = [await hook]
    try:
        await hook
    except RuntimeError as error:
        found.append([type(error).__name__, str(error)])
    return found
"""
    reply = run(source, ("resume", 1, "p"), ("done", 2))
    assert reply.result == ["p", ["RuntimeError", "the hook 't' was disposed"]]
    assert [c.op for c in reply.commands] == ["hook", "step", "hook_dispose"]


def test_a_conflict_names_its_owner() -> None:
    """`conflict()` says who has the token, awaiting raises; a hook without one says None."""
    source = """
async def w():
    mine, taken = create_hook("mine"), create_hook("taken", timeout="1h")
    found = [await mine.conflict(), await taken.conflict()]
    try:
        await taken
    except HookConflictError as error:
        found += [error.run_id, error.token]
    taken.dispose()
    return found
"""
    play = Play(source)
    play.open_hook(1)
    withdrawn = play.deliver("hook_conflict", 2, owner="wrun_1")
    assert [c["op"] for c in withdrawn] == ["wait_cancel"]
    assert check_replays(play).result == [None, "wrun_1", "wrun_1", "taken"]


def test_a_hooks_timeout_is_a_durable_wait() -> None:
    """Then TimeoutError, and the hook is disposed; a payload in time withdraws the wait."""
    source = """
async def w():
    hook = create_hook("t", timeout="10m")
    try:
        return await hook
    except TimeoutError as error:
        return str(error)
"""
    play = Play(source)
    assert play.asked() == ["hook 1 t", "wait 2 timer"]
    assert play.commands[1]["due_us"] == START_US + 600 * SECOND
    assert [(c["op"], c["line"]) for c in play.wake(2)] == [("hook_dispose", 3)]
    assert check_replays(play).result == "nobody resumed the hook 't' in time"
    play = Play(source)
    assert [c["op"] for c in play.resume(1, "yes")] == ["wait_cancel"]
    assert check_replays(play).result == "yes"


def test_a_cancelled_waiter_leaves_its_payload_to_the_next() -> None:
    """As with asyncio's queues, nothing is lost when the one who would take it goes."""
    source = """
async def w():
    hook = create_hook("t")
    one, two = asyncio.create_task(hook), asyncio.create_task(hook)
    await steps.a(1)
    one.cancel()
    return await two
"""
    assert run(source, ("done", 2), ("resume", 1, "p")).result == "p"
    source = source.replace("await steps.a(1)", "await hook.conflict()")
    assert run(source, ("resume", 1, "p")).result == "p"


def test_default_tokens_differ_and_repeat_at_replay() -> None:
    """128 bits from the run's seed: another in each hook and each run."""
    source = "async def w():\n    return [create_hook().token for _ in range(3)]\n"
    one, other = run(source).result, run(source, seed="01").result
    assert len({*one, *other}) == 6
    assert all(len(token) == len("hook_") + 32 for token in one)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            "schema='Approvals'",
            "ValueError: this run has no schema 'Approvals'; it has: 'Approval'",
        ),
        ("schema=dict", "TypeError: create_hook(schema=...) takes the name"),
        ("''", "ValueError: create_hook(token=...) cannot be empty"),
        ("'x' * 201", "ValueError: create_hook(token=...) takes up to 200 characters, not 201"),
        ("5", "TypeError: create_hook(token=...) takes a text, not int"),
        ("'\\ud800'", "ValueError: create_hook(token=...) has a lone surrogate"),
        ("title='x' * 501", "ValueError: create_hook(title=...) takes up to 500"),
        ("title=1", "TypeError: create_hook(title=...) takes a text"),
        ("timeout='soon'", "ValueError: cannot read 'soon'"),
        ("metadata='x' * 63_999", "ValueError: create_hook(metadata=...) takes up to 64000"),
        ("metadata=object()", "Unencodable: metadata: an object cannot be recorded"),
    ],
)
def test_a_wrong_hook_is_an_error_at_the_call(arguments: str, says: str) -> None:
    """Nothing is asked for."""
    assert raised(f"create_hook({arguments})").startswith(says)


def test_a_hook_may_say_as_much_as_that() -> None:
    """Token, title and metadata of the longest length are taken, to the character."""
    hook = 'create_hook("t" * 200, title="T" * 500, metadata="x" * 63_998)'
    (asked,) = Play(f"async def w():\n    await {hook}\n").commands
    assert [len(asked[name]) for name in ("token", "title", "metadata")] == [200, 500, 63_998]


def test_a_payload_that_crossed_a_disposal_is_lost() -> None:
    """The log may hold it before the disposal: whoever has closed a hook doesn't want it."""
    play = Play("""
async def w():
    hook = create_hook("t")
    await steps.a(1)
    hook.dispose()
    await steps.b(1)
    return await hook
""")
    play.open_hook(1)
    play.done(2)
    assert play.resume(1, "late") == []
    play.done(3)
    reply = check_replays(play)
    assert reply.error is not None
    assert (reply.error.type, reply.error.message) == ("RuntimeError", "the hook 't' was disposed")


def test_a_conflict_that_crossed_a_disposal_is_still_told() -> None:
    """A hook that was closed at once may ask who has its token; its end stays what it was."""
    play = Play("""
async def w():
    hook = create_hook("t")
    hook.dispose()
    owner = await hook.conflict()
    try:
        await hook
    except RuntimeError as error:
        return owner, hook.open, str(error)
""")
    play.deliver("hook_conflict", 1, owner="r0")
    assert check_replays(play).result["v"] == ["r0", False, "the hook 't' was disposed"]


# ---------------------------------------------------------------------- chance and prints


def test_chance_comes_from_the_seed() -> None:
    """`random` and `uuid4` repeat at replay and differ between runs; they don't disturb each other."""
    source = """
async def w(both):
    first = [random.random(), random.randint(1, 6), random.choice("abc")]
    if both:
        uuid4()
    return first + [random.random()], str(uuid4())
"""
    plain = run(source, args=[False]).result["v"]
    assert run(source, args=[True]).result["v"][0] == plain[0]
    assert run(source, args=[True]).result["v"][1] != plain[1]
    assert run(source, args=[False], seed="other").result["v"][0] != plain[0]
    assert plain[1][14] == "4"


def test_now_is_aware() -> None:
    """UTC, in microseconds, as the host gave it."""
    when = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    now_us = (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert run("async def w():\n    return now()\n", now_us=now_us).result["v"] == when.isoformat()


def test_prints_have_their_index_in_the_run() -> None:
    """As Python's print; each once, whatever is replayed."""
    play = Play("""
async def w():
    print("a", 1, sep="-", end="!")
    print()
    await steps.a(1)
    print("\\ud800", flush=True)
""")
    assert play.prints == [[0, "a-1!"], [1, "\n"]]
    play.done(1)
    assert play.prints[2:] == [[2, "\\ud800\n"]]
    check_replays(play)


@pytest.mark.parametrize("arguments", ["sep=1", "end=b''"])
def test_a_wrong_print_is_a_type_error(arguments: str) -> None:
    """What stands between and behind the values is text."""
    assert raised(f"print({arguments})").startswith("TypeError")


def test_printing_into_a_text() -> None:
    """`file=` takes what can be written to; the run's own output stays as it was."""
    body = """
    import io
    text = io.StringIO()
    print("a", 1, file=text)
    return text.getvalue()
    """
    play = Play(f"async def w():{body}")
    assert (play.reply.result, play.prints) == ("a 1\n", [])
    assert raised("print(file=1)").startswith("AttributeError")


def test_output_is_limited_and_says_so() -> None:
    """A runaway print fills no memory; the next activation may print again."""
    prints = Prints()
    for text in ("x" * (1 << 20), "lost", "lost"):
        prints.add(text)
    prints.add("y")
    prints.rest()
    prints.add("z" * (1 << 21))
    first, mark, second = prints.take()
    assert (first[0], len(first[1])) == (0, 1 << 20)
    assert mark == [1, "\n[the rest of this output was cut]\n"]
    assert (second[0], second[1][:1]) == (4, "z")
    assert second[1].endswith(mark[1])
    assert prints.take() == []


@pytest.mark.parametrize("name", ["sep", "end"])
def test_print_names_the_argument_that_is_no_text(name: str) -> None:
    """In Python's own words, which can be searched for."""
    found = result_of(f"""
try:
    print(1, 2, {name}=3)
except TypeError as error:
    return str(error)
""")
    assert found == f"{name} must be None or a string, not int"


def test_a_step_error_of_the_sources_own_is_an_exception_like_others() -> None:
    """However its text was given."""
    found = result_of("""
return [StepError("x").args == ("x",), StepError(message="x").args == ("x",), str(StepError("x"))]
""")
    assert found == [True, True, "x"]


def test_print_takes_none_for_its_defaults() -> None:
    """As Python's does."""
    play = Play("async def w():\n    print(1, 2, sep=None, end=None)\n    print(3, 4, sep='-')\n")
    assert "".join(text for _, text in play.prints) == "1 2\n3-4\n"
