"""Our guest and vercel-workflow's Python engine ask for the same, in the same order, and end alike.

Both play one random source by one random order of outcomes. Whenever both have come to rest, all
that they asked for is compared, activation by activation: kind, alias, bound arguments, duration,
token, and what was withdrawn; at the end the result, or the error's type, message and parts.

Where the two differ by intention, and what is done about exactly that:

- `steps.x()` and `sleep()` begin here at the call, there when their coroutine first runs. Sources
  call the core of that engine, which begins at once; `ask(x)` in the prelude is its usual form.
- Its wall clock says when a wait is due; durations are compared, and texts for them not generated.
- A wait that is set and cancelled within one activation is written there, and not here: left out.
- Cancelling withdraws a step or a wait here; there nothing is written. Its futures are asked.
- At the end, what the last activation asked for is drained here, and not even written there. It is
  compared as far as the entry had asked. Then a task that was left open may still run there; if it
  waits for something while it is cancelled, that engine suspends a run that has ended: then the
  entry's own end is compared.
- `asyncio.sleep(n)` is the loop's timer there, withdrawn a turn after its task is cancelled: only
  `asyncio.sleep(0)` is generated. A timeout of no seconds is a wait there: not generated.
- Its sets are CPython's. `TaskGroup` gets one with an order; `wait`'s are only asked for members;
  `as_completed` is given tasks. `wait_for` is each CPython's own there: not generated.
- A failed step raises FatalError there, StepError here; an entry that ends with CancelledError
  fails with RuntimeError there: see `oracle.told`. Of a wrong call only the TypeError is compared.
- A disposed hook keeps its payloads here, and is not awaited by the sources.
- Not generated, because they are one engine's own: ids, `now()`, `random`, `uuid4()`, `print`,
  `create_task` of what has started, hooks with timeouts and schemas, cancellable steps.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.guest_runs import SECOND, START_US, Play
from tests.property.concurrency import concurrent_programs, entry_of
from tests.property.oracle import OraclePlay
from tests.sizes import sized
from wf_notebook.definition.validate import validate
from wf_notebook.guest.calls import AskedFuture
from wf_notebook.guest.journal import Journal
from wf_notebook.guest.loop import DeterministicLoop

if TYPE_CHECKING:
    from collections.abc import Callable

PAYLOADS = 2  # that a hook may get: more than that no source awaits
KINDS = {
    *("step", "step_cancel", "wait", "wait_cancel", "hook", "hook_dispose"),
    *("done", "fail", "wake", "resume", "late", "completed", "failed"),
}


# ------------------------------------------------------------------- ours, as the oracle says it


def asked_for(play: Play) -> list[tuple[Any, ...]]:
    """Our commands, as `OraclePlay.commands`."""
    return [(c["after"], c["op"], c["n"], *_rest(c)) for c in play.commands]


def _rest(command: dict[str, Any]) -> tuple[Any, ...]:
    match command["op"]:
        case "step":
            return command["alias"], command["args"]
        case "wait":
            return (command["due_us"] - START_US - command["after"] * SECOND,)
        case "hook":
            return (command["token"],)
    return ()


def ended(play: Play) -> tuple[str, Any] | None:
    """Our outcome, as `OraclePlay.end`."""
    if not play.machine.ended:
        return None
    reply = play.reply
    if reply.status == "completed":
        return "completed", reply.result
    return "failed", _told(reply.error)


def _told(error: Any) -> tuple[Any, ...]:
    return error.type, error.message, tuple(map(_told, error.parts))


# ------------------------------------------------------------------------------------- both


class Both:
    """One source on both engines, which are given the same outcomes.

    Attributes:
        seen: how often each of KINDS occurred.
    """

    def __init__(self, source: str) -> None:
        self.seen: Counter[str] = Counter()
        self._source = source
        self._ours = Play(source)
        self._theirs = OraclePlay(source)
        self._known = 0
        self._answers: dict[int, tuple[str, int]] = {}
        self._withdrawn: set[int] = set()

    def play(self, pick: Callable[[int], int]) -> None:
        """Deliver outcomes until the run has ended; `pick(n)` picks a number below n."""
        try:
            self._compare()
            while self._theirs.end is None:
                self._deliver_one(pick)
        finally:
            self._ours.machine.discard()

    def _compare(self) -> None:
        program = entry_of(self._source)
        assert asked_for(self._ours) == self._theirs.commands, f"they differ in:\n{program}"
        assert ended(self._ours) == self._theirs.end, f"they end differently:\n{program}"
        new = self._theirs.commands[self._known :]
        self._known += len(new)
        self.seen.update(op for _, op, *_ in new)
        for _, op, n, *_ in new:
            self._asked(op, n)
        if self._theirs.end is not None:
            self.seen[self._theirs.end[0]] += 1

    def _asked(self, op: str, n: int) -> None:
        if op in ("step", "wait"):
            self._answers[n] = op, 1
        elif op == "hook":
            self._answers[n] = "open", 1
        elif op == "hook_dispose":
            self._answers.pop(n, None)
        else:
            self._withdrawn.add(n)  # its outcome may be on its way

    def _deliver_one(self, pick: Callable[[int], int]) -> None:
        opening = [n for n, (op, _) in self._answers.items() if op == "open"]
        waiting = opening[:1] or sorted(self._answers)
        assert waiting, f"nothing can wake this run:\n{entry_of(self._source)}"
        n = waiting[pick(len(waiting))]
        op, left = self._answers.pop(n)
        if op == "open":
            self._answers[n] = "hook", PAYLOADS
        elif left > 1:
            self._answers[n] = op, left - 1
        self._outcome(op, n, pick)
        self._compare()

    def _outcome(self, op: str, n: int, pick: Callable[[int], int]) -> None:
        if n in self._withdrawn:
            self.seen["late"] += 1
        if op == "open":
            self._ours.open_hook(n)
            self._theirs.open_hook(n)
        elif op == "hook":
            self._give("resume", n, {"value": pick(5)})
        elif op == "wait":
            self._give("wake", n)
        elif pick(8) != 5:  # not 0, which is drawn more often than others
            self._give("done", n, pick(5))
        else:
            self.seen["fail"] += 1
            self._ours.fail(n, "FatalError", f"no {n}")
            self._theirs.fail(n, f"no {n}")

    def _give(self, method: str, n: int, *value: Any) -> None:
        self.seen[method] += 1
        getattr(self._ours, method)(n, *value)
        getattr(self._theirs, method)(n, *value)


def compare_programs(options: settings) -> Counter[str]:
    """Play random programs on both engines; return how often each of KINDS occurred."""
    seen: Counter[str] = Counter()

    @options
    @given(concurrent_programs(), st.data())
    def agree(source: str, data: st.DataObject) -> None:
        both = Both(source)
        both.play(lambda below: data.draw(st.integers(0, below - 1)))
        seen.update(both.seen)

    agree()
    return seen


# ------------------------------------------------------------------------------------ tests


@pytest.mark.parametrize("part", range(sized(1, 25)))
def test_both_engines_do_the_same(part: int) -> None:
    """Whatever completes first: the same commands in each activation, and the same end.

    200 programs a part; by night 5,000, in parts that no timeout of a slow machine cuts off.
    """
    seen = compare_programs(settings(max_examples=200))
    assert seen.keys() >= KINDS


@settings(max_examples=50)
@given(concurrent_programs())
def test_the_programs_are_sources(source: str) -> None:
    """What is compared is what people could write: the check accepts it."""
    found = validate(source, aliases=("a", "b", "c"), export_name="w")
    assert found.diagnostics == (), entry_of(source)


def _newest_first(call_soon: Any) -> Any:
    def called(self: DeterministicLoop, *args: Any, **options: Any) -> Any:
        handle = call_soon(self, *args, **options)
        self._ready.rotate(1)
        return handle

    return called


def _last_first(settle: Any) -> Any:
    def settled(self: Journal) -> Any:
        self._unnumbered.reverse()
        return settle(self)

    return settled


def _silent(cancel: Any) -> Any:
    return lambda self, msg=None: super(AskedFuture, self).cancel(msg)


@pytest.mark.parametrize(
    ("owner", "name", "wrong"),
    [
        (DeterministicLoop, "call_soon", _newest_first),
        (Journal, "settle", _last_first),
        (AskedFuture, "cancel", _silent),
    ],
)
def test_a_guest_that_does_otherwise_is_found(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str, wrong: Any
) -> None:
    """The comparison can fail: with another order or without a withdrawal it does."""
    monkeypatch.setattr(owner, name, wrong(getattr(owner, name)))
    first = settings(
        max_examples=200, phases=[Phase.generate], report_multiple_bugs=False, database=None
    )
    with pytest.raises(AssertionError, match="they differ"):
        compare_programs(first)
