"""What a guest is told of a frame, and how the bytes are found again."""

from __future__ import annotations

from typing import Any

import pytest

from wf_notebook.engine.references import Shelf, light, named, whole
from wf_notebook.errors import GuestProtocolError


def opaque(digest: str, size: int = 10) -> dict[str, Any]:
    return {"$t": "opaque", "v": {"sha256": digest, "shape": [size]}, "arrow": "x" * size}


def reference(digest: str) -> dict[str, Any]:
    return {"$t": "opaque", "v": {"sha256": digest, "shape": [10]}}


TREE = {
    "a": [1, opaque("a")],
    "b": {"$t": "record", "name": "R", "v": {"df": opaque("b")}},
    "c": {"$t": "dict", "v": [[1, opaque("a")], ["$t", "opaque"]]},
}


def test_there_and_back() -> None:
    """At any depth: what was taken out is put back, and nothing else is touched."""
    told = light(TREE)
    assert "arrow" not in str(told)
    assert named(told) == {"a", "b"}
    assert whole(told, {"a": opaque("a"), "b": opaque("b")}) == TREE
    plain = {"a": [1, {"b": "c"}]}
    assert light(plain) is plain


@pytest.mark.parametrize(
    "made_up",
    [reference("z"), opaque("z"), {"$t": "opaque"}, {"$t": "opaque", "v": 3}, {"$t": "opaque", "v": {}}],
    ids=str,
)  # fmt: skip
def test_only_what_was_given_can_be_named(made_up: dict[str, Any]) -> None:
    """A guest cannot write bytes of its own, nor break the host with a shape of its own."""
    with pytest.raises(GuestProtocolError):
        whole({"x": [made_up]}, {"a": opaque("a")})


def test_facts_are_the_hosts() -> None:
    """Of a reference only the digest counts."""
    lying = {"$t": "opaque", "v": {"sha256": "a", "shape": [99], "kind": "other"}}
    assert whole(lying, {"a": opaque("a")}) == opaque("a")


def test_a_shelf_keeps_what_was_used_last() -> None:
    """Beyond its limit the oldest goes; what is asked for again counts as new."""
    shelf = Shelf(limit=25)
    shelf.light("r", [opaque("a"), opaque("b")])
    shelf.light("r", opaque("a"))
    shelf.light("r", opaque("c"))
    assert len(shelf.find("r", "abc")) == 3  # until it is trimmed: a turn may need them all
    shelf.trim()
    assert shelf.find("r", "abc").keys() == {"a", "c"}


def test_a_shelf_tells_runs_apart() -> None:
    """A run finds only its own, and its own go with it."""
    shelf = Shelf()
    shelf.light("r", opaque("a"))
    shelf.light("s", opaque("b"))
    assert shelf.find("r", "ab").keys() == {"a"}
    shelf.drop("r")
    assert shelf.find("r", "ab") == {}
    assert shelf.find("s", "ab").keys() == {"b"}


def test_a_shelf_takes_from_a_log_only_what_is_wanted() -> None:
    """Reading a log again brings in no more than was asked for."""
    shelf = Shelf()
    shelf.keep("r", TREE, {"b"})
    assert shelf.find("r", "ab").keys() == {"b"}
