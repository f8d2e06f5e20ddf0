"""Streams as a view reads them, written by the test."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from wf_notebook.definition.values import to_tree
from wf_notebook.world.store import Chunk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class PretendStreams:
    """A `views.tails.Source`; reads are answered when the test says so, if `held`."""

    def __init__(self, **stored: Sequence[Any]) -> None:
        self.values: dict[str, list[Any]] = {name: list(v) for name, v in stored.items()}
        self.written: Counter[str] = Counter()
        self.ended: set[str] = set()
        self.reads: list[tuple[str, int]] = []
        self.held: list[Future[Any]] | None = None
        self.error: Exception | None = None

    def write(self, name: str, *values: Any) -> None:
        self.values.setdefault(name, []).extend(values)
        self.written[name] += 1

    def closed(self, name: str, /) -> bool:
        return name in self.ended

    def stored(self) -> Future[Mapping[str, int]]:
        return self._answer({name: len(values) for name, values in sorted(self.values.items())})

    def chunks(self, name: str, start: int, limit: int, /) -> Future[Sequence[Chunk]]:
        self.reads.append((name, start))
        found = self.values.get(name, [])
        first = start if start >= 0 else max(len(found) + start, 0)
        return self._answer(
            [
                Chunk(name, first + n, to_tree(value))
                for n, value in enumerate(found[first : first + limit])
            ]
        )

    def _answer(self, result: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if self.error is not None:
            future.set_exception(self.error)
            return future
        if self.held is None:
            future.set_result(result)
        else:
            self.held.append(future)
            future.later = lambda: future.set_result(result)  # type: ignore[attr-defined]
        return future

    def release(self) -> None:
        """Answer what was asked meanwhile."""
        held, self.held = self.held or [], None
        for future in held:
            future.later()  # type: ignore[attr-defined]
