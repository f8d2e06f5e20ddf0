"""How many attempts may be in flight at once: a cap for the world, and one for each step."""

from __future__ import annotations

from collections import Counter


class Slots:
    """Counts attempts in flight. Lives on the engine's loop.

    Attributes:
        paused: while True no attempt may start (a notebook that is still re-defining its steps).
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._used: Counter[str] = Counter()
        self._all = 0
        # (run, step) to the step's cap, in the order in which they came
        self._waiting: dict[tuple[str, str], int | None] = {}
        self.paused = False

    @property
    def in_flight(self) -> int:
        """Attempts that hold a slot."""
        return self._all

    def take(self, run_id: str, step_id: str, concurrency: int | None) -> bool:
        """Take a slot for an attempt; if there is none, the run is remembered as waiting."""
        if not self._fits(step_id, concurrency):
            self._waiting.setdefault((run_id, step_id), concurrency)
            return False
        self._used[step_id] += 1
        self._all += 1
        return True

    def give(self, step_id: str) -> None:
        """Give a slot back."""
        self._used[step_id] -= 1
        self._all -= 1
        if not self._used[step_id]:
            del self._used[step_id]

    def _fits(self, step_id: str, concurrency: int | None) -> bool:
        if self.paused or self._all >= self._total:
            return False
        return concurrency is None or self._used[step_id] < concurrency

    def offers(self) -> list[str]:
        """Return runs that may now take a slot, no more than there are slots, and forget them."""
        chosen: list[tuple[str, str]] = []
        for key, concurrency in self._waiting.items():
            if len(chosen) >= self._total - self._all:
                break
            if self._fits(key[1], concurrency):
                chosen.append(key)
        for key in chosen:
            del self._waiting[key]
        return list(dict.fromkeys(run_id for run_id, _ in chosen))
