"""What a behaviour is: a source, what the world does to its run, how it ends, and its log."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.behaviour.acts import double

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.behaviour.stage import Stage
    from wf_notebook.definition.steps import Step

NOTHING: Final[Any] = object()


@dataclass(frozen=True)
class Move:
    """Something that the world does to a run, at its time.

    Attributes:
        says: what it is, for messages.
        ready: when it is done: the first time that this holds.
        make: does it, on the test's thread, by the public API.
        busy: whether `ready` is looked at while steps are being attempted, too.
        refused: the code of the error that it must raise, or "".
        said: a pattern that the error's message has in it.
        lost: whether a crash undoes it, so that it is made again in the next process.
        whole: whether it has its effect, of several events, in one commit or not at all.
    """

    says: str
    ready: Callable[[Stage], bool]
    make: Callable[[Stage], Any]
    busy: bool = False
    refused: str = ""
    said: str = ""
    lost: bool = False
    whole: bool = False


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """A promise, and the source that shows it.

    Attributes:
        name: unique; the test's id.
        promise: a sentence.
        source: what stands below a `%%workflow` line.
        log: the run's events, as `logs.written` writes them; lines and `|` separate them.
        returns: its result; or
        fails: "CODE Type: message" of its failure, as `logs.failure` writes it; or
        cancelled: why it was cancelled.
        script: moves of the world after the start, in order.
        beside: a source that is started first and has come to rest when the run starts.
        prints: what it prints.
        notes: what its steps note, in order, if nothing crashes.
        at_once: the world's cap on attempts.
        limits: other budgets.
        options: of `start`.
    """

    name: str
    promise: str
    source: str
    log: str
    returns: Any = NOTHING
    fails: str = ""
    cancelled: str | None = None
    args: Sequence[Any] = ()
    steps: Sequence[Step[..., Any]] | Mapping[str, Step[..., Any]] = (double,)
    schemas: Sequence[Any] = ()
    script: Sequence[Move] = ()
    beside: str = ""
    prints: str = ""
    notes: Sequence[str] = ()
    at_once: int = 1
    limits: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ending(self) -> Any:
        """How it ends, comparably."""
        if self.fails:
            return ("failed", self.fails)
        if self.cancelled is not None:
            return ("cancelled", self.cancelled)
        assert self.returns is not NOTHING, f"{self.name} says nowhere how it ends"
        return ("completed", self.returns)

    def moves(self) -> list[Move]:
        """Everything that is done to the world, the starts included."""
        beside = [start(self.beside, role="beside")] if self.beside else []
        return [*beside, start(self.source, args=self.args, **self.options), *self.script]


# ------------------------------------------------------------------------------ conditions


def at_rest(_stage: Stage) -> bool:
    """Nothing but time could move anything."""
    return True


def has_ended(stage: Stage) -> bool:
    return stage.state().terminal


def noted(*texts: str) -> Callable[[Stage], bool]:
    """Steps have written all that down."""
    return lambda stage: set(texts) <= set(stage.notes)


def steps_done(count: int) -> Callable[[Stage], bool]:
    return lambda stage: sum(not s.open for s in stage.state().steps.values()) >= count


def hook_is_open(token: str, role: str = "main") -> Callable[[Stage], bool]:
    return lambda stage: any(h.token == token for h in stage.state(role).open_hooks)


def is_asleep(stage: Stage) -> bool:
    return any(wait.kind == "sleep" for wait in stage.state().open_waits)


def past_sleep(stage: Stage) -> bool:
    """It has waited for a time to come, and waits for none now."""
    state = stage.state()
    return bool(state.waits) and not state.open_waits


# ----------------------------------------------------------------------------------- moves


def start(
    source: str,
    *,
    role: str = "main",
    args: Sequence[Any] = (),
    when: Callable[[Stage], bool] = at_rest,
    refused: str = "",
    said: str = "",
    **options: Any,
) -> Move:
    """Start a run; it is known by its role from then on."""

    def make(stage: Stage) -> None:
        offered = {**stage.offered, **options}
        stage.ids.role = role
        text = textwrap.dedent(source).lstrip("\n")
        stage.runs[role] = stage.world.start(text, args, cell=True, **offered)

    return Move(f"start {role}", when, make, refused=refused, said=said)


def rerun(*, role: str, when: Callable[[Stage], bool]) -> Move:
    """Start the run again."""

    def make(stage: Stage) -> None:
        stage.ids.role = role
        stage.runs[role] = stage.run().rerun()

    return Move("rerun", when, make)


def resume(  # noqa: PLR0913 - keyword-only past token and payload
    token: str,
    payload: Any = None,
    *,
    id: str | None = None,  # noqa: A002 - what it is called
    refused: str = "",
    said: str = "",
    role: str = "main",
    busy: bool = False,
    when: Callable[[Stage], bool] | None = None,
    gives: int | None = None,
) -> Move:
    """Resume a hook as soon as it is open (or `when`).

    Args:
        token, payload: what is resumed with what.
        id: makes it idempotent.
        refused, said, busy: as for a move.
        role: of the run whose hook it is.
        when: if it is not to be made at the first moment.
        gives: the event that it must be answered with.
    """

    def make(stage: Stage) -> None:
        own = None if id is None else f"{stage.ids.play}/{id}"
        seq = stage.world.resume(token, payload, own)
        assert gives in (None, seq), f"resume {token} was answered with event {seq}"

    return Move(
        f"resume {token}",
        when or hook_is_open(token, role),
        make,
        busy=busy,
        refused=refused,
        said=said,
    )


def resume_drawn(payload: Any = None) -> Move:
    """Resume the run's only hook, whatever its token is."""

    def make(stage: Stage) -> None:
        (hook,) = stage.run().hooks
        stage.run().resume(hook.token, payload)

    return Move("resume", lambda stage: bool(stage.state().open_hooks), make)


def forget_models(*, when: Callable[[Stage], bool]) -> Move:
    """Leave the run without its pydantic models, as in a process that never had them."""

    def make(stage: Stage) -> None:
        activity = stage.world.host.runner.activity(stage.run().id)
        assert activity is not None
        activity.models = {}

    return Move("forget the models", when, make)


def wake(
    n: int | None = None, *, when: Callable[[Stage], bool] = is_asleep, busy: bool = False
) -> Move:
    """End all sleeps, or the n-th one of the log, as soon as the run sleeps."""

    def make(stage: Stage) -> None:
        waits = stage.run().waits
        assert stage.run().wake(None if n is None else waits[n - 1].id)

    return Move("wake", when, make, busy=busy, whole=True)


def cancel(
    reason: str | None = None,
    *,
    when: Callable[[Stage], bool] = at_rest,
    busy: bool = False,
    role: str = "main",
) -> Move:
    """Cancel a run."""
    return Move(
        f"cancel {role}",
        when,
        lambda stage: stage.run(role).cancel(reason),
        busy=busy,
        whole=True,
    )


def advance(
    seconds: float, *, when: Callable[[Stage], bool] = is_asleep, busy: bool = False
) -> Move:
    """Move the world's clock, back or forth."""
    return Move(f"clock {seconds:+g} s", when, lambda stage: stage.advance(seconds), busy=busy)


def open_gate(name: str, *, when: Callable[[Stage], bool]) -> Move:
    """Let a step pass that waits there (`stage.pass_gate`)."""
    return Move(f"open {name}", when, lambda stage: stage.gate(name).set(), busy=True, lost=True)


def check(says: str, looks: Callable[[Stage], Any], **options: Any) -> Move:
    """Look at something that must be true then."""

    def make(stage: Stage) -> None:
        assert looks(stage), says

    return Move(says, options.pop("when", at_rest), make, **options)
