/** Which runs a table shows, in which order, and what it says of them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  age,
  ago,
  holding,
  matches,
  ordered,
  waiting,
} from "../../../wf_notebook/views/static/runs_rows.js";

const S = 1e6;

function row(id, changes = {}) {
  return {
    run_id: id,
    name: id,
    status: "running",
    created_us: 0,
    last_us: 0,
    ended_us: null,
    waits: [],
    labels: "",
    ...changes,
  };
}

const ids = (rows) => rows.map((found) => found.run_id);

test("times in a sentence are read as of now", () => {
  const waits = ["hook a (open for ", { us: 2 * S, to_come: false }, ") or a sleep that ends in "];
  const found = row("a", { waits: [...waits, { us: 30 * S, to_come: true }] });
  assert.equal(waiting(found, 3.5 * S), "hook a (open for 1 s) or a sleep that ends in 27 s");
});

test("what has ended says how long it took", () => {
  assert.equal(age(row("a"), 61 * S), "1 min 1 s");
  assert.equal(age(row("a", { ended_us: 2.5 * S }), 61 * S), "1 min 1 s, took 2.5 s");
  assert.equal(ago(null, 5 * S), "");
});

test("a text is looked for in all but the times", () => {
  const found = row("wrun_1", { name: "Refund", labels: "customer=A-17", waits: ["hook ask ", {}] });
  for (const text of ["", "refund", "RUN_1", "a-17", "hook ASK"]) {
    assert.ok(matches(found, { status: "", text }), text);
  }
  assert.ok(!matches(found, { status: "", text: "object" }));
  assert.ok(!matches(found, { status: "failed", text: "" }));
});

test("what needs somebody comes first, of two that are alike the newer one", () => {
  const rows = ["completed", "failed", "suspended", "forgotten", "blocked"].map((status, n) =>
    row(status, { status, created_us: n }),
  );
  const order = ["blocked", "suspended", "failed", "completed", "forgotten"];
  assert.deepEqual(ids(ordered(rows, { by: "status", down: false })), order);
  const alike = [row("old"), row("new", { created_us: 1 })];
  assert.deepEqual(ids(ordered(alike, { by: "status", down: true })), ["new", "old"]);
});

test("what waits for nothing comes after what waits", () => {
  const rows = [row("idle"), row("waits", { waits: ["hook a"] })];
  assert.deepEqual(ids(ordered(rows, { by: "waits", down: false })), ["waits", "idle"]);
});

test("rows that are pointed at stay, say what they say by now, and let none in", () => {
  const ended = row("a", { status: "completed" });
  const all = new Map([ended, row("b"), row("c")].map((found) => [found.run_id, found]));
  const { rows, later } = holding([all.get("c"), all.get("b")], ["b", "a", "gone"], all);
  assert.deepEqual(ids(rows), ["b", "a"]);
  assert.equal(rows[1].status, "completed");
  assert.equal(later, 1);
});
