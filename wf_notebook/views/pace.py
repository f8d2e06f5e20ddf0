"""How often something is shown that changes: eight times a second at most, and not at all at rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

INTERVAL_SECONDS: Final = 0.125
# What is shown is made on the engine's loop: where that takes long it is made less often, so that
# views never take more than about a twentieth of the loop.
COST_FACTOR: Final = 20


class Timer(Protocol):
    """A call to come."""

    def cancel(self) -> None:
        """Don't make it."""
        ...


class Loop(Protocol):
    """What is needed of an asyncio loop."""

    def time(self) -> float:
        """Seconds by a clock that never goes back."""
        ...

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Timer:
        """Call on the loop, `delay` seconds from now."""
        ...

    def call_soon_threadsafe(self, callback: Callable[[], object], /) -> object:
        """Call on the loop; from any thread."""
        ...

    def call_exception_handler(self, context: dict[str, Any], /) -> None:
        """Report an error that has no caller."""
        ...


class Pace:
    """Lets something be shown soon after it was asked for. Lives on the loop.

    Args:
        loop: the engine's loop.
        show: shows it as it is then.
        interval: seconds between two times, at least.
    """

    def __init__(
        self, loop: Loop, show: Callable[[], object], *, interval: float = INTERVAL_SECONDS
    ) -> None:
        self._loop = loop
        self._show = show
        self._interval = interval
        self._timer: Timer | None = None
        self._last = 0.0
        self._cost = 0.0

    def soon(self) -> None:
        """Show it once the last time is long enough ago."""
        if self._timer is None:
            pause = max(self._interval, COST_FACTOR * self._cost)
            delay = max(self._last + pause - self._loop.time(), 0.0)
            self._timer = self._loop.call_later(delay, self.now)

    def now(self) -> None:
        """Show it now."""
        self.stop()
        begun = self._loop.time()
        self._show()
        self._last = self._loop.time()
        self._cost = self._last - begun

    def stop(self) -> None:
        """Show nothing of what was asked for."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
