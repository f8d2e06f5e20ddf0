"""I11: what the views of a world say of a run, computed from the fold of its log instead."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from wf_notebook.world.state import fold
from wf_notebook.world.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wf_notebook.world.duckdb import DuckDBStore
    from wf_notebook.world.events import Event
    from wf_notebook.world.state import Attempt, RunState, Step

Row = dict[str, Any]
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Not of one run: `definitions` has a test of its own, `approvals` those of reviews.
OF_RUNS = [name for name in VIEWS if name not in ("definitions", "approvals")]


def check_views(store: DuckDBStore, events: Sequence[Event]) -> None:
    """I11: every column of every view says of a run what the fold of its log says."""
    run_id = events[0].run_id
    expected = {
        "runs": [_run(fold(events), events)],
        "steps": list(_steps(fold(events), events)),
        "attempts": list(_attempts(fold(events), events)),
        "hooks": list(_hooks(fold(events), events)),
        "waits": list(_waits(fold(events))),
        "streams": list(_streams(store, fold(events))),
        "attributes": [
            {"name": name, "text": text} for name, text in fold(events).attributes.items()
        ],
    }
    assert sorted(expected) == sorted(OF_RUNS)
    of = {"run_id": run_id, "workflow": events[0].meta["name"],
          "source_hash": events[0].meta["source_hash"]}  # fmt: skip
    for name, made in expected.items():
        found = store.sql(f"from {name} where run_id = ?", [run_id]).result(timeout=60)
        assert list(found.columns) == list(VIEWS[name].meanings)
        wanted = [_timed(name, {**of, **row}) for row in made]
        shown = [_columns(name, row) for row in wanted]
        assert _sorted(found.records()) == _sorted(shown), f"I11: {name}"


def _sorted(rows: list[Row]) -> list[str]:
    return sorted(repr(row) for row in rows)


def _columns(name: str, row: Row) -> Row:
    return {column: row[column] for column in VIEWS[name].meanings}


def _timed(name: str, row: Row) -> Row:
    """Add what a view makes of its microseconds."""
    return row | {time: _moment(row[f"{time}_us"]) for time in VIEWS[name].times}


def _moment(us: int | None) -> datetime | None:
    if us is None or us > (_LAST - _EPOCH) // timedelta(microseconds=1):
        return None
    return (_EPOCH + timedelta(microseconds=us)).replace(tzinfo=None)


def _span(start: int, end: int | None) -> float | None:
    return None if end is None else (end - start) / 1e6


def _seq(events: Sequence[Event], key: str, *types: str) -> int | None:
    """The last event of these types about an entity."""
    found = [e.seq for e in events if e.correlation_id == key and e.type in types]
    return found[-1] if found else None


def _run(s: RunState, events: Sequence[Event]) -> Row:
    parent, approval = s.created.get("parent") or {}, s.created.get("approval")
    return {
        "name": s.created["name"],
        "status": s.status,
        "created_us": s.created_us,
        "started_us": s.started_us,
        "ended_us": s.ended_us,
        "seconds": _span(s.created_us, s.ended_us),
        "code": s.code,
        "line": s.line,
        "workflow_id": s.created["workflow_id"],
        "parent_run_id": parent.get("run_id"),
        "parent_step": parent.get("step_id"),
        "root_run_id": s.created.get("root", s.run_id),
        **{name: s.created.get(name) for name in ("rerun_of", "key")},
        "approval": None if approval is None else f"{approval['name']}@{approval['revision']}",
        **{name: s.created.get(name) for name in ("isolation", "python")},
        "language": None if s.created.get("language") is None else str(s.created["language"]),
        "attributes": json.dumps(
            dict(s.attributes), separators=(",", ":"), ensure_ascii=False, sort_keys=False
        ),
        "origin": (s.created.get("origin") or {}).get("notebook", ""),
        "notebook": s.notebook,
        "events": len(events),
        "ended_seq": s.seq if s.terminal else None,
    }


def _steps(s: RunState, events: Sequence[Event]) -> Iterator[Row]:
    ends = ("step_completed", "step_failed", "step_cancelled")
    for step in s.steps.values():
        yield {
            **_entity(step),
            "alias": step.alias,
            "step_id": step.step_id,
            "attempts": len(step.attempts),
            "started_us": step.attempts[0].started_us if step.attempts else None,
            "retry_at_us": step.retry_at_us,
            "created_seq": _seq(events, step.id, "step_created"),
            "ended_seq": _seq(events, step.id, *ends),
        }


def _entity(found: Any) -> Row:
    return {
        **{name: getattr(found, name) for name in ("id", "n", "line", "status")},
        "created_us": found.created_us,
        "ended_us": found.ended_us,
        "seconds": _span(found.created_us, found.ended_us),
    }


def _attempts(s: RunState, events: Sequence[Event]) -> Iterator[Row]:
    for step in s.steps.values():
        told = [e for e in events if e.correlation_id == step.id and e.type != "step_created"]
        begun = [index for index, event in enumerate(told) if event.type == "step_started"]
        for index, attempt in zip(begun, step.attempts, strict=True):
            yield _attempt(step, attempt, told[index : index + 2])


def _attempt(step: Step, attempt: Attempt, told: Sequence[Event]) -> Row:
    """Of an attempt, its beginning and what came after it."""
    began, *ended = [e for e in told if e is told[0] or e.type != "step_started"]
    return {
        "step": step.id,
        "alias": step.alias,
        "number": attempt.number,
        "rerun": attempt.rerun,
        "outcome": ended[0].type.removeprefix("step_") if ended else None,
        "started_us": attempt.started_us,
        "ended_us": attempt.ended_us,
        "seconds": _span(attempt.started_us, attempt.ended_us),
        "seq": began.seq,
        "ended_seq": ended[0].seq if ended else None,
    }


def _hooks(s: RunState, events: Sequence[Event]) -> Iterator[Row]:
    for hook in s.hooks.values():
        answers = [
            e for e in events if e.type == "hook_received" and e.correlation_id == hook.id
        ]  # fmt: skip
        first = answers[0].time_us if answers else None
        yield {
            **_entity(hook),
            "token": hook.token,
            "schema_name": hook.schema,
            "waiting": hook in s.open_hooks,
            "received": hook.received,
            "owner": hook.owner,
            "first_received_us": first,
            "last_received_us": hook.last_received_us,
            "answer_seconds": _span(hook.created_us, first),
            "created_seq": _seq(events, hook.id, "hook_created", "hook_conflict"),
            "last_received_seq": _seq(events, hook.id, "hook_received"),
        }


def _waits(s: RunState) -> Iterator[Row]:
    for wait in s.waits.values():
        yield {**_entity(wait), "kind": wait.kind, "due_us": wait.due_us, "woken": wait.woken}


def _streams(store: DuckDBStore, s: RunState) -> Iterator[Row]:
    written = store.streams(s.run_id).result(60)
    for name in {*written, *s.closed_streams}:
        chunks = store.chunks(s.run_id, name).result(60)
        size = "select coalesce(sum(octet_length(bytes)), 0) from stream_chunks"
        sealed = store.sql(f"{size} where run_id = ? and stream = ?", [s.run_id, name]).result(60)
        yield {
            "stream": name,
            "chunks": len(chunks),
            "last_idx": written[name] - 1 if name in written else None,
            "sealed_bytes": sealed.rows[0][0],
            "closed_us": s.closed_streams.get(name),
        }
