"""Whether confinement holds on this machine: what a confined guest could do when it tried."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Proof", "read_proof"]

_REFUSED: Final = "EPERM"


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of trying.

    Attributes:
        attempts: name of each attempt, and "EPERM" where it was refused.
        trouble: why nothing could be tried, or "".
    """

    attempts: Mapping[str, str] = field(default_factory=dict[str, str])
    trouble: str = ""

    @property
    def holes(self) -> list[str]:
        """What was not refused, as "name: outcome", sorted."""
        return sorted(f"{n}: {said}" for n, said in self.attempts.items() if said != _REFUSED)

    @property
    def holds(self) -> bool:
        """Whether everything that was tried was refused."""
        return bool(self.attempts) and not self.holes

    def __str__(self) -> str:
        if self.holds:
            return f"all of {len(self.attempts)} attempts to do more than compute were refused"
        if self.trouble or not self.attempts:
            return self.trouble or "nothing can be tried on this system"
        return f"{len(self.holes)} of {len(self.attempts)} attempts got through: {', '.join(self.holes)}"


def read_proof(message: bytes) -> Proof:
    """Read what a guest says of its attempts.

    >>> read_proof(b'{"fork": "EPERM", "open a file": "done"}').holes
    ['open a file: done']
    """
    try:
        found: dict[str, str] = json.loads(message)
        return Proof({str(name): str(said) for name, said in found.items()})
    except (ValueError, AttributeError):
        return Proof(trouble="the guest did not say what it tried")
