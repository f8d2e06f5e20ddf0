"""Where a source's randomness comes from: generators seeded by the run, one for each purpose."""

from __future__ import annotations

import hashlib
import random
import statistics
import uuid
from typing import Any, SupportsIndex

__all__ = ["Chance"]


class Chance:
    """Every draw of one run; the same seed gives the same draws on every replay."""

    def __init__(self, seed: str):
        """Begin at the seed, a text."""
        self._seed = seed
        self._drawn: dict[str, int] = {}
        self.random = self._make_random_class()(self.draw("random"))

    def draw(self, purpose: str) -> int:
        """Return the next 128 bits for a purpose; purposes don't disturb each other."""
        count = self._drawn.get(purpose, 0)
        self._drawn[purpose] = count + 1
        digest = hashlib.sha256(f"{self._seed}/{purpose}/{count}".encode()).digest()
        return int.from_bytes(digest[:16], "big")

    def token(self) -> str:
        """Return a hook's token of 128 bits that nobody can guess without the seed.

        >>> Chance("a").token() == Chance("a").token() != Chance("b").token()
        True
        """
        return f"hook_{self.draw('token'):032x}"

    def uuid4(self) -> uuid.UUID:
        """Return a random UUID.

        >>> Chance("a").uuid4().version
        4
        """
        return uuid.UUID(int=self.draw("uuid"), version=4)

    def _make_random_class(self) -> type[random.Random]:
        chance = self

        class Random(random.Random):
            """A generator that takes its seed from the run, unless it is given one."""

            def seed(self, a: Any = None, version: int = 2) -> None:
                super().seed(chance.draw("seed") if a is None else a, version)

        Random.__module__ = "random"
        Random.__qualname__ = "Random"
        return Random

    def faces(self) -> dict[str, dict[str, object]]:
        """Return the members of modules that draw, each by its module's name."""
        chance = self

        class NormalDist(statistics.NormalDist):
            """A distribution whose samples come from the run's seed."""

            def samples(self, n: SupportsIndex, *, seed: Any = None) -> list[float]:
                return super().samples(n, seed=chance.draw("samples") if seed is None else seed)

        NormalDist.__module__ = "statistics"
        NormalDist.__qualname__ = "NormalDist"
        drawn = {name: getattr(self.random, name) for name in dir(self.random) if name[0] != "_"}
        return {
            "random": {**drawn, "Random": type(self.random)},
            "statistics": {"NormalDist": NormalDist},
            "uuid": {"uuid4": self.uuid4},
        }
