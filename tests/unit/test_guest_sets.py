"""Sets iterate in the order of insertion, whatever makes them, and otherwise behave as sets do."""

from __future__ import annotations

import builtins
import operator
import traceback
from collections import OrderedDict, UserDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.guest_runs import result_of
from wf_notebook.guest.ordered import OPERATORS, OrderedFrozenSet, OrderedSet
from wf_notebook.guest.transform import HELPERS, compile_ordered

letters = st.lists(st.sampled_from("abcdef"), max_size=6)


def run(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__builtins__": {**vars(builtins), **HELPERS}}
    exec(compile_ordered(source, "<source>"), names)
    return names


@given(letters, letters)
@pytest.mark.parametrize("kind", [OrderedSet, OrderedFrozenSet])
@pytest.mark.parametrize(
    "name",
    ["union", "intersection", "difference", "symmetric_difference", "__or__", "__and__", "__sub__",
     "__xor__", "__ror__", "__rand__", "__rsub__", "__rxor__", "issubset", "isdisjoint", "__le__",
     "__lt__", "__eq__"],
)  # fmt: skip
def test_the_algebra_is_that_of_sets(kind: Any, name: str, one: list[str], two: list[str]) -> None:
    """Every operation has the elements that CPython's has; results keep the order of the operands."""
    found = getattr(kind(one), name)(frozenset(two))
    expected = getattr(set(one), name)(frozenset(two))
    assert found == expected
    if isinstance(found, (set, frozenset)):
        assert sorted(found) == sorted(expected)
        assert len(list(found)) == len(found)


@given(letters, letters)
@pytest.mark.parametrize(
    "name",
    ["update", "intersection_update", "difference_update", "symmetric_difference_update",
     "__ior__", "__iand__", "__isub__", "__ixor__"],
)  # fmt: skip
def test_changes_keep_elements_and_order_together(
    name: str, one: list[str], two: list[str]
) -> None:
    """After any change the order holds exactly the elements."""
    found, expected = OrderedSet(one), set(one)
    getattr(found, name)(frozenset(two))
    getattr(expected, name)(frozenset(two))
    assert found == expected
    assert sorted(found) == sorted(expected)


def test_order_is_that_of_insertion() -> None:
    """Elements come in the order in which they came in; the left operand leads."""
    assert list(OrderedSet("cab") | set("x")) == ["c", "a", "b", "x"]
    assert list(OrderedSet("cab") & {"b", "c"}) == ["c", "b"]
    assert list(OrderedSet("cab") ^ OrderedSet("xc")) == ["a", "b", "x"]
    changed = OrderedSet("cab")
    changed.remove("a")
    changed.add("c")
    changed.add("a")
    assert list(changed) == ["c", "b", "a"]
    assert changed.pop() == "c"
    assert list(changed.copy()) == ["b", "a"]
    changed.clear()
    assert (list(changed), len(changed), repr(changed)) == ([], 0, "set()")


def test_they_are_sets_to_everybody() -> None:
    """isinstance, repr, hashing, membership of sets in sets, subclasses with an __init__ of theirs."""
    assert isinstance(OrderedSet(), set)
    assert repr(OrderedSet("ba")) == "{'b', 'a'}"
    assert repr(OrderedFrozenSet("ba")) == "frozenset({'b', 'a'})"
    assert {OrderedFrozenSet("ab"): 1}[frozenset("ba")] == 1
    nested = OrderedSet([OrderedFrozenSet("ab")])
    assert OrderedSet("ba") in nested
    nested.discard(OrderedSet("ab"))
    assert list(nested) == []

    class Named(OrderedSet):
        def __init__(self, name: str):
            self.name = name

    named = Named("x")
    named.add(1)
    assert (list(named), list(named.copy())) == ([1], [1])
    with pytest.raises(TypeError):
        OrderedSet() | [1]  # type: ignore[operator]
    with pytest.raises(KeyError, match="pop from an empty set"):
        OrderedSet().pop()


VIEWS = [
    {"y": 1, "x": 2, "z": 3}.keys(),
    OrderedDict(y=1, x=2, z=3).keys(),
    UserDict({"y": 1, "x": 2, "z": 3}).keys(),
]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: type(view).__name__)
def test_views_of_mappings_answer_with_ordered_sets(view: Any) -> None:
    """`keys()` algebra, which CPython answers with a plain set, has an order; any iterable goes."""
    other = {"z": 1, "q": 2, "y": 3}.keys()
    assert list(OPERATORS["or_"](view, other)) == ["y", "x", "z", "q"]
    assert list(OPERATORS["and_"](view, other)) == ["y", "z"]
    assert list(OPERATORS["sub"](view, other)) == ["x"]
    assert list(OPERATORS["xor"](view, other)) == ["x", "q"]
    assert list(OPERATORS["or_"](view, iter(["n", "m"]))) == ["y", "x", "z", "n", "m"]
    assert list(OPERATORS["or_"](OrderedSet("ba"), view)) == ["b", "a", "y", "x", "z"]
    assert list(OPERATORS["or_"](OrderedFrozenSet("ba"), view)) == ["b", "a", "y", "x", "z"]


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_other_operands_are_left_to_python(name: str) -> None:
    """Numbers, classes and errors go through as they are."""
    assert OPERATORS[name](6, 3) == getattr(operator, name)(6, 3)
    with pytest.raises(TypeError, match="unsupported operand"):
        OPERATORS[name]("a", "b")


@pytest.mark.parametrize("kind", [OrderedSet, OrderedFrozenSet])
@pytest.mark.parametrize("name", ["or", "and", "sub", "xor"])
def test_a_list_is_no_operand(kind: Any, name: str) -> None:
    """As with CPython's sets: methods take anything, operators only sets."""
    made = kind("ab")
    for form in (f"__{name}__", f"__r{name}__", *([f"__i{name}__"] if kind is OrderedSet else [])):
        assert getattr(made, form)(["a"]) is NotImplemented
    assert list(made) == ["a", "b"]


def test_whatever_makes_a_set_in_a_source_makes_an_ordered_one() -> None:
    """Literals, comprehensions, displays with stars, signs, augmented assignments of all targets."""
    names = run("""
letters = {"c", "a", *"xb"}
squares = {n * n for n in (3, 1, 2)}
one, two = {"y": 1, "x": 2}, {"z": 3, "y": 4}
both = one.keys() | two.keys()
items = one.items() & two.items() | {("k", 1)}
class Box: pass
box = Box()
box.keys = one.keys()
box.keys |= two.keys()
calls = []
def at(index):
    calls.append(index)
    return index
cells = [one.keys(), [1, 2, 3, 4]]
cells[at(0)] -= {"x"}
cells[at(1)][1:3] += [9]
class Slices:
    def __getitem__(self, index): return one.keys()
    def __setitem__(self, index, value): cells.append((index, value))
Slices()[1:2, :] |= two.keys()
name = one.keys()
name ^= two.keys()
class Grid(dict):
    pass
grid = Grid()
grid[1, 2] = one.keys()
grid[at(1), at(2)] &= two.keys()
count = 7
count -= 2
""")
    assert list(names["letters"]) == ["c", "a", "x", "b"]
    assert list(names["squares"]) == [9, 1, 4]
    assert list(names["both"]) == ["y", "x", "z"]
    assert list(names["items"]) == [("k", 1)]
    assert list(names["box"].keys) == ["y", "x", "z"]
    assert list(names["name"]) == ["x", "z"]
    assert repr(names["cells"].pop()) == (
        "((slice(1, 2, None), slice(None, None, None)), {'y', 'x', 'z'})"
    )
    assert [list(names["cells"][0]), names["cells"][1]] == [["y"], [1, 2, 3, 9, 4]]
    assert list(names["grid"][1, 2]) == ["y"]
    assert names["calls"] == [0, 1, 1, 2]
    assert names["count"] == 5
    made = ("letters", "squares", "both", "items", "name")
    assert {type(names[name]) for name in made} == {OrderedSet}


def test_membership_tests_and_annotations_stay_as_they_are() -> None:
    """`x in {…}` is compiled as CPython does; annotations keep the text of the source."""
    code = compile_ordered("def f(x: {1} | None) -> {2}:\n    return x in {1, 2}\n", "<source>")
    inner = next(c for c in code.co_consts if hasattr(c, "co_consts"))
    assert frozenset({1, 2}) in inner.co_consts
    names = run("def f(x: {1} | None, *y: {3}) -> {2}: pass\nz: {4} = 5\n")
    assert names["f"].__annotations__ == {"x": "{1} | None", "y": "{3}", "return": "{2}"}


def test_positions_stay_those_of_the_source() -> None:
    """An error in a sign or a set points at its line and column."""
    with pytest.raises(TypeError) as caught:
        run("x = 1\ny = (x -\n     {2: 3})\n")
    frames = traceback.extract_tb(caught.tb)
    place = next(frame for frame in frames if frame.filename == "<source>")
    assert (place.lineno, place.end_lineno, place.colno) == (2, 3, 5)


def test_a_source_passes_its_sets_in_order() -> None:
    """What a step is given, and what it gives back, has the order of the body."""
    body = """
    found = await steps.a({"z", "y"} | {"x"})
    return [list(found), sorted({3, 1}), list(frozenset("ba")), list(set("hello"))]
    """
    outcome = ("done", 1, {"$t": "set", "v": ["q", "p"]})
    assert result_of(body, outcome) == [["q", "p"], [1, 3], ["b", "a"], ["h", "e", "l", "o"]]


def test_sets_inside_of_sets_are_ordered_too() -> None:
    """In displays, comprehensions, and behind attributes that are read by name."""
    found = result_of("""
inner = [type({x for x in {3, 1, 2}}).__name__, list({*{9, 8}, 7}), "{}".format(list({5, 4}))]
return inner + [list({(y, *{2, 1}) for y in {6}})]
""")
    assert found[1:3] == [[9, 8, 7], "[5, 4]"]
    assert found[3] == [{"$t": "tuple", "v": [6, 2, 1]}]
