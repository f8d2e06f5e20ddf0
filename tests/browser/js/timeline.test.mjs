/** What the last column of a row says. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { infoOf } from "../../../wf_notebook/views/static/timeline.js";

const S = 1e6;

function row(changes) {
  const bare = { kind: "step", state: "running", start_us: 0, end_us: null, due_us: null };
  return { ...bare, marks: [], attempts: null, received: 0, ...changes };
}

test("what runs grows by seconds, what is over has its time", () => {
  assert.equal(infoOf(row({}), 1.9 * S), "1 s");
  assert.equal(infoOf(row({ state: "completed", end_us: 1.25 * S }), 99 * S), "1.2 s");
});

test("attempts are counted, up to how many there may be where that is known", () => {
  const marks = [{ number: 1 }, { number: 2 }];
  assert.equal(infoOf(row({ marks }), 3 * S), "3 s, attempt 2");
  assert.equal(infoOf(row({ marks, attempts: 4 }), 3 * S), "3 s, attempt 2 of 4");
  assert.equal(
    infoOf(row({ state: "retrying", marks, attempts: 4, due_us: 7 * S }), 3 * S),
    "attempt 2 of 4, next in 4 s",
  );
});

test("what waits says until when, or for how long", () => {
  assert.equal(infoOf(row({ kind: "sleep", state: "sleeping", due_us: 30 * S }), 3 * S), "wakes in 27 s");
  assert.equal(infoOf(row({ kind: "timer", state: "pending", due_us: 30 * S }), 3 * S), "ends in 27 s");
  assert.equal(infoOf(row({ kind: "hook", state: "waiting" }), 63 * S), "open for 1 min 3 s");
});

test("payloads are counted, a group has its time", () => {
  const hook = { kind: "hook", state: "resumed", end_us: 5 * S };
  assert.equal(infoOf(row({ ...hook, received: 1 }), 9 * S), "5 s");
  assert.equal(infoOf(row({ ...hook, received: 3 }), 9 * S), "5 s, 3 payloads");
  assert.equal(infoOf(row({ kind: "group", due_us: 30 * S }), 9 * S), "9 s");
});
