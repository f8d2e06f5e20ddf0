"""Where ids and randomness come from: one door, so that tests can hold it."""

from __future__ import annotations

import hashlib
import secrets
import threading
from typing import Final, Protocol

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ID_CHARS: Final = 26  # 128 bits in base 32, as in a ULID
_MS_BITS: Final = 48


class Ids(Protocol):
    """A source of ids and seeds."""

    def run_id(self, time_us: int) -> str:
        """A new run's id; ids made later sort later."""
        ...

    def event_id(self) -> str:
        """A new event's id."""
        ...

    def seed(self) -> bytes:
        """128 random bits for a run."""
        ...

    def jitter(self) -> float:
        """A number in [0, 1) for back-off."""
        ...


def base32(number: int, chars: int = _ID_CHARS) -> str:
    """Write a number in Crockford's base 32.

    >>> base32(1, 4)
    '0001'
    """
    digits: list[str] = []
    for _ in range(chars):
        number, digit = divmod(number, 32)
        digits.append(_CROCKFORD[digit])
    return "".join(reversed(digits))


def _ulid(time_us: int, random_bits: bytes) -> int:
    stamp = (time_us // 1000) & ((1 << _MS_BITS) - 1)
    return (stamp << 80) | int.from_bytes(random_bits[:10], "big")


def correlation_id(kind: str, seed: bytes, position: int) -> str:
    """Return the id of the command at a position: the same on every replay of a seed.

    >>> correlation_id("step", bytes(16), 1) == correlation_id("step", bytes(16), 1)
    True
    """
    digest = hashlib.sha256(seed + b"/id/" + str(position).encode()).digest()
    return f"{kind}_{base32(int.from_bytes(digest[:16], 'big'))}"


def keyed_run_id(world_id: str, key: str) -> str:
    """Return the id of the one run that a world may hold for an idempotency key."""
    digest = hashlib.sha256(f"{world_id}\0{key}".encode("utf-8", "surrogatepass")).digest()
    return f"wrun_{base32(int.from_bytes(digest[:16], 'big'))}"


def guest_seed(seed: bytes) -> str:
    """Return the seed that the guest draws from, hex; the run's own seed stays with the host."""
    return hashlib.sha256(seed + b"/guest").hexdigest()


class SystemIds:
    """Ids and seeds from the operating system's randomness."""

    def __init__(self) -> None:
        self._last = 0
        self._making = threading.Lock()

    def run_id(self, time_us: int) -> str:
        """A new run's id; ids made later sort later, in one millisecond, too."""
        with self._making:
            following = self._last + 1 + secrets.randbits(64)
            self._last = max(_ulid(time_us, secrets.token_bytes(10)), following)
            return f"wrun_{base32(self._last)}"

    def event_id(self) -> str:
        """A new event's id."""
        return secrets.token_hex(12)

    def seed(self) -> bytes:
        """128 random bits for a run."""
        return secrets.token_bytes(16)

    def jitter(self) -> float:
        """A number in [0, 1) for back-off."""
        return secrets.randbelow(1 << 20) / (1 << 20)


class SeededIds:
    """Ids and seeds that repeat: for tests."""

    def __init__(self, name: str = "test") -> None:
        self._name = name
        self._count = 0

    def _next(self) -> bytes:
        self._count += 1
        return hashlib.sha256(f"{self._name}/{self._count}".encode()).digest()

    def run_id(self, time_us: int) -> str:
        """A new run's id; ids made later sort later."""
        return f"wrun_{base32(_ulid(time_us, self._next()))}"

    def event_id(self) -> str:
        """A new event's id."""
        return self._next()[:12].hex()

    def seed(self) -> bytes:
        """128 bits for a run."""
        return self._next()[:16]

    def jitter(self) -> float:
        """Always one half."""
        return 0.5
