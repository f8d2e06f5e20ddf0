"""Whatever is handed in comes out again as it was, or is refused by name and leaves no trace."""

from __future__ import annotations

import json
import math
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sizes import sized
from tests.worlds import opened
from wf_notebook.api import World
from wf_notebook.definition.steps import StepRegistry, step
from wf_notebook.definition.values import from_tree, to_tree
from wf_notebook.errors import PayloadError
from wf_notebook.guest import measure
from wf_notebook.guest.values import MAX_DEPTH, canonical, decode, encode, path_step
from wf_notebook.testing import VirtualClock
from wf_notebook.testing.conformance.appends import add, created, event, log
from wf_notebook.world.codec import INLINE_BYTES, pack, unpack
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MANY = settings(max_examples=sized(250, 1_000))
PARTS = pytest.mark.parametrize("part", range(sized(1, 20)))

# ------------------------------------------------------------------------------------- values

TEXTS = st.text(max_size=20) | st.text(st.characters(codec=None), max_size=20)  # half ones too
INTEGERS = st.integers() | st.integers(-(10**400), 10**400) | st.sampled_from([2**53, -(2**53) - 1])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    INTEGERS,
    st.floats(),
    TEXTS,
    st.sampled_from(["", "\0", "\ud800", "$t", "\u2028", "é" * 50]),
    st.binary(max_size=40),
    st.decimals(),
    st.uuids(),
    st.dates(),
    st.times(),
    st.datetimes() | st.datetimes(timezones=st.just(UTC)),
    st.timedeltas(),
)
KEYS = TEXTS | st.sampled_from(["$t", "v", "name", "", "\0"])
OTHER_KEYS = st.one_of(INTEGERS, st.booleans(), st.none(), st.tuples(TEXTS, st.integers()))


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(KEYS, inner, max_size=4),
        st.dictionaries(OTHER_KEYS, inner, max_size=3),
        # what looks like a value of ours, and is the user's
        st.fixed_dictionaries(
            {"$t": st.sampled_from(["date", "record", "opaque", "x"]), "v": inner}
        ),
        st.sets(TEXTS | st.integers(), max_size=4),
        st.frozensets(st.dates(), max_size=3),
    )


VALUES = st.recursive(SCALARS, containers, max_leaves=12)
# Trees that a guest may forge: JSON with tags at all the wrong places.
FORGED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["$t", "v", "name", "a"]), inner, max_size=3),
        st.fixed_dictionaries({
            "$t": st.sampled_from(["float", "int", "str", "bytes", "date", "datetime", "time", "uuid",
                                   "timedelta", "decimal", "tuple", "set", "frozenset", "dict",
                                   "record", "opaque", "bytearray"]),
            "v": inner,
        }),
    ),
    max_leaves=10,
)  # fmt: skip


def alike(one: Any, other: Any) -> bool:
    """Whether two values are the same to the last type and bit; a NaN is like a NaN."""
    if type(one) is not type(other):
        return False
    match one:
        case float():
            same = one == other and math.copysign(1, one) == math.copysign(1, other)
            return same or (math.isnan(one) and math.isnan(other))
        case list() | tuple():
            return len(one) == len(other) and all(map(alike, one, other))
        case dict():
            return alike([*one.items()], [*other.items()])
        case Decimal():
            return one.as_tuple() == other.as_tuple()
        case _:
            return one == other


# ------------------------------------------------------------------------------ there and back


@PARTS
def test_a_value_is_what_it_was(part: int) -> None:
    """Through tree, bytes and guest: type, order, sign of zero, half characters and all."""

    @MANY
    @given(VALUES)
    def crosses(value: Any) -> None:
        tree = to_tree(value)
        back = unpack(pack({"value": tree}))
        assert back == {"value": tree}
        json.dumps(tree, allow_nan=False).encode("ascii")
        assert alike(from_tree(tree), value)
        assert alike(from_tree(encode(decode(tree))), value)

    crosses()


@PARTS
def test_a_value_is_stored_as_it_is(part: int) -> None:
    """Two stores give back the same tree, byte for byte, inline or beside the log."""
    memory, duckdb = MemoryStore(), opened(":memory:")
    with closing(duckdb):
        for store in (memory, duckdb):
            add(store, "r", created())

        @MANY
        @given(VALUES, st.sampled_from([1, 1, 1, 400]))
        def stored(value: Any, times: int) -> None:
            tree = to_tree([value] * times)
            new = event("attr_set", data={"value": tree}, attributes={})
            (first,), (second,) = add(memory, "r", new), add(duckdb, "r", new)
            assert first == second
            for store in (memory, duckdb):
                (found,) = log(store, "r", after=first.seq - 1)
                assert found.data is not None
                assert canonical(found.data["value"]) == canonical(tree)

        stored()


@PARTS
def test_what_is_no_value_is_a_value_error(part: int) -> None:
    """A forged tree is refused, or it is the tree of a value: nothing else can come of it."""

    @MANY
    @given(FORGED)
    def refused(tree: Any) -> None:
        try:
            value = decode(tree)
        except ValueError:
            return
        again = encode(value)
        assert canonical(encode(decode(again))) == canonical(again)

    refused()


@MANY
@given(st.lists(st.tuples(TEXTS, st.integers()), max_size=6))
def test_of_keys_that_are_there_twice_the_last_counts(pairs: list[tuple[str, int]]) -> None:
    """As JSON's readers have it, wherever the text comes from."""
    inside = ",".join(f"{json.dumps(key)}:{value}" for key, value in pairs)
    assert unpack(f"{{{inside}}}".encode()) == dict(pairs)
    tagged: Any = {"$t": "dict", "v": [[to_tree(key), value] for key, value in pairs]}
    assert decode(tagged) == dict(pairs)


# ------------------------------------------------------------------------- in a world at work


@step
async def same(value: Any) -> Any:
    return value


ECHO: Final = """
async def workflow(value, token):
    "use workflow"
    first = await steps.same(value)
    second = await create_hook(token=token)
    return [value, first, second]
"""


@pytest.fixture
def world() -> Iterator[World]:
    registry = StepRegistry([same, too_much])
    clock = VirtualClock(autojump=True)
    store = opened(":memory:")
    with World(store, steps=registry, clock=clock, isolation="inline") as world:
        yield world


def fingerprint(value: Any) -> str:
    """A text that says everything of a value that crosses."""
    return canonical(to_tree(value))


@PARTS
def test_a_run_gets_and_gives_what_it_was_given(world: World, part: int) -> None:
    """As argument, through a step and back, as payload, and in the result."""
    count = iter(range(1_000_000))

    @settings(max_examples=sized(200, 1_000))
    @given(VALUES)
    def echoed(value: Any) -> None:
        token = f"t{next(count)}"
        run = world.start(ECHO, (value, token), steps=[same]).wait_for("hook", timeout=60)
        run.resume(token, value)
        assert fingerprint(run.result(timeout=60)) == fingerprint([value] * 3)

    echoed()


# ------------------------------------------------------------------------------- what is refused


class Alien:
    """Nothing that could be recorded."""


@dataclass(frozen=True)
class Refused:
    """A value that cannot cross, and where in it the trouble is.

    Attributes:
        path: without the name of the whole.
    """

    value: Any
    path: str


def _too_deep() -> Any:
    value: Any = 1
    for _ in range(MAX_DEPTH + 2):
        value = [value]
    return value


def _cycle() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


@st.composite
def refused_values(draw: st.DrawFn) -> Refused:
    """Something impossible, somewhere inside of something possible."""
    value: Any = draw(st.sampled_from([Alien(), 1j, range(3), 10**5000, object]))
    path = ""
    for _ in range(draw(st.integers(0, 5))):
        if draw(st.booleans()):
            before = draw(st.lists(SCALARS, max_size=3))
            value, path = [*before, value], f"[{len(before)}]{path}"
        else:
            key = draw(st.sampled_from(["a", "unit price", "é", "$t"]))
            value, path = {"first": 1, key: value}, f"{path_step(key)}{path}"
    return Refused(value, path)


@PARTS
def test_what_cannot_cross_is_refused_by_its_path(part: int) -> None:
    """WF201 names the part; whole values around it are not to blame."""

    @MANY
    @given(refused_values())
    def refused(found: Refused) -> None:
        with pytest.raises(PayloadError) as caught:
            to_tree(found.value, "args[0]")
        assert (caught.value.code, caught.value.path) == ("WF201", f"args[0]{found.path}")

    refused()


def test_a_refused_value_leaves_no_trace(world: World) -> None:
    """Not as argument, nor as payload: nothing is recorded, the hook is open, the world goes on."""
    run = world.start(ECHO, (1, "open"), steps=[same]).wait_for("hook", timeout=60)
    events, runs = len(run.events()), len(world.rows())

    @settings(max_examples=sized(50, 1_000))
    @given(refused_values())
    def refused(found: Refused) -> None:
        with pytest.raises(PayloadError) as as_argument:
            world.start(ECHO, (found.value, "t"), steps=[same])
        with pytest.raises(PayloadError) as as_payload:
            run.resume("open", found.value)
        assert {as_argument.value.code, as_payload.value.code} == {"WF201"}
        assert as_argument.value.path.endswith(found.path)
        assert as_payload.value.path.endswith(found.path)

    refused()
    for value in (_too_deep(), _cycle()):
        with pytest.raises(PayloadError):
            run.resume("open", value)
    assert (len(run.events()), len(world.rows())) == (events, runs)
    run.resume("open", 3)
    assert run.result(timeout=60) == [1, 1, 3]


# ------------------------------------------------------------------------------------- sizes

LARGEST: Final = measure.MAX_BYTES - 2 * measure._ROOM


SIZES: Final = (0, 1, INLINE_BYTES - 60, INLINE_BYTES, INLINE_BYTES + 60, 1 << 20, LARGEST)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "make", ["x".__mul__, lambda n: b"\0" * (n * 3 // 4)], ids=["str", "bytes"]
)
def test_a_value_of_any_size_is_kept(tmp_path: Path, size: int, make: Callable[[int], Any]) -> None:
    """From nothing to all that is allowed: in a world file it is there when it is opened again."""
    tree = to_tree(make(size))
    with closing(opened(tmp_path / "w.duckdb")) as store:
        add(store, "r", created(), event("attr_set", data={"value": tree}, attributes={}))
    with closing(opened(tmp_path / "w.duckdb")) as store:
        assert log(store, "r")[1].data == {"value": tree}


OVER: Final = {"rows": {"text": "x" * measure.MAX_BYTES}}


def test_a_value_over_the_limit_harms_nothing(world: World) -> None:
    """It is refused by its path as argument and as payload; then the run goes on."""
    run = world.start(ECHO, (1, "t"), steps=[same]).wait_for("hook", timeout=60)
    for hand_in in (
        lambda: world.start(ECHO, (OVER, "u"), steps=[same]),
        lambda: run.resume("t", OVER),
    ):
        with pytest.raises(PayloadError, match="64 that a value may have") as caught:
            hand_in()
        assert caught.value.path.endswith(".rows.text")
    run.resume("t", 1)
    assert run.result(timeout=60) == [1, 1, 1]


@step
async def too_much() -> Any:
    return OVER


def test_a_result_over_the_limit_fails_its_step_alone(world: World) -> None:
    """The source may catch it as any step's failure, and the step isn't tried again."""
    source = """
async def workflow():
    "use workflow"
    try:
        await steps.too_much()
    except StepError as error:
        return [error.type, await steps.same(1)]
"""
    run = world.start(source, steps=[too_much, same])
    assert run.result(timeout=60) == ["PayloadError", 1]
    assert [len(made.attempts) for made in run.steps] == [1, 1]
