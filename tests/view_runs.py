"""Runs in the states that a view must show, written as the events that lead there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wf_notebook.views.model import Facts, build_view
from wf_notebook.views.why import why
from wf_notebook.world.events import Event
from wf_notebook.world.state import RunState, fold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wf_notebook.views.model import RunView

T0 = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
SECOND = 1_000_000
RUN_ID = "wrun_01KDV6Q8Z4H2M7T3N5R9WXYABC"
SECRET = "CANARY-7f3a"  # stands in every place that is sealed

APPROVAL: Mapping[str, Any] = {
    "title": "Approval",
    "type": "object",
    "properties": {
        "ok": {"type": "boolean", "title": "Approved"},
        "amount": {
            "type": "number", "title": "Amount", "minimum": 0, "maximum": 250, "default": 80,
            "description": "What to pay back, in euros",
        },
        "level": {"enum": ["low", "normal", "high"], "title": "Level", "default": "normal"},
        "due": {"type": "string", "format": "date", "title": "Pay until"},
        "note": {
            "anyOf": [{"type": "string"}, {"type": "null"}], "title": "Note", "default": None,
        },
    },
    "required": ["ok", "due"],
}  # fmt: skip


class Log:
    """Writes the events of one run; times are seconds after `T0`."""

    def __init__(self, name: str = "refund", **created: Any) -> None:
        self.events: list[Event] = []
        self.n = 0
        meta = {
            "workflow_id": f"workflow//dynamic/{'0' * 32}//{name}",
            "name": name,
            "origin": {"notebook": "", "label": "Cell In[2]", "line_offset": 1},
            **created,
        }
        self.add("run_created", 0, meta=meta, data={"args": [SECRET], "seed": SECRET})

    def add(
        self,
        kind: Any,
        at: float,
        correlation: str | None = None,
        *,
        meta: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Log:
        seq = len(self.events) + 1
        event = Event(
            type=kind,
            event_id=f"e{seq}",
            time_us=T0 + round(at * SECOND),
            correlation_id=correlation,
            meta=meta or {},
            data=data,
            run_id=RUN_ID,
            seq=seq,
        )
        self.events.append(event)
        return self

    def begin(self, at: float = 0.01) -> Log:
        return self.add("run_started", at)

    def step(self, key: str, alias: str, at: float, line: int | None = None) -> Log:
        self.n += 1
        meta = {"n": self.n, "alias": alias, "step_id": f"step//m//{alias}", "line": line}
        return self.add("step_created", at, key, meta=meta, data={"args": {"order": SECRET}})

    def attempt(self, key: str, at: float, number: int = 1, *, rerun: bool = False) -> Log:
        return self.add("step_started", at, key, meta={"attempt": number, "rerun": rerun})

    def retry(self, key: str, at: float, next_at: float, error: str = "TimeoutError") -> Log:
        meta = {"retry_at_us": T0 + round(next_at * SECOND)}
        return self.add("step_retrying", at, key, meta=meta, data=failure(error))

    def complete(self, key: str, at: float) -> Log:
        return self.add("step_completed", at, key, data={"result": SECRET})

    def fail(self, key: str, at: float, error: str = "CardExpired") -> Log:
        return self.add("step_failed", at, key, data=failure(error))

    def done(self, key: str, alias: str, at: float, end: float, line: int | None = None) -> Log:
        return self.step(key, alias, at, line).attempt(key, at).complete(key, end)

    def sleep(
        self, key: str, at: float, due: float, line: int | None = None, kind: str = "sleep"
    ) -> Log:
        self.n += 1
        meta = {"n": self.n, "kind": kind, "due_us": T0 + round(due * SECOND), "line": line}
        return self.add("wait_created", at, key, meta=meta)

    def hook(
        self,
        key: str,
        token: str,
        at: float,
        line: int | None = None,
        *,
        schema: str | None = None,
        **shown: object,
    ) -> Log:
        """`shown`: `title` and `metadata`."""
        self.n += 1
        meta = {"n": self.n, "token": token, "schema": schema, "line": line}
        return self.add("hook_created", at, key, meta=meta, data=shown)

    def received(self, key: str, at: float) -> Log:
        meta = {"resume_id": f"r{len(self.events)}"}
        return self.add("hook_received", at, key, meta=meta, data={"payload": SECRET})

    def end(self, kind: str, at: float, **meta: Any) -> Log:
        data = {"result": SECRET, "reason": SECRET, **failure("KeyError")}
        return self.add(f"run_{kind}", at, meta=meta, data=data)

    @property
    def state(self) -> RunState:
        return fold(self.events)

    def view(self, now: float, **options: Any) -> RunView:
        """What is seen `now` seconds after the run was created."""
        now_us = T0 + round(now * SECOND)
        made = {name: options.pop(name) for name in ("attempts", "drawing") if name in options}
        facts = self.facts(**options)
        state = self.state
        said = why(state, now_us, facts.blocked)
        return build_view(state, facts, now_us=now_us, why=said, **made)

    def facts(self, **options: Any) -> Facts:
        """What is shown of the run that isn't in its log."""
        known: dict[str, Any] = {
            "schemas": {"Approval": APPROVAL},
            "replayed": None,
            "blocked": None,
            "isolation": "process",
            **options,
        }
        return Facts(**known)


def failure(kind: str) -> dict[str, Any]:
    return {"error": {"type": kind, "message": SECRET, "cause": None, "parts": []}}


def running() -> Log:
    """Steps done, one that is tried again, one in flight."""
    log = Log().begin()
    log.done("s1", "fetch_order", 0.02, 0.9, line=3)
    log.step("s2", "charge_back", 0.92, line=4).attempt("s2", 0.93).retry("s2", 2.4, 3.4)
    log.step("s3", "notify", 0.95, line=5).attempt("s3", 0.96)
    return log.attempt("s2", 3.4, 2)


def suspended() -> Log:
    """Waits for a sleep, for a deadline of asyncio's, and for a person."""
    log = Log().begin()
    log.done("s1", "fetch_order", 0.02, 0.9, line=3)
    log.step("s2", "reserve", 0.92, line=4).attempt("s2", 0.93).retry("s2", 2.4, 3.4)
    log.attempt("s2", 3.4, 2).complete("s2", 5.2)
    log.sleep("w1", 5.25, 905.25, line=5)
    log.sleep("w2", 5.25, 65.25, line=6, kind="timer")
    title = f"Approve the refund {SECRET}"
    return log.hook("h1", "approve-A-17", 5.3, 7, schema="Approval", title=title)


def failed() -> Log:
    """A step fails for good, and the run with it."""
    log = Log().begin()
    log.done("s1", "fetch_order", 0.02, 0.9, line=3)
    log.step("s2", "charge_back", 0.92, line=4).attempt("s2", 0.93)
    log.retry("s2", 2.4, 3.4).attempt("s2", 3.4, 2).fail("s2", 4.1)
    return log.end("failed", 4.15, code="USER_ERROR", line=4)


def completed() -> Log:
    """Everything a run can do, done."""
    log = suspended()
    log.add("wait_cancelled", 31.4, "w2").received("h1", 31.4)
    log.add("wait_completed", 33, "w1", meta={"woken": True})
    log.done("s3", "charge_back", 33.1, 34.6, line=9).done("s4", "notify", 34.61, 34.9, line=10)
    return log.end("completed", 35)


def cancelled() -> Log:
    """Somebody cancelled while it waited."""
    log = suspended().add("wait_cancelled", 40, "w1").add("wait_cancelled", 40, "w2")
    return log.end("cancelled", 40)


def many(count: int, *, done: int) -> Log:
    """A fan-out over one alias."""
    log = Log("fan_out").begin()
    for i in range(count):
        log.step(f"s{i}", "charge", 0.1, line=3)
    for i in range(done):
        log.attempt(f"s{i}", 0.2 + i / 100).complete(f"s{i}", 0.5 + i / 100)
    return log
