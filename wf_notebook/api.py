"""Open worlds, start runs in them, and find runs again: the function twins of the magics."""

from __future__ import annotations

import atexit
import os
import threading
from typing import TYPE_CHECKING, Any, Final, Self

from wf_notebook import config
from wf_notebook.approving import checked_policy
from wf_notebook.claiming import claim_of
from wf_notebook.clock import SystemClock
from wf_notebook.collecting import ENDED, Collected, collectable, collected
from wf_notebook.definition.compile import compile_definition
from wf_notebook.definition.given import steps_by_alias
from wf_notebook.definition.steps import REGISTRY, StepRegistry
from wf_notebook.engine.context import CURRENT
from wf_notebook.engine.host import Host, Origin
from wf_notebook.errors import (
    DefinitionError,
    WorldError,
    WorldLockedError,
)
from wf_notebook.ids import SystemIds
from wf_notebook.launching import Arguments, launched, prepare
from wf_notebook.querying import answered
from wf_notebook.sharing.seat import Seat
from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.filesystems import warn_if_shared
from wf_notebook.world.lock import named
from wf_notebook.world.paths import default_world_path, world_path
from wf_notebook.world.rotation import Rotation, successor
from wf_notebook.world.store import Queried
from wf_notebook.worldruns import WorldRuns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import timedelta

    from wf_notebook.clock import Clock
    from wf_notebook.config import ApprovalPolicy, IsolationMode, Limits
    from wf_notebook.definition.model import CheckReport, Definition
    from wf_notebook.definition.steps import Step
    from wf_notebook.engine.context import StepContext
    from wf_notebook.errors import WorldDamagedError
    from wf_notebook.ids import Ids
    from wf_notebook.run import Run
    from wf_notebook.world.keys import KeyProvider, KeySource
    from wf_notebook.world.store import EventStore
    from wf_notebook.world.tables import Table

__all__ = [
    "Origin",
    "World",
    "check",
    "current_world",
    "get_run",
    "open_world",
    "start",
]


class World(WorldRuns):
    """An open world: its file, the engine at work on it, and the registered steps.

    Made by `open_world()`; a context manager that closes it.

    Attributes:
        path: the file, or ":memory:".
        host: the engine, for those who build on it.
        seat: this process's seat in a world that others may share; None for a store that was given.
    """

    def __init__(  # noqa: PLR0913 - everything it acts on comes in through the door
        self,
        store: EventStore | Seat,
        *,
        path: str = "",
        steps: StepRegistry = REGISTRY,
        clock: Clock | None = None,
        ids: Ids | None = None,
        limits: Limits | None = None,
        isolation: IsolationMode | None = None,
        read_only: bool = False,
        paused: bool = False,
        notebook: str = "",
    ) -> None:
        self.path = path
        self.read_only = read_only
        self.seat = seat = store if isinstance(store, Seat) else None
        self.host = Host(
            store.take(steps, paused=paused) if isinstance(store, Seat) else store,
            steps=steps,
            clock=clock or SystemClock(),
            ids=ids or SystemIds(),
            limits=limits or config.Limits(),
            isolation=isolation,
            paused=paused,
            notebook=notebook,
            thread=None if seat is None else seat.thread,
            engine=None if seat is None else seat.follower,
        )
        _OPEN.append(self)
        if not read_only:
            self.host.open()
        if seat is not None:
            seat.begin(self.host)
        for callback in _LISTENERS:
            callback(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        whose = f", owned by {named(self.owner)}" if self._follows else ""
        return f"<World {self.path or 'of a store'}{whose}>"

    @property
    def id(self) -> str:
        """A random id, made when the world was created."""
        return self.host.store.world_id

    @property
    def approval(self) -> ApprovalPolicy:
        """Which sources must be approved to be run here: "off", "drafts" (of models) or "all"."""
        return self.host.approval

    @approval.setter
    def approval(self, policy: ApprovalPolicy) -> None:
        self.host.approval = checked_policy(policy)

    @property
    def commits(self) -> int:
        """How many commits this process has made since it was opened."""
        return self.host.store.commits

    @property
    def owned(self) -> bool:
        """Whether this process owns the world: its runs move here, and nowhere else.

        While another process owns it, everything that is asked of it here goes there; this process
        takes it over when the other one ends.
        """
        return not (self._follows or self.read_only)

    @property
    def _follows(self) -> bool:
        return self.seat is not None and self.seat.follower is not None

    @property
    def owner(self) -> dict[str, Any]:
        """Who owns the world: `pid`, `kernel`, `notebook`, `since`; empty if nobody does."""
        return {} if self.seat is None else self.seat.owner

    @property
    def damage(self) -> WorldDamagedError | None:
        """What was found damaged at opening, and read around or accepted; None for a whole world."""
        return None if self._file is None else self._file.damage

    @property
    def locked(self) -> str | None:
        """Which key is missing, in a sentence, while only what is plain can be seen; else None."""
        locked = None if self._file is None else self._file.locked
        return None if locked is None else str(locked)

    @property
    def _file(self) -> DuckDBStore | None:
        """The file, if this process has it open."""
        store = self.host.store
        return store if isinstance(store, DuckDBStore) else None

    # --- runs --------------------------------------------------------------------------------

    def start(self, source: str, args: Sequence[object] = (), **options: Any) -> Run:
        """Start a run in this world; see the function `start`."""
        return start(source, args, world=self, **options)

    def forget(self, *run_ids: str) -> None:
        """Erase runs that have ended: source, arguments, results, payloads, streams, labels, key.

        A line stays in `rows`: id, workflow id, name, hash and times, with the status "forgotten".
        The file is rewritten, once for all of them, while everything else waits. Copies of it that
        were made before stay readable with the master key.

        Raises:
            RunNotFoundError: this world has no such run; none was forgotten.
            RunUnfinishedError: one has not ended; cancel it first. None was forgotten.
            WorldFullError: there is no room to rewrite the file; none was forgotten.
            WorldError: they are forgotten, but the file could not be rewritten yet.
        """
        self.settle()
        if run_ids:
            self.host.wait(self.host.forget(list(dict.fromkeys(run_ids))))

    def gc(
        self,
        older: float | str | timedelta | None = None,
        *,
        statuses: Collection[str] = ENDED,
        keep: int = 0,
        dry_run: bool = False,
    ) -> Collected:
        """Forget runs that ended long ago, as `forget` does, all of them at once.

        A run that may yet be asked for stays, however old: one whose parent goes on, or that has a
        child which does.

        Args:
            older: how long ago they ended at least: seconds, "30d" or a timedelta.
            statuses: only those that ended so: "completed", "failed", "cancelled".
            keep: how many of each name stay, the newest ones.
            dry_run: only say what would be forgotten.

        Raises:
            UsageError: neither `older` nor `keep` was given, or one of them cannot be read.
            WorldFullError, WorldError: as for `forget`.
        """
        self.settle()
        found = collectable(self.host, older=older, statuses=statuses, keep=keep, path=self.path)
        if dry_run:
            return found
        self.forget(*found.run_ids)
        return collected(found, self.path)

    def rotate_key(self, new: KeySource | None = None) -> Rotation:
        """Seal the world with another master key; the one until now opens nothing in it any more.

        Args:
            new: 32 bytes, their hex or base64, or a function that returns that; None for a random
                one, which is kept where keys are kept. It is kept before anything is changed.

        Returns:
            the ids of both keys and where they are; as text, what to do about the old one.

        Raises:
            WorldKeyError: it is no key or the old one, cannot be kept, or the world is locked.
            WorldFullError: there is no room to rewrite the file; nothing was changed.
            WorldError: it was done, but the file could not be rewritten yet.
        """
        store = self._stored("no key")
        store.need_key()
        key, rotation = successor(store.key_provider, new, old=store.key_id)
        self.host.wait(store.turn_key(key, now_us=self.host.clock.now_us()))
        return rotation

    @property
    def key_place(self) -> str:
        """Where its key is looked for, and whether it is there."""
        if self._follows:
            return "the owner's: not needed here"
        store = self._stored("no key")
        there = "missing: " if store.locked else ""
        return f"{there}{store.key_id} in {store.key_provider.where(store.key_id)}"

    def _stored(self, lacks: str) -> DuckDBStore:
        if self._follows:
            raise WorldLockedError(
                f"That is done by the owner of the world, {named(self.owner)}.",
                owner=self.owner,
                hint="Ask for it there, or close the world there: this process then takes it over.",
            )
        if self._file is None:
            raise WorldError(f"This world is not a DuckDB file, so it has {lacks}.")
        return self._file

    def release(self) -> None:
        """Let steps start, if the world was opened paused."""
        self.host.release()

    def sql(
        self,
        query: str,
        params: Sequence[object] | Mapping[str, object] = (),
        *,
        timeout: float | None = None,
    ) -> Table:
        """Run one SELECT or EXPLAIN over the world's views; `wf sql` lists them with their columns.

        Whoever owns the world answers, on a thread that nothing else waits for. An interrupt stops
        the query. `payload(run_id, seq)` opens what an event holds sealed.

        Args:
            query: the text; values come in as `?` or `$name`, never pasted.
            params: the values of its `?`, in order, or of its `$name`s.
            timeout: seconds after which it is stopped.

        Returns:
            columns, types and rows; `to_pandas()`, `to_polars()` and `to_arrow()` make frames.

        Raises:
            WorldQueryError: it is not one SELECT or EXPLAIN, DuckDB refused it, it took longer than
                it may, or its answer is too large.
            WorldKeyError, WorldDamagedError: a payload that it opens does not open.

        >>> with open_world(":memory:") as world:
        ...     world.sql("select count(*) as runs from runs where name = ?", ["refund"]).rows
        [(0,)]
        """
        store = self.host.store
        if not isinstance(store, Queried):
            msg = "This world is not a DuckDB file, so there is no SQL over it."
            raise WorldError(msg)
        return answered(self.host, store, query, params, timeout)

    def close(self) -> None:
        """Set all runs aside and close the file; they go on when it is opened again.

        A process that follows the world then owns it, and they go on there. If it was interrupted,
        call it again; the next world that is opened does so, too.
        """
        if self.seat is not None:
            self.seat.end(self.host)
        self.host.close()
        if self in _OPEN:
            _OPEN.remove(self)


_OPEN: Final[list[World]] = []
_LEFT: Final[list[World]] = []  # kept: DuckDB must not tidy up in a child what is its parent's
_LISTENERS: Final[list[Callable[[World], None]]] = []
_OPENING: Final = threading.RLock()


def _close_all() -> None:
    for world in open_worlds():
        world.close()


# A process that ends sets its runs aside; without this, threads of ours and DuckDB's own file would
# be torn down in whatever order the interpreter takes.
atexit.register(_close_all)


def _leave_to_parent() -> None:
    """A child made by fork has none of the threads: what it asked would never be answered."""
    for world in _OPEN:
        world.host.abandon()
    _LEFT.extend(_OPEN)
    _OPEN.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)


def open_worlds() -> list[World]:
    """Return the worlds that this process has open, oldest first."""
    return list(_OPEN)


def on_open(callback: Callable[[World], None]) -> Callable[[], None]:
    """Call back with each world that is open, and with each that is opened later.

    Returns:
        a function that stops it.
    """
    _LISTENERS.append(callback)
    for world in open_worlds():
        callback(world)
    return lambda: _LISTENERS.remove(callback)


def open_world(  # noqa: PLR0913 - keyword-only, each with a sensible default
    path: str | os.PathLike[str] | None = None,
    *,
    key: KeySource | KeyProvider | None = None,
    isolation: IsolationMode | None = None,
    clock: Clock | None = None,
    steps: Iterable[Step[..., Any]] | Mapping[str, Step[..., Any]] | None = None,
    read_only: bool = False,
    accept_loss: bool = False,
    paused: bool = False,
    limits: Limits | None = None,
    takeover: bool = True,
) -> World:
    """Open a world, or make it; its unfinished runs go on.

    If another process owns it, the world follows that one: runs are started, resumed and shown at
    once, and move there. See `World.owned`. Warns, once for each world, if it lies on a file system
    whose locks may not hold.

    Args:
        path: a local file, ":memory:", or None for the notebook's own.
        key: 32 bytes, their hex or base64, a function that returns that, or a key provider; None
            for `WF_NOTEBOOK_KEY`, a key file of this user, or the system's keyring.
        isolation: "strict", "process" or "inline" for runs that don't say; None for "strict" where
            it holds on this machine, else "process".
        clock: what time it is; `wf_notebook.testing.VirtualClock` in tests.
        steps: all that this world can run, a list or a map; None for whatever `@step` registers.
        read_only: look only: nothing moves, nothing is written. Of a damaged world, what is whole.
        accept_loss: go on with what is whole of a damaged world; it is copied aside first.
        paused: hold steps back until `World.release()`.
        limits: budgets.
        takeover: whether this process owns the world once the one that does has ended.

    Raises:
        WorldPathError: the path is not a local file.
        WorldFullError: there is no room for it; nothing of it is left.
        WorldLockedError: this process has opened it already, or another one that can't be asked.
        WorldDamagedError, WorldVersionError: the file cannot be used; it is left as it is.
        WorldKeyError: what is given as key is not one.
        RegistrationError: `steps` cannot be used.
    """
    registry = REGISTRY if steps is None else StepRegistry(steps_by_alias(steps).values())
    chosen = os.fspath(default_world_path() if path is None else path)
    place = world_path(chosen)
    warn_if_shared(place, stacklevel=2)
    _finish_closing()
    _refuse_twice(place)
    claim = claim_of(chosen, key, read_only=read_only, accept_loss=accept_loss)
    patience = (limits or config.Limits()).owner_seconds
    seat = Seat(place, claim, read_only=read_only, takes_over=takeover, patience=patience)
    try:
        return World(
            seat, path=chosen, steps=registry, clock=clock, limits=limits, isolation=isolation,
            read_only=read_only, paused=paused, notebook=config.notebook_name(),
        )  # fmt: skip
    except BaseException:  # an interrupt, too: nobody else could let go of the file
        _let_go(seat)
        raise


def _let_go(seat: Seat) -> None:
    """Close what nobody has a handle of."""
    for world in [w for w in _OPEN if w.seat is seat]:
        world.close()
    seat.leave()


def _finish_closing() -> None:
    """Close worlds whose closing was interrupted."""
    for world in [w for w in _OPEN if w.host.closed]:
        world.close()


def _refuse_twice(place: str) -> None:
    """Refuse a world that this process follows already; the lock refuses one that it owns."""
    for world in open_worlds():
        if not world.owned and not world.read_only and os.path.realpath(world.path) == place:
            raise WorldLockedError(
                f"This process has already opened {place}.",
                owner=world.owner,
                hint="Use the world that is open, or close it first.",
            )


def current_world(
    *,
    path: str | None = None,
    paused: bool = False,
    isolation: IsolationMode | None = None,
    limits: Limits | None = None,
) -> World:
    """Return the world opened last, or open one.

    Args:
        path: the world that is meant, if not the one opened last, or the default one.
        paused, isolation, limits: as for `open_world`, if it has to be opened.
    """
    with _OPENING:
        _finish_closing()
        wanted = None if path is None else os.path.realpath(path)
        found = [w for w in _OPEN if wanted is None or os.path.realpath(w.path) == wanted]
        if found:
            return found[-1]
        return open_world(path, paused=paused, isolation=isolation, limits=limits)


def get_run(run_id: str, world: World | None = None) -> Run:
    """Return a run of a world, the current one unless given.

    Raises:
        RunNotFoundError: that world has no such run.
    """
    return (world or current_world()).get(run_id)


def _world_of(caller: StepContext | None) -> World:
    """The world of the step that calls, else the current one."""
    found = [w for w in _OPEN if caller is not None and w.id == caller.world_id]
    return found[-1] if found else current_world()


def check(
    source: str,
    *,
    steps: Iterable[Step[..., Any]] | Mapping[str, Step[..., Any]],
    schemas: Iterable[Any] | Mapping[str, Any] | None = None,
    export_name: str | None = None,
    name: str | None = None,
    cell: bool = False,
) -> CheckReport:
    """Check a source without running or writing anything.

    Args:
        source: the text.
        steps: the steps it may call: a list, or a map alias to step.
        schemas: models that its hooks may name: a list, or a map name to model.
        export_name: which `async def` to run; else "workflow", else the only one.
        name: what the workflow id calls it; else the entry's name.
        cell: whether the `%%workflow` line stands in for the directive.

    Raises:
        RegistrationError: `steps` or `schemas` cannot be used.
    """
    return compile_definition(
        source, steps=steps, schemas=schemas, export_name=export_name, name=name, cell=cell
    )


def accepted(report: CheckReport, source: str, origin: Origin) -> Definition:
    """Return what would run.

    Raises:
        DefinitionError: the source has problems; all of them are listed.
    """
    if report.definition is None:
        raise DefinitionError(report.diagnostics, source=source, origin=origin.to_json())
    return report.definition


def start(  # noqa: PLR0913 - keyword-only past the arguments
    source: str,
    args: Sequence[object] = (),
    kwargs: Mapping[str, object] | None = None,
    *,
    steps: Iterable[Step[..., Any]] | Mapping[str, Step[..., Any]],
    schemas: Iterable[Any] | Mapping[str, Any] | None = None,
    export_name: str | None = None,
    name: str | None = None,
    id: str | None = None,  # noqa: A002 - the public name
    attributes: Mapping[str, str] | None = None,
    world: World | None = None,
    isolation: IsolationMode | None = None,
    cell: bool = False,
    origin: Origin | None = None,
    attach: bool = False,
) -> Run:
    """Start a run; returns once that is durable, and never waits for the run itself.

    Called in a step, it starts a child of the run that called the step, in the same world. An
    attempt that is made again finds the child that an earlier one has started.

    Args:
        source: the workflow: one `async def` whose first statement is "use workflow".
        args, kwargs: what the entry is called with.
        steps, schemas, export_name, name, cell: as for `check`.
        id: idempotency key: the same key, source and arguments give the existing run.
        attributes: plain text to find the run by; not sealed.
        world: where; the current one unless given, in a step the step's own.
        isolation: "strict", "process" or "inline".
        origin: where the source came from, for tracebacks.
        attach: return an unfinished run of the same source and arguments instead, if there is one.

    Raises:
        DefinitionError: the source has problems; all of them are listed.
        RegistrationError, ArgumentsError, PayloadError: steps, schemas or arguments are unusable.
        RunConflictError: the key belongs to a run with another source or other arguments.
        RunForgottenError: the key belongs to a run that was forgotten.
        NotApprovedError: the world asks for an approval, and there is none; see `World.approval`.
        WorldError: it could not be written.
    """
    bound = steps_by_alias(steps)
    report = check(
        source, steps=bound, schemas=schemas, export_name=export_name, name=name, cell=cell
    )
    definition = accepted(report, source, origin or Origin())
    caller = CURRENT.get(None)
    host = (world or _world_of(caller)).host
    launch = prepare(
        host,
        definition,
        Arguments(args, kwargs or {}),
        key=id,
        attributes=attributes or {},
        isolation=isolation,
        origin=origin or Origin(host.notebook),
        schemas=schemas or (),
        caller=caller,
    )
    return launched(host, launch, bound, attach=attach)
