"""How sources that were proposed and approved are kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from wf_notebook.errors import WorldClosedError
from wf_notebook.testing.conformance.appends import SECONDS, failed
from wf_notebook.testing.conformance.suite import Suite
from wf_notebook.world.store import Review

if TYPE_CHECKING:
    from wf_notebook.world.store import EventStore, ReviewKind

HASH = "ab" * 32


def review(name: str, at: int = 1000, kind: ReviewKind = "approval", **record: Any) -> Review:
    """Return a review that is to be kept."""
    return Review(kind, name, HASH, at, {"source": f"source of {name}\n", **record})


def keep(store: EventStore, *given: Review) -> list[Review]:
    """Keep reviews, one after the other."""
    return [store.keep(one).result(SECONDS) for one in given]


class Reviewing(Suite):
    """What a record of reviews may be relied on for."""

    def test_reviews_are_numbered_by_kind_and_name(self) -> None:
        """From 1 on, in the order in which they were kept; given back as they were."""
        given = [
            review("a"), review("a", 1001), review("b"), review("a", 999, "proposal"),
            review("a", 1001 + 1),
        ]  # fmt: skip
        kept = keep(self.store, *given)
        assert [one.number for one in kept] == [1, 2, 1, 1, 3]
        assert kept == [replace(one, number=k.number) for one, k in zip(given, kept, strict=True)]

    def test_reviews_are_found_newest_first(self) -> None:
        """By kind, by name, by hash, and by all of these."""
        other = replace(review("b", 3000), source_hash="cd" * 32)
        kept = keep(self.store, review("a", 1000), review("a", 2000, "proposal"), other)
        assert self.store.reviews().result(SECONDS) == kept[::-1]
        assert self.store.reviews(kind="approval").result(SECONDS) == [kept[2], kept[0]]
        assert self.store.reviews(name="a").result(SECONDS) == [kept[1], kept[0]]
        assert self.store.reviews(source_hash=HASH, kind="proposal").result(SECONDS) == [kept[1]]
        assert self.store.reviews(name="nobody").result(SECONDS) == []

    def test_one_that_is_sent_again_is_kept_once(self) -> None:
        """Whoever was not told that it was written may ask again."""
        first, again = keep(self.store, review("a"), review("a"))
        assert first == again
        assert self.store.reviews(name="a").result(SECONDS) == [first]

    def test_nobody_changes_what_was_kept(self) -> None:
        """Neither who handed it in, nor who reads it."""
        record: dict[str, Any] = {"source": "x", "steps": ["a"]}
        self.store.keep(replace(review("a"), record=record)).result(SECONDS)
        record["steps"].append("b")
        (found,) = self.store.reviews().result(SECONDS)
        cast("Any", found.record)["steps"].append("c")
        (found,) = self.store.reviews().result(SECONDS)
        assert found.record == {"source": "x", "steps": ["a"]}

    def test_of_an_erased_review_a_line_is_left(self) -> None:
        """Kind, name, number, hash and time; other names are untouched, and so are runs."""
        kept = keep(self.store, review("a"), review("a", 1001, "proposal"), review("b", 999))
        for _ in range(2):  # what is gone is no obstacle
            self.store.forget_reviews("a", now_us=5000).result(SECONDS)
        erased = [replace(one, record=None, lack="erased") for one in kept[:2]]
        assert self.store.reviews().result(SECONDS) == [*erased[::-1], kept[2]]
        self.store.forget_reviews("nobody", now_us=5000).result(SECONDS)

    def test_the_number_of_an_erased_review_is_never_free(self) -> None:
        """A run that says which revision it executes goes on saying something true."""
        keep(self.store, review("a"))
        self.store.forget_reviews("a", now_us=5000).result(SECONDS)
        assert keep(self.store, review("a", 6000))[0].number == 2

    def test_a_closed_store_keeps_nothing(self) -> None:
        """Every call after its end fails as a future."""
        self.store.close()
        for pending in (
            self.store.keep(review("a")),
            self.store.reviews(),
            self.store.forget_reviews("a", now_us=0),
        ):
            failed(pending, WorldClosedError)
