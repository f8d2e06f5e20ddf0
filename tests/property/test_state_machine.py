"""Whatever happens to a world, in whatever order: nothing acknowledged is lost, and all ends as due."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.behaviour.folded import check_views
from tests.behaviour.invariants import (
    check_attempts,
    check_folds,
    check_log,
    check_moved_on,
    check_reading,
    check_replay,
    check_same_logs,
)
from tests.behaviour.stage import PATIENCE
from tests.property.driving import MADE, STEPS
from tests.property.flows import ACTS, FLOWS, OFFERED, RETRIES, Approval, Flow
from tests.property.programs import programs
from tests.property.session import Session
from tests.sizes import by_night, sized
from tests.worlds import QUICK, abandoned, opened
from wf_notebook.engine.activity import Activity, from_log
from wf_notebook.errors import (
    HookNotFoundError,
    HookPayloadError,
    UsageError,
    WorldError,
    WorldLockedError,
)
from wf_notebook.world.memory import MemoryStore
from wf_notebook.world.state import _FOLDS, RunState, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from tests.property.faults import Fault
    from wf_notebook.world.duckdb import DuckDBStore
    from wf_notebook.world.events import Event
    from wf_notebook.world.store import EventStore

DAY: Final = 86_400
PICK = st.integers(0, 7)
FAULTS: Final[list[Fault]] = ["none", "full", "unknown", "dies before", "dies after"]


@dataclass
class Known:
    """What was said to whoever asked about a run.

    Attributes:
        flow: what it executes, or None for a generated program.
        n: its number.
        cancelled: whether a cancel was acknowledged.
        labels: those that were acknowledged, by name; those in doubt are missing.
    """

    flow: Flow | None
    n: int
    cancelled: bool = False
    labels: dict[str, str] = field(default_factory=dict)


class Worlds(Session, RuleBasedStateMachine):
    """A world, the process that has it open, and people and faults that act on both.

    Attributes:
        reached: how often each type of event, refusal and fault came about, over all examples.
    """

    reached: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0  # how much of the log was checked
        self.known: dict[str, Known] = {}
        self.sent: dict[tuple[str, str], tuple[Any, int | None]] = {}  # payload; seq once told
        self.count = 0

    def pick(self, found: Sequence[Any], which: int) -> Any:
        """One of what there is, or None; what is drawn never depends on what there is."""
        return found[which % len(found)] if found else None

    def hooks(self, *, are_open: bool) -> list[tuple[str, str]]:
        """Run and token of hooks, by token."""
        found = [
            (run_id, hook.token)
            for run_id, state in self.states().items()
            for hook in state.hooks.values()
            if hook.status != "conflict" and (hook in state.open_hooks) == are_open
        ]
        return sorted(found, key=lambda pair: (pair[1], pair[0]))

    # ----------------------------------------------------------------------------- rules: people

    @rule(kind=st.sampled_from(sorted(FLOWS)), labelled=st.booleans())
    def start(self, kind: str, labelled: bool) -> None:
        """Start a workflow that somebody has written."""
        self.count += 10
        flow, labels = FLOWS[kind], {"kind": kind} if labelled else {}
        self._start(flow.source, Known(flow, self.count, labels=labels), OFFERED, attributes=labels)

    @rule(source=programs())
    def start_generated(self, source: str) -> None:
        """Start a generated program."""
        self._start(source, Known(None, 1), STEPS)

    def _start(self, source: str, known: Known, steps: Sequence[Any], **options: Any) -> None:
        struck, before = self.store.struck, len(self.log)
        try:
            run = self.world.start(source, (known.n,), steps=steps, schemas=[Approval], **options)
        except WorldError as error:
            self._explained(error, struck)
            created = [e for e in self.log[before:] if e.type == "run_created"]
            self.known.update({event.run_id: known for event in created})
        else:
            self.known[run.id] = known

    @rule(which=PICK, payload=PICK)
    def resume(self, which: int, payload: int) -> None:
        """Answer an open hook."""
        found = self.pick(self.hooks(are_open=True), which)
        if found is not None:
            self._resume(found[1], self._payload(found[0], payload), f"id-{len(self.sent)}")

    def _payload(self, run_id: str, which: int) -> Any:
        flow = self.known[run_id].flow
        return {"answer": which} if flow is None else self.pick(flow.payloads, which)

    def _resume(self, token: str, payload: Any, resume_id: str) -> None:
        struck = self.store.struck
        self.sent.setdefault((token, resume_id), (payload, None))
        try:
            seq = self.ask(self.host.resume(token, payload, resume_id))
        except WorldError as error:
            self._explained(error, struck)
        except HookNotFoundError:
            self.settle()
            assert token not in {t for _, t in self.hooks(are_open=True)} or self.store.broken
        else:
            told = self.sent[token, resume_id][1]
            assert told in (None, seq), "P5: answered with another event than before"
            self.reached["answered again"] += told is not None
            self.sent[token, resume_id] = (self.sent[token, resume_id][0], seq)
            assert any(e.seq == seq and e.meta.get("resume_id") == resume_id for e in self.log), (
                "P5: acknowledged, and not recorded"
            )

    @rule(which=PICK)
    def resume_again(self, which: int) -> None:
        """Send again what was sent before; another payload, if it was recorded: the first counts."""
        found = self.pick(sorted(self.sent), which)
        if found is not None:
            recorded = any(e.meta.get("resume_id") == found[1] for e in self.log)
            payload = {"ok": False} if recorded else self.sent[found][0]
            self._resume(found[0], payload, found[1])

    @rule(which=PICK)
    def resume_too_late(self, which: int) -> None:
        """Answer a hook that is open no more."""
        found = self.pick(self.hooks(are_open=False), which)
        if found is None or found[1] in {token for _, token in self.hooks(are_open=True)}:
            return
        before = len(self.log)
        with pytest.raises(HookNotFoundError):
            self.ask(self.host.resume(found[1], {"ok": True}, None))
        assert not _received(self.log[before:])
        self.reached["too late"] += 1

    @rule(which=PICK)
    def resume_wrongly(self, which: int) -> None:
        """Answer with what doesn't fit the schema, or a hook that never was."""
        before = len(self.log)
        with pytest.raises(HookNotFoundError):
            self.ask(self.host.resume(f"nobody-{which}", 1, None))
        fitting = [
            (run_id, token)
            for run_id, token in self.hooks(are_open=True)
            if (flow := self.known[run_id].flow) is not None and flow.wrong is not None
        ]
        found = self.pick(fitting, which)
        if found is not None:
            wrong = FLOWS["approval"].wrong
            with pytest.raises(HookPayloadError):
                self.ask(self.host.resume(found[1], wrong, None))
            self.reached["wrong payload"] += 1
        assert not _received(self.log[before:])

    @rule(which=PICK)
    def wake(self, which: int) -> None:
        """End the sleeps of a run."""
        run_id = self.pick(sorted(self.known), which)
        if run_id is None:
            return
        sleeps = self._asleep(run_id)
        seq = self._asked(lambda: self.host.wake(run_id, None))
        if seq is not None and seq > 0:
            assert sleeps
            woken = self.events_of(run_id)[seq - 1]
            assert (woken.type, woken.meta.get("woken")) == ("wait_completed", True)

    def _asleep(self, run_id: str) -> bool:
        return any(w.kind == "sleep" for w in fold(self.events_of(run_id)).open_waits)

    def _explained(self, error: WorldError, struck: int) -> None:
        """Only a fault is a reason for an error of the world."""
        assert self.store.struck > struck, error
        self.reached["failed commit"] += 1

    def _asked(self, what: Callable[[], Future[Any]]) -> int | None:
        """The answer, or None if a fault left it open what has happened."""
        struck = self.store.struck
        try:
            return self.ask(what())
        except WorldError as error:
            self._explained(error, struck)
            return None

    @rule(which=PICK)
    def cancel(self, which: int) -> None:
        """Cancel a run."""
        run_id = self.pick(sorted(self.known), which)
        if run_id is None:
            return
        live = self.host.runner.activity(run_id) is not None
        seq = self._asked(lambda: self.host.cancel(run_id, "enough"))
        if seq is not None and live:
            assert fold(self.events_of(run_id)).terminal
        if seq:
            self.known[run_id].cancelled = True

    @rule(which=PICK, name=st.sampled_from("ab"), text=st.sampled_from("xy"))
    def label(self, which: int, name: str, text: str) -> None:
        """Label a run."""
        run_id = self.pick(sorted(self.known), which)
        if run_id is None or self.host.runner.activity(run_id) is None:
            return
        act = self.ask(self.host.activity(run_id))
        self.known[run_id].labels.pop(name, None)
        try:
            if self._asked(lambda: self.host.label(act, {name: text})):
                self.known[run_id].labels[name] = text
        except UsageError:
            assert fold(self.events_of(run_id)).terminal

    @rule(which=PICK)
    def adopt(self, which: int) -> None:
        """Take a run over into the notebook of this session."""
        run_id = self.pick(sorted(self.known), which)
        if run_id is None:
            return
        if self._asked(lambda: self.host.adopt(run_id)):
            assert fold(self.events_of(run_id)).notebook == self.host.notebook

    # ------------------------------------------------------------------------------- rules: time

    @rule(seconds=st.sampled_from([1, 30, 61, 3_600, 30 * DAY]))
    def advance(self, seconds: int) -> None:
        """Time passes."""
        now_us = self.clock.now_us()
        self.host.call(lambda: self.clock.step_to(now_us + seconds * 1_000_000))

    @rule()
    def until_something_is_due(self) -> None:
        """Time passes until the next sleep, timeout or retry."""
        self.host.call(self.clock.jump)

    @rule(seconds=st.sampled_from([1, 3_600, 3_650 * DAY]))
    def set_back(self, seconds: int) -> None:
        """Somebody sets the clock back."""
        now_us = self.clock.now_us()
        self.host.call(lambda: self.clock.step_to(now_us - seconds * 1_000_000))

    # ----------------------------------------------------------------------------- rules: faults

    @rule(outcome=st.sampled_from(["fail", "fatal"]), times=st.integers(1, 5))
    def attempts_fail(self, outcome: str, times: int) -> None:
        """The next attempts of steps fail."""
        ACTS.next[:] = [outcome] * times

    @rule()
    def slow_steps_return(self) -> None:
        """The slow steps go on."""
        opened = threading.Event()  # its own: something else may be heard before

        def open_gate() -> None:
            ACTS.open()
            opened.set()

        self.host.runner._attempts._steps.loop.call_soon_threadsafe(open_gate)
        assert opened.wait(PATIENCE)

    @rule(faults=st.lists(st.sampled_from(FAULTS), min_size=1, max_size=3))
    def commits_will_fail(self, faults: list[Fault]) -> None:
        """The next commits fail: the disk is full, or the process dies in them."""
        self.store.plan = list(faults)

    @rule()
    def crash(self) -> None:
        """The process dies; another one opens what it left."""
        self.crash_and_reopen()

    @rule()
    def restart(self) -> None:
        """The world is closed, and opened again."""
        self.close_and_reopen()

    # World.forget joins here, with what it leaves: no event, chunk or definition of its run.

    # --------------------------------------------------------------------------------- invariants

    @invariant()
    def everything_holds(self) -> None:
        self.settle()
        if self.store.dead:
            self.reached["died in a commit"] += 1
            self.crash_and_reopen()
            self.settle()
        new = self.log[self.seen :]
        self.seen = len(self.log)
        if not new:
            return
        check_log(self.log)
        changed = sorted({event.run_id for event in new})
        check_reading(self.disk, changed)
        for run_id in changed:
            self.check_run(run_id, self.events_of(run_id))

    def check_run(self, run_id: str, events: list[Event]) -> None:
        found = self.disk.read(run_id).result(PATIENCE)
        assert list(found) == events, "P1"
        check_replay(self.disk.definition(run_id).result(PATIENCE), events)
        check_attempts(events, MADE, crashes=self.crashes)
        act = self.host.runner.activity(run_id)
        if act is not None and not act.resting:
            self.host.call(lambda: check_folds(events, act.state))
        self.check_outcomes(run_id, events)

    def check_outcomes(self, run_id: str, events: list[Event]) -> None:
        """What was recorded is what happened: of attempts, payloads, cancels and labels."""
        state, known = fold(events), self.known[run_id]
        for event in events:
            if event.type in ("step_completed", "step_failed", "step_retrying"):
                self._attempted(state, event)
            if event.type == "hook_received":
                token = state.hooks[str(event.correlation_id)].token
                payload, seq = self.sent[token, event.meta["resume_id"]]
                assert seq in (None, event.seq)
                assert event.data is not None
                assert _is(_plain(event.data["payload"]), payload), "P5"
        assert not known.cancelled or state.status == "cancelled"
        assert known.labels.items() <= state.attributes.items()

    def _attempted(self, state: RunState, event: Event) -> None:
        step, number = state.steps[str(event.correlation_id)], event.meta["attempt"]
        outcome = ACTS.outcomes.get((step.id, number))
        if step.alias not in RETRIES:
            return
        last = number > RETRIES[step.alias]
        expected = {
            "ok": "step_completed",
            "fatal": "step_failed",
            "fail": "step_failed" if last else "step_retrying",
        }
        assert event.type == expected[outcome or ""], "P2"

    # ----------------------------------------------------------------------------------- the end

    def teardown(self) -> None:
        try:
            if not self.host.closed:  # else it has failed between two processes
                self.all_ends()
        finally:
            self.world.close()
            self.disk.close()

    def all_ends(self) -> None:
        """Once faults stop and people answer, every run ends, with what is due to it (I5, I17)."""
        self.settle()
        ACTS.next, ACTS.open_for_good = [], True
        self.close_and_reopen()
        self.let_time_pass()
        check_moved_on(self.host.runner.unfinished, self.clock.now_us())
        while hooks := self.hooks(are_open=True):
            for run_id, token in hooks:
                flow = self.known[run_id].flow
                payload = {"answer": 0} if flow is None else flow.payloads[-2]
                self._resume(token, payload, f"last-{len(self.sent)}")
            self.let_time_pass()
        self.everything_holds()
        assert not self.host.runner.unfinished, "I17"
        self.reached.update(event.type for event in self.log)
        self.reached["run again"] += sum(bool(event.meta.get("rerun")) for event in self.log)
        for run_id, state in self.states().items():
            self.check_end(self.known[run_id], state, self.events_of(run_id))

    def let_time_pass(self) -> None:
        self.settle()
        while self.host.call(self.clock.jump):
            self.settle()

    def check_end(self, known: Known, state: RunState, events: Sequence[Event]) -> None:
        if state.status == "cancelled" or known.flow is None:
            return
        did = {
            step["args"]["x"]: _came_to(events, str(event.correlation_id))
            for event in events
            if event.type == "step_created" and (step := event.data) is not None
        }
        got = [_plain((e.data or {})["payload"]) for e in events if e.type == "hook_received"]
        if known.flow.strict and "failed" in did.values():
            assert (state.status, state.code) == ("failed", "USER_ERROR")
            return
        assert state.status == "completed", (state.code, state.error)
        assert state.result in known.flow.ends(known.n, did, got)


def _received(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event.type == "hook_received"]


def _plain(tree: Any) -> Any:
    """A payload as it was sent: a model arrives as a record."""
    if isinstance(tree, dict) and tree.get("$t") == "record":
        return tree["v"]
    return tree


def _is(found: Any, sent: Any) -> bool:
    """Whether a payload is the one that was sent; its model may have filled in what was left out."""
    return found == sent or (isinstance(sent, dict) and {**found, **sent} == found)


def _came_to(events: Sequence[Event], step: str) -> Any:
    for event in events:
        if event.correlation_id == step and event.type == "step_completed":
            return (event.data or {})["result"]
        if event.correlation_id == step and event.type == "step_failed":
            return "failed"
    return None


class InMemory(Worlds):
    """On the reference store."""


class OnDisk(Worlds):
    """In a world file; a crash leaves its files as they are. The reference store is its mirror."""

    def make(self) -> EventStore:
        self._folder = tempfile.TemporaryDirectory(dir=QUICK)
        self._place = Path(self._folder.name) / "w.duckdb"
        disk = opened(self._place)
        self.mirror = MemoryStore(disk.world_id)
        return disk

    def left_by_a_crash(self) -> EventStore:
        with abandoned(self._place) as left:
            self.disk.close()
            for file in self._place.parent.glob("w.duckdb*"):
                file.unlink()
            for file in left.parent.iterdir():
                shutil.move(file, self._place.parent)
        return opened(self._place)

    def closed_and_opened(self) -> EventStore:
        self.disk.close()
        return opened(self._place)

    @rule()
    def second_session(self) -> None:
        """Another process opens the world; it is told who has it."""
        with pytest.raises(WorldLockedError):
            opened(self._place)

    def check_run(self, run_id: str, events: list[Event]) -> None:
        super().check_run(run_id, events)
        assert self.mirror is not None
        check_same_logs(self.disk, self.mirror, [run_id])
        check_views(cast("DuckDBStore", self.disk), events)

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self._folder.cleanup()


# What must have come about, or the rules try less than they say: of many scripts, and of a few.
MUCH: Final = {
    *(set(_FOLDS) - {"stream_closed"}),
    *("failed commit", "answered again", "too late", "wrong payload", "died in a commit"),
    "run again",
}
SOME: Final = {"run_completed", "wait_completed", "hook_received", "failed commit", "run again"}


def play(machine: type[Worlds], examples: int, due: set[str]) -> None:
    """Play many scripts; one that fails is shrunk and printed, and goes below with what it found."""
    machine.reached = Counter()
    phases = [phase for phase in Phase if phase is not Phase.explain]  # which takes too long
    steps = sized(50, 100)
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=steps, phases=phases)
    )
    if not by_night():  # then each part has scripts of its own, and fewer of a kind
        assert machine.reached.keys() >= due, due - machine.reached.keys()


@pytest.mark.parametrize("part", range(sized(1, 20)))
def test_memory(part: int) -> None:
    """On the reference store, whatever happens."""
    play(InMemory, 70, MUCH)


@pytest.mark.parametrize("part", range(sized(1, 20)))
def test_duckdb(part: int) -> None:
    """In a world file, whatever happens; SQL and the reference store say the same."""
    play(OnDisk, 30, SOME)


# ----------------------------------------------------------------------- what must be found out


class Forgetful(InMemory):
    """A store that has acknowledged its last event, and loses it when the process dies."""

    def left_by_a_crash(self) -> EventStore:
        logs = [log for log in cast("MemoryStore", self.disk)._logs.values() if len(log) > 1]
        if logs:
            max(logs, key=lambda log: log[-1].time_us).pop()
        return self.disk


def _without_attempts(events: Sequence[Event]) -> Activity:
    found = from_log(events)
    found.todo.clear()
    return found


def _nothing(*_: object) -> None:
    """Set no timers, or find nothing by a sweep."""


@pytest.mark.parametrize(
    ("machine", "name", "wrong", "said"),
    [
        (Forgetful, "", None, "I4"),
        (InMemory, "activity.from_log", _without_attempts, "I17"),
        (InMemory, "dues.Dues.take_up", _nothing, "I17"),
    ],
)
def test_an_engine_that_forgets_is_found_out(
    monkeypatch: pytest.MonkeyPatch, machine: type[Worlds], name: str, wrong: Any, said: str
) -> None:
    """The machine can fail: of an event, of attempts, of sleeps that a crash has left."""
    if name:
        monkeypatch.setattr(f"wf_notebook.engine.{name}", wrong)
        monkeypatch.setattr("wf_notebook.engine.dues.Dues.sweep", _nothing)  # it would find them
    first = settings(max_examples=70, phases=[Phase.generate], report_multiple_bugs=False)
    with pytest.raises(AssertionError, match=said):
        run_state_machine_as_test(machine, settings=first)
