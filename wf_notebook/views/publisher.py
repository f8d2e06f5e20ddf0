"""When a view is brought up to date: when its run has changed, at the pace of `views.pace`.

The publisher lives on the engine's loop, where a run's state changes, so that a snapshot is never
taken in the middle of a change; it is also the only writer of a widget's snapshot. Nothing is
polled: a run that waits costs nothing, and countdowns run in the browser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from wf_notebook.clock import SystemClock
from wf_notebook.views.model import Drawing, Facts, build_view, unknown_attempts
from wf_notebook.views.pace import Pace
from wf_notebook.views.why import why

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wf_notebook.clock import Clock
    from wf_notebook.views.model import RunView
    from wf_notebook.views.pace import Loop
    from wf_notebook.world.state import RunState

# What may stand in a saved notebook about a blocked run. The engine's own message can quote
# arguments (a divergence says what was recorded), so it goes to people on the line only.
_BLOCKED: Final = {
    "step": "a step that it needs is not defined where it runs",
    "origin": "it belongs to another notebook, whose steps have other code",
    "divergence": "the replay diverged from the log",
    "isolation": "no guest could be had",
    "world": "the world cannot be written or read",
    "key": "the key of the world is missing",
    "version": "it was written in another version of the language",
}


class BlockedLike(Protocol):
    """Why a run cannot go on."""

    @property
    def reason(self) -> str:
        """One plain word."""
        ...

    @property
    def message(self) -> str:
        """A sentence; may quote values."""
        ...

    @property
    def hint(self) -> str:
        """What mends it; may be empty."""
        ...


class RunLike(Protocol):
    """A run as a view knows it; `Run` is one."""

    @property
    def id(self) -> str:
        """The run's id."""
        ...

    @property
    def state(self) -> RunState:
        """What it is now."""
        ...

    @property
    def schemas(self) -> Mapping[str, Mapping[str, Any]]:
        """JSON schemas of its definition, by name."""
        ...

    @property
    def replayed(self) -> tuple[int, int] | None:
        """(k, n): k of n events replayed; None when nothing is being replayed."""
        ...

    @property
    def blocked(self) -> BlockedLike | None:
        """Why it cannot go on, or None."""
        ...

    @property
    def locked(self) -> bool:
        """Whether the key of its world is missing."""
        ...

    @property
    def changed(self) -> Sequence[str]:
        """Aliases of steps whose code has changed since the run was started."""
        ...

    @property
    def isolation(self) -> str:
        """Where its source runs: "strict", "process" or "inline"."""
        ...

    @property
    def child_ids(self) -> Mapping[str, str]:
        """Id of a step to the id of the run that it has started last, as far as known here."""
        ...

    @property
    def sealed(self) -> bool:
        """Whether what it holds is encrypted in the world, and the key is here."""
        ...

    def subscribe(self, callback: Callable[[], None], /) -> Callable[[], object]:
        """Call back on the engine's loop after each change; returns how to stop."""
        ...


class Sink(Protocol):
    """Where snapshots go; `RunWidget` is one."""

    def publish(self, view: RunView, *, blocked: str = "") -> None:
        """Show this snapshot; `blocked` is the engine's own message, not to be saved."""
        ...


def view_of(
    run: RunLike,
    now_us: int,
    *,
    attempts: Callable[[str], int | None] = unknown_attempts,
    world: str = "",
    drawing: Drawing | None = None,
) -> RunView:
    """Return what a person sees of a run now.

    Args:
        run: the run; on the engine's loop, or with a state that is a copy.
        now_us: the world's time, microseconds UTC.
        attempts: how many attempts a step id may have, or None if unknown.
        world: path of the world file, or "".
        drawing: what was kept of the snapshot before.
    """
    state, facts = run.state, facts_of(run, world=world)
    said = why(state, now_us, facts.blocked)
    return build_view(state, facts, now_us=now_us, why=said, attempts=attempts, drawing=drawing)


def facts_of(run: RunLike, *, world: str = "") -> Facts:
    """Return what a view shows of a run that isn't in its log; `world` is the world's path, or ""."""
    return Facts(
        schemas=run.schemas,
        replayed=run.replayed,
        blocked=blocked_words(run.blocked),
        isolation=run.isolation,
        changed=run.changed,
        children=dict(run.child_ids),
        sealed=run.sealed,
        locked=run.locked,
        world=world,
    )


def blocked_words(found: BlockedLike | None) -> str | None:
    """Return what may be saved about why a run cannot go on; None where it can."""
    return None if found is None else _BLOCKED.get(found.reason, found.reason)


class Publisher:
    """Keeps views of runs up to date.

    Args:
        loop: the engine's loop.
        clock: the world's clock.
        attempts: how many attempts a step id may have, or None if unknown.
        world: path of the world file, or "".
    """

    def __init__(
        self,
        loop: Loop,
        *,
        clock: Clock | None = None,
        attempts: Callable[[str], int | None] = unknown_attempts,
        world: str = "",
    ) -> None:
        self.loop = loop
        self.clock = clock or SystemClock()
        self.attempts = attempts
        self.world = world
        self._watches: set[_Watch] = set()

    def watch(
        self, run: RunLike, widget: Sink, *, ended: Callable[[RunView], object] | None = None
    ) -> Callable[[], None]:
        """Show a run's changes in a widget until the run ends; from any thread.

        Args:
            run: the run.
            widget: gets a snapshot at once and after changes, on the engine's loop.
            ended: called there with the last snapshot, after the widget has got it.

        Returns:
            How to stop earlier; from any thread, more than once if need be.
        """
        found = _Watch(self, run, widget, ended)
        self.loop.call_soon_threadsafe(lambda: self._start(found))
        return lambda: self._post(lambda: self._stop(found))

    def view(self, run: RunLike, drawing: Drawing | None = None) -> RunView:
        """Return what a person sees of a run now; `drawing` is kept from one call to the next."""
        return view_of(
            run,
            self.clock.now_us(),
            attempts=self.attempts,
            world=self.world,
            drawing=drawing,
        )

    def close(self) -> None:
        """Stop all watches; on the engine's loop."""
        for found in list(self._watches):
            self._stop(found)

    def _post(self, callback: Callable[[], object]) -> None:
        try:
            self.loop.call_soon_threadsafe(callback)
        except RuntimeError:
            return  # the loop has ended, and all watches with it

    def _start(self, found: _Watch) -> None:
        self._watches.add(found)
        found.start()

    def _stop(self, found: _Watch) -> None:
        self._watches.discard(found)
        found.stop()

    def failed(self, found: _Watch, error: Exception) -> None:
        """Give up a view that cannot be shown; its run goes on."""
        self._stop(found)
        self.loop.call_exception_handler(
            {
                "message": f"The view of run {found.run.id} is no longer brought up to date.",
                "exception": error,
            }
        )

    def done(self, found: _Watch, view: RunView) -> None:
        """Let go of a run that has ended."""
        self._stop(found)
        if found.ended is not None:
            found.ended(view)


class _Watch:
    """One run and one widget."""

    def __init__(
        self,
        publisher: Publisher,
        run: RunLike,
        widget: Sink,
        ended: Callable[[RunView], object] | None,
    ) -> None:
        self.run = run
        self.ended = ended
        self._publisher = publisher
        self._widget = widget
        self._pace = Pace(publisher.loop, self._publish)
        self._drawing = Drawing()
        self._seen: tuple[object, ...] = ()
        self._unsubscribe: Callable[[], object] | None = None
        self._stopped = False

    def start(self) -> None:
        if not self._stopped:
            self._unsubscribe = self.run.subscribe(self._changed)
            self._pace.now()
            # A subscription may itself be posted to the loop: look once more when it has begun.
            self._publisher.loop.call_soon_threadsafe(self._look_again)

    def stop(self) -> None:
        self._stopped = True
        self._pace.stop()
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def _look_again(self) -> None:
        if not self._stopped and self._seen != self._facts():
            self._changed()

    def _facts(self) -> tuple[object, ...]:
        return self.run.state.seq, self.run.replayed, self.run.blocked

    def _changed(self) -> None:
        if self._stopped:
            return
        if self.run.state.terminal:
            self._pace.now()
        else:
            self._pace.soon()

    def _publish(self) -> None:
        try:
            self._show()
        except Exception as error:  # noqa: BLE001 - a view that fails must never stop the engine
            self._publisher.failed(self, error)

    def _show(self) -> None:
        publisher = self._publisher
        self._seen = self._facts()
        view = publisher.view(self.run, self._drawing)
        self._widget.publish(view, blocked=_message(self.run.blocked))
        if view.terminal:
            publisher.done(self, view)


def _message(blocked: BlockedLike | None) -> str:
    return "" if blocked is None else f"{blocked.message} {blocked.hint}".strip()
